// The chapter's UDP client: one datagram.
//     node udp-client.mjs [PORT]
import dgram from 'node:dgram';

const port = Number(process.argv[2] ?? 41234);
const message = Buffer.from('深入浅出Node.js');
const client = dgram.createSocket('udp4');

client.send(message, port, '127.0.0.1', (error, bytes) => {
  if (error) throw error;
  console.log(`sent ${bytes} bytes`);
  client.close();
});
