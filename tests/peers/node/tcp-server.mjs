// The chapter's TCP server: greets every client, and answers whatever it says.
//     node tcp-server.mjs [PORT]
import net from 'node:net';

const port = Number(process.argv[2] ?? 8124);

const server = net.createServer((socket) => {
  socket.on('data', () => socket.write('你好'));
  socket.on('end', () => console.log('client left'));
  socket.write('深入浅出Node.js:\n');
});

server.listen(port, '127.0.0.1', () => console.log(`server bound ${server.address().port}`));
