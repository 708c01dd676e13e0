// Echoes messages as they came, and pings every client once.
//     node ws-server.mjs [CERTIFICATE KEY]
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { WebSocketServer } from 'ws';

const [cert, key] = process.argv.slice(2);
const bound = () => console.log(`listening ${server.address().port}`);
const secure = cert && createServer({ cert: readFileSync(cert), key: readFileSync(key) });
const server = new WebSocketServer(secure ? { server: secure } : { port: 0, host: '127.0.0.1' });
server.on('listening', bound);
secure?.listen(0, '127.0.0.1');

server.on('connection', (socket, request) => {
  console.log(`open ${request.url} protocol=${socket.protocol}`);
  socket.on('message', (data, isBinary) => {
    console.log(`message binary=${isBinary} ${isBinary ? data.toString('hex') : data}`);
    socket.send(data, { binary: isBinary });
  });
  socket.on('ping', (data) => console.log(`ping ${data}`));
  socket.on('pong', (data) => console.log(`pong ${data}`));
  socket.on('close', (code, reason) => console.log(`closed ${code} ${reason}`));
  socket.ping('and you');
});
