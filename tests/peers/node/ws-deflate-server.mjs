// Echoes messages; says what was agreed on and what came.
//     node ws-deflate-server.mjs OPTIONS
import { createHash } from 'node:crypto';
import { WebSocketServer } from 'ws';

const perMessageDeflate = { threshold: 100, ...JSON.parse(process.argv[2]) };
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate });
server.on('listening', () => console.log(`listening ${server.address().port}`));
server.on('connection', (socket) => {
  console.log(`extensions ${socket.extensions}`);
  socket.on('message', (data, binary) => {
    console.log(`message ${data.length} ${createHash('sha1').update(data).digest('hex').slice(0, 8)}`);
    socket.send(data, { binary });
  });
  socket.on('close', (code) => console.log(`closed ${code}`));
});
