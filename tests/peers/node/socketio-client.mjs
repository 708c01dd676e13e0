// Events, acknowledgements, binary, a namespace, and events that are pushed.
//     node socketio-client.mjs URL
// With `polling` behind the URL: only the transport that is not spoken.
import { io } from 'socket.io-client';

const [url, transport = 'websocket'] = process.argv.slice(2);
const options = { transports: [transport], reconnection: false, auth: { token: 'abc' } };
const next = (socket, name) => new Promise((resolve) => socket.once(name, (...args) => resolve(args)));
const show = (name, args) => console.log(`${name} ${JSON.stringify(args)}`);

const socket = io(url, options);
if (transport === 'polling') {
  const [error] = await next(socket, 'connect_error');
  const answer = await fetch(`${url}/socket.io/?EIO=4&transport=polling`);
  console.log(`refused ${error.description}, ${answer.status}: ${(await answer.text()).trim()}`);
  process.exit(0);
}
socket.on('connect_error', (error) => console.log(`connect_error ${error.message}`));
await next(socket, 'connect');
console.log(`connected over ${socket.io.engine.transport.name} sid=${socket.id.length}`);

socket.emit('chat', '你好', 1);
show('chat', await next(socket, 'chat'));

const acknowledged = await new Promise((resolve) => socket.emit('add', 2, 3, (...args) => resolve(args)));
show('ack', acknowledged);

socket.emit('file', Buffer.from([0, 0xfe, 0xff]), 'name');
const [bytes, name] = await next(socket, 'file');
console.log(`file ${bytes.toString('hex')} ${name}`);

const admin = io(`${url}/admin`, options);
await next(admin, 'connect');
admin.emit('hello');
show('admin', await next(admin, 'hello'));

console.log('ready');
show('pushed', await next(socket, 'pushed'));
const question = next(socket, 'question');
console.log('ready for a question');
const [answer] = (await question).slice(-1);
answer('yes', 42);
show('told', await next(admin, 'told'));

admin.disconnect();
socket.disconnect();
