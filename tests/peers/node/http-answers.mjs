// One server, many kinds of answer.
//     node http-answers.mjs
import http from 'node:http';

const answers = {
  '/nothing': (response) => response.writeHead(204).end(),
  '/same': (response) => response.writeHead(304, { ETag: '"x"', 'Content-Length': 10 }).end(),
  '/hints': (response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
    response.end('hinted');
  },
  '/trailers': (response) => {
    response.writeHead(200, { Trailer: 'X-Sum' });
    response.write('piece');
    response.addTrailers({ 'X-Sum': '42' });
    response.end();
  },
  '/last': (response) => response.writeHead(200, { Connection: 'close' }).end('bye'),
};

const server = http.createServer((request, response) => (answers[request.url] ?? ((other) => other.end('ok')))(response));
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
