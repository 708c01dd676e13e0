// Speaks a protocol of its own over TLS, and no other.
//     node tls-alpn-server.mjs CERTIFICATE KEY
import { readFileSync } from 'node:fs';
import tls from 'node:tls';

const [cert, key] = process.argv.slice(2);
const server = tls.createServer({ cert: readFileSync(cert), key: readFileSync(key), ALPNProtocols: ['other/1'] });
server.on('tlsClientError', (error) => console.log(`refused ${error.code}`));
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
