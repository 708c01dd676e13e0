// Both sides show certificates (mTLS).
//     node tls-mutual.mjs client PORT CA-FILE CERTIFICATE KEY
//     node tls-mutual.mjs server CA-FILE CERTIFICATE KEY
import { readFileSync } from 'node:fs';
import tls from 'node:tls';

const [role, ...rest] = process.argv.slice(2);
const port = role === 'client' ? rest.shift() : 0;
const [ca, cert, key] = rest.map((file) => readFileSync(file));
if (role === 'client') {
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca, cert, key }, () => {
    socket.write('hello\n');
  });
  socket.once('data', (data) => {
    process.stdout.write(`authorized=${socket.authorized} ${data}`);
    socket.end();
  });
  socket.on('error', (error) => console.log(error.code));
} else {
  const server = tls.createServer({ ca, cert, key, requestCert: true, rejectUnauthorized: true }, (socket) => {
    console.log(`peer ${socket.getPeerCertificate().subject.CN} authorized=${socket.authorized}`);
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.on('tlsClientError', (error) => console.log(`refused ${error.code}`));
  server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
}
