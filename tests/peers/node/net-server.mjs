// A TCP server that says every event of its net.Server and of each net.Socket it accepts.
//     node net-server.mjs '{"port":0,"reply":"hi","endOn":"data"}'
// On stdin: resume (read on), reset, close (the server; its sockets are destroyed).
import net from 'node:net';
import readline from 'node:readline';

const { port, paused, greet, reply, timeout, endOn, maxConnections } = JSON.parse(process.argv[2]);
const server = net.createServer({ pauseOnConnect: paused });
if (maxConnections !== undefined) server.maxConnections = maxConnections;
const sockets = new Set();
const more = { error: (error) => ` ${error.code}` };

for (const name of ['listening', 'connection', 'error', 'close', 'drop']) {
  server.on(name, (...args) => {
    console.log(`server ${name}${more[name]?.(...args) ?? ''}`);
    if (name === 'close' || name === 'error') process.stdin.destroy();
  });
}
server.on('listening', () => console.log(`port ${server.address().port}`));
server.on('connection', (socket) => {
  sockets.add(socket);
  const more = { error: (error) => ` ${error.code}`, close: (hadError) => ` ${hadError}` };
  for (const name of ['data', 'drain', 'end', 'error', 'timeout', 'close']) {
    if (name === 'data' && paused) continue;
    socket.on(name, (...args) => {
      console.log(`event ${name}${more[name]?.(...args) ?? ''}`);
      if (name === 'data' && reply) socket.write(reply);
      if (name === endOn) socket.end();
    });
  }
  socket.on('close', () => sockets.delete(socket));
  if (timeout) socket.setTimeout(timeout);
  if (greet) socket.write(greet);
});
server.listen(port, '127.0.0.1');

const each = (act) => () => sockets.forEach(act);
const commands = {
  resume: each((socket) => socket.resume()),
  reset: each((socket) => socket.resetAndDestroy()),
  close: () => (server.close(), each((socket) => socket.destroy())()),
};
readline.createInterface({ input: process.stdin }).on('line', (line) => commands[line]?.());
