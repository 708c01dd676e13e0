// Connects twice, the second time with the session of the first.
//     node tls-sessions.mjs PORT CA-FILE VERSION
import { readFileSync } from 'node:fs';
import tls from 'node:tls';

const [port, ca, version] = process.argv.slice(2);
const options = {
  port, host: '127.0.0.1', servername: 'localhost', ca: readFileSync(ca), minVersion: version, maxVersion: version,
};
let session;

function talk(next) {
  const socket = tls.connect({ ...options, session }, () => socket.write('hello\n'));
  socket.on('session', (ticket) => { session = ticket; });
  socket.on('keylog', () => {});
  socket.once('data', () => {
    const group = socket.getEphemeralKeyInfo().name ?? 'none';
    console.log(`${socket.getProtocol()} ${socket.getCipher().standardName} ${group} reused=${socket.isSessionReused()}`);
    socket.end();
  });
  socket.on('close', () => next?.());
}

talk(() => talk());
