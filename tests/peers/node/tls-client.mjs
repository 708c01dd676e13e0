// One line over TLS that checks whom it talks to.
//     node tls-client.mjs PORT CA-FILE
import { readFileSync } from 'node:fs';
import tls from 'node:tls';

const [port, ca] = process.argv.slice(2);
const options = { port, host: '127.0.0.1', servername: 'localhost', ca: readFileSync(ca) };
const socket = tls.connect(options, () => {
  console.log(`authorized=${socket.authorized} ${socket.getProtocol()}`);
  socket.write('hello over TLS\n');
});
socket.once('data', (data) => {
  process.stdout.write(`echo ${data}`);
  socket.end();
});
socket.on('close', (hadError) => console.log(`closed hadError=${hadError}`));
