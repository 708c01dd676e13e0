// A server that says every event of http.Server as it comes, and answers each in its own way.
//     node http-events.mjs
import http from 'node:http';

const say = (...words) => console.log(words.join(' '));

const server = http.createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
  let body = '';
  const sizes = [];
  for await (const chunk of request) {
    body += chunk;
    sizes.push(chunk.length);
  }
  say('request', request.method, request.url, JSON.stringify(body), sizes.join('+') || 0, JSON.stringify(request.trailers));
  say('raw', JSON.stringify(request.rawHeaders));
  response.setHeader('X-Order', 'a');
  if (request.url === '/early') {
    response.writeProcessing();
    response.writeEarlyHints({ link: '</a.css>; rel=preload' });
  }
  if (request.url === '/away') response.writeHead(302, { Location: '/landed' });
  if (request.url === '/pieces') {
    response.writeHead(200, { Trailer: 'X-Sum' });
    response.write('one');
    response.write('two');
    response.addTrailers({ 'X-Sum': '6' });
  }
  response.end(request.url === '/pieces' ? undefined : 'ok');
});
server.on('checkContinue', (request, response) => {
  say('checkContinue', request.url);
  if (request.url === '/refused') {
    response.writeHead(417, { Connection: 'close' }).end();
    return;
  }
  response.writeContinue();
  server.emit('request', request, response);
});
server.on('upgrade', (request, socket, head) => {
  say('upgrade', request.headers.upgrade, head.length);
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat/1\r\n\r\nhello');
  socket.on('data', (data) => socket.write(`echo ${data}`));
});
server.on('connect', (request, socket) => {
  say('connect', request.url);
  socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
  socket.on('data', (data) => socket.write(`far ${data}`));
});
server.on('clientError', (error, socket) => {
  say('clientError', error.code);
  if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
});
server.listen(0, '127.0.0.1', () => say('listening', server.address().port));
