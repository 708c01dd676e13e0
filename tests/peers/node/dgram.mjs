// A dgram socket that does what its stdin says, a line at a time, and tells every event it has.
//     node dgram.mjs
import dgram from 'node:dgram';
import readline from 'node:readline';

const socket = dgram.createSocket('udp4');
const say = (...words) => console.log(...words);

socket.on('listening', () => say('listening', `${socket.address().address}:${socket.address().port}`));
socket.on('connect', () => say('connect', `${socket.remoteAddress().address}:${socket.remoteAddress().port}`));
socket.on('message', (bytes, from) => say('message', `${from.address}:${from.port}`, from.size, bytes.toString()));
socket.on('error', (error) => say('error', error.code));
socket.on('close', () => say('close'));

const sent = (error) => say(error ? `failed ${error.code}` : 'sent');
const verbs = {
  bind: (address, port) => socket.bind(Number(port), address),
  connect: (address, port) => socket.connect(Number(port), address),
  // With an address to anybody, without one to whom it is connected.
  send: (text, address, port) => (port ? socket.send(text, Number(port), address, sent) : socket.send(text, sent)),
  join: (group, own) => (socket.addMembership(group, own), say('joined')),
  leave: (group, own) => (socket.dropMembership(group, own), say('left')),
  via: (own) => (socket.setMulticastInterface(own), say('via')),
  broadcast: () => (socket.setBroadcast(true), say('broadcast')),
  close: () => socket.close(),
};

const lines = readline.createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const [verb, ...rest] = line.split(' ');
  verbs[verb](...rest);
});
