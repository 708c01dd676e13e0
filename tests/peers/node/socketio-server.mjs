// Socket.IO's own server, with heartbeats that are due soon.
//     node socketio-server.mjs
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const http = createServer();
const io = new Server(http, { pingInterval: 200, pingTimeout: 2000 });
io.on('connection', (socket) => {
  console.log('connected');
  socket.onAny((name, ...args) => {
    console.log(`event ${name} ${JSON.stringify(args.filter((arg) => typeof arg !== 'function'))}`);
  });
  socket.on('add', (a, b, done) => done(a + b));
  socket.emit('welcome', { to: 'you' });
  socket.conn.on('heartbeat', () => console.log('heartbeat'));
  socket.on('disconnect', (reason) => console.log(`disconnected ${reason}`));
});
io.of('/admin').on('connection', () => console.log('connected to admin'));
http.listen(0, '127.0.0.1', () => console.log(`listening ${http.address().port}`));
