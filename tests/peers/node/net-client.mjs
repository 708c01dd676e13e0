// A TCP client that says every event of its net.Socket.
//     node net-client.mjs '{"port":8124,"host":"localhost","write":"hello","endOn":"data"}'
// Its stdin's end is its own end, unless an event of `endOn` came first.
import net from 'node:net';

const { port, host, lookup, write, big, timeout, endOn } = JSON.parse(process.argv[2]);
const options = { port, host };
if (lookup) {
  options.autoSelectFamily = true;
  options.autoSelectFamilyAttemptTimeout = 250;
  const found = lookup.map((address) => ({ address, family: 4 }));
  options.lookup = (_, wanted, done) => setImmediate(done, null, found);
}
const socket = net.connect(options);

const names = ['lookup', 'connectionAttempt', 'connectionAttemptFailed', 'connectionAttemptTimeout', 'connect', 'ready',
  'data', 'drain', 'end', 'error', 'timeout', 'close'];
const more = { error: (error) => ` ${error.code}`, close: (hadError) => ` ${hadError}` };
for (const name of names) {
  socket.on(name, (...args) => {
    console.log(`event ${name}${more[name]?.(...args) ?? ''}`);
    if (name === endOn) socket.end();
    if (name === 'close') process.stdin.destroy();
  });
}
socket.on('connect', () => {
  if (timeout) socket.setTimeout(timeout);
  if (write) socket.write(write);
  if (big) socket.write(Buffer.alloc(big, 'x'));
});
process.stdin.on('end', () => endOn || socket.end());
process.stdin.resume();
