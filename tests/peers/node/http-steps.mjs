// What Node's client can do with one connection each: a body it asks leave for, trailers, an upgrade, a tunnel.
//     node http-steps.mjs URL
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';

const url = new URL(process.argv[2]);
const at = { host: url.hostname, port: url.port };

const text = async (answer) => {
  answer.setEncoding('utf8');
  let all = '';
  for await (const chunk of answer) all += chunk;
  return all;
};

// Expect: the body waits for 'continue'. Chunked, with trailers behind it.
{
  const headers = { Expect: '100-continue', 'Transfer-Encoding': 'chunked', Trailer: 'X-Sum' };
  const sent = http.request({ ...at, method: 'PUT', path: '/steps', headers });
  sent.flushHeaders();
  await once(sent, 'continue');
  sent.write('one');
  sent.addTrailers({ 'X-Sum': '6' });
  sent.end('two');
  const [answer] = await once(sent, 'response');
  console.log(`continue ${answer.statusCode} ${(await text(answer)).includes('onetwo')}`);
}

// An upgrade: from there on, bytes.
for (const [method, path, headers, event] of [
  ['GET', '/up', { Connection: 'Upgrade', Upgrade: 'chat/1' }, 'upgrade'],
  ['CONNECT', 'far.test:99', {}, 'connect'],
]) {
  const sent = http.request({ ...at, method, path, headers });
  sent.end();
  const [answer, socket] = await once(sent, event);
  socket.write('through');
  const [back] = await once(socket, 'data');
  console.log(`${event} ${answer.statusCode} ${answer.headers.upgrade ?? '-'} ${back}`);
  socket.end();
  await once(socket, 'close');
}

// Pipelined: Node's client does not, its net does.
{
  const socket = net.connect(at);
  socket.setEncoding('utf8');
  socket.write('GET /1 HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2) + 'GET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  let all = '';
  for await (const chunk of socket) all += chunk;
  console.log(`pipelined ${all.split('HTTP/1.1 200 OK').length - 1}`);
}
