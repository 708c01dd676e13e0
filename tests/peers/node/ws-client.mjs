// Text, binary, a ping, and a close with a code of its own.
//     node ws-client.mjs URL [CA-FILE]
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';

const [url, ca] = process.argv.slice(2);
const socket = new WebSocket(url, ['v2', 'v1'], ca && { ca: readFileSync(ca) });
await once(socket, 'open');
console.log(`open protocol=${socket.protocol} extensions=${socket.extensions}`);

socket.send('你好, sockscope');
const [text, textIsBinary] = await once(socket, 'message');
console.log(`text binary=${textIsBinary} ${text}`);

socket.send(Buffer.from([0, 1, 2, 0xfe, 0xff]));
const [bytes, bytesAreBinary] = await once(socket, 'message');
console.log(`bytes binary=${bytesAreBinary} ${bytes.toString('hex')}`);

socket.ping('are you there');
const [pong] = await once(socket, 'pong');
console.log(`pong ${pong}`);

socket.close(4001, 'that is all');
const [code, reason] = await once(socket, 'close');
console.log(`closed ${code} ${reason}`);
