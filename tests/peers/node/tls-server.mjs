// Echoes over TLS.
//     node tls-server.mjs CERTIFICATE KEY
import { readFileSync } from 'node:fs';
import tls from 'node:tls';

const [cert, key] = process.argv.slice(2);
const server = tls.createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => {
  socket.on('error', () => {});
  socket.pipe(socket);
});
server.on('tlsClientError', (error) => console.log(`refused ${error.code}`));
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
