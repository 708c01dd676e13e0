// Texts that compress well, whole and in frames, one that is not compressed, then a close.
//     node ws-deflate-client.mjs URL OPTIONS
import { once } from 'node:events';
import { WebSocket } from 'ws';

const [url, options] = process.argv.slice(2);
const socket = new WebSocket(url, { perMessageDeflate: { threshold: 100, ...JSON.parse(options) } });
await once(socket, 'open');
console.log(`extensions ${socket.extensions}`);

async function echo(data) {
  const [back, isBinary] = await once(socket, 'message');
  console.log(`echo binary=${isBinary} same=${back.equals(Buffer.from(data))} ${back.length}`);
}

const text = '你好, again and again '.repeat(1000);
for (let n = 0; n < 2; n += 1) {
  socket.send(text);
  await echo(text);
}
socket.send(text.slice(0, 5000), { fin: false });
socket.send('', { fin: false });
socket.ping();
socket.send(text.slice(5000), { fin: true });
await echo(text);
const noise = Buffer.from(Array.from({ length: 100_000 }, (_, n) => (n * 2654435761) >>> 24));
socket.send(noise);
await echo(noise);
socket.send('short');
await echo('short');
socket.close();
await once(socket, 'close');
