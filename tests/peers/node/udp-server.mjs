// The chapter's UDP server: shows what it gets, and from whom.
//     node udp-server.mjs [PORT]
import dgram from 'node:dgram';

const port = Number(process.argv[2] ?? 41234);
const server = dgram.createSocket('udp4');

server.on('message', (message, from) => {
  console.log(`server got: ${message} from ${from.address}:${from.port}`);
});
server.on('listening', () => {
  const { address, port } = server.address();
  console.log(`server listening ${address}:${port}`);
});

server.bind(port, '127.0.0.1');
