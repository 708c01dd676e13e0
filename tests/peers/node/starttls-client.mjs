// Waits for a line in plain text, then goes on over TLS on the same socket (tls.connect({ socket })).
//     node starttls-client.mjs PORT CA-FILE
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';

const [port, ca] = process.argv.slice(2);
const socket = net.connect({ port, host: '127.0.0.1' }, () => socket.write('ready?\n'));
socket.once('data', (data) => {
  console.log(`plain ${data.toString().trim()}`);
  const secure = tls.connect({ socket, servername: 'localhost', ca: readFileSync(ca) }, () => {
    console.log(`authorized=${secure.authorized} ${secure.getProtocol()}`);
    secure.write('over TLS\n');
  });
  secure.once('data', (data) => {
    console.log(`clear ${data.toString().trim()}`);
    secure.end();
  });
  secure.on('error', (error) => console.log(`error ${error.code}`));
  secure.on('close', (hadError) => console.log(`closed hadError=${hadError}`));
});
