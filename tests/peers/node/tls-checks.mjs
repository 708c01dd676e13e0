// How Node takes a server's certificate: the error's code, or that all is well.
//     node tls-checks.mjs PORT CA-FILE [CRL-FILE]
import { readFileSync } from 'node:fs';
import tls from 'node:tls';

const [port, ca, crl] = process.argv.slice(2);
const options = { port, host: '127.0.0.1', servername: 'localhost', ca: readFileSync(ca) };
if (crl) options.crl = readFileSync(crl);
const socket = tls.connect(options, () => {
  console.log('good');
  socket.end();
});
socket.on('error', (error) => console.log(error.code));
