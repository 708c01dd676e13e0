// Answers every request with what it asked for, and numbers connections.
//     node http-server.mjs [CERTIFICATE KEY]
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const [cert, key] = process.argv.slice(2);
const numbers = new WeakMap();
let connections = 0;

async function answer(request, response) {
  let body = '';
  request.setEncoding('utf8');
  for await (const chunk of request) body += chunk;
  const line = `${request.method} ${request.url} on connection ${numbers.get(request.socket)}: ${body}`;
  console.log(line);
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  // Without a length, and in two pieces: it goes out chunked.
  response.write('you said: ');
  response.end(line);
}

const server = cert
  ? https.createServer({ cert: readFileSync(cert), key: readFileSync(key) }, answer)
  : http.createServer(answer);
server.on(cert ? 'secureConnection' : 'connection', (socket) => numbers.set(socket, ++connections));
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
