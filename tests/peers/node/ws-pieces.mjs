// A message in three frames with a ping between them, an empty one, a mebibyte, and away without a close frame.
//     node ws-pieces.mjs URL
import { once } from 'node:events';
import { WebSocket } from 'ws';

const socket = new WebSocket(process.argv[2]);
await once(socket, 'open');

async function echo(data) {
  const [back, isBinary] = await once(socket, 'message');
  console.log(`echo binary=${isBinary} same=${back.equals(Buffer.from(data))} ${back.length}`);
}

socket.send('one ', { fin: false });
socket.send('two ', { fin: false });
socket.ping();
socket.send('three');
await echo('one two three');

socket.send('');
await echo('');

const large = Buffer.alloc(1 << 20, 7);
socket.send(large);
await echo(large);

socket.terminate();
