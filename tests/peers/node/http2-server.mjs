// Answers by path: most with what was asked, some in the ways that only HTTP/2 has.
//     node http2-server.mjs [CERTIFICATE KEY]
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';

const [cert, key] = process.argv.slice(2);
const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_INTERNAL_ERROR } = http2.constants;

const answers = {
  '/reset': (stream) => stream.close(NGHTTP2_INTERNAL_ERROR),
  '/hints': (stream) => {
    stream.additionalHeaders({ ':status': 103, link: '</style.css>; rel=preload; as=style' });
    stream.respond({ ':status': 200 });
    stream.end('styled');
  },
  '/trailers': (stream) => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }));
    stream.end('summed');
  },
  '/ping': (stream) => {
    stream.session.ping(Buffer.from('sockscop'), (error, time) => {
      stream.respond({ ':status': error ? 500 : 200 }, { endStream: true });
      console.log(`pinged ${typeof time}`);
    });
  },
  '/goaway': (stream) => {
    stream.respond({ ':status': 200 }, { endStream: true });
    stream.session.goaway(NGHTTP2_ENHANCE_YOUR_CALM, stream.id, Buffer.from('enough'));
    stream.session.close();
  },
};

const server = cert
  ? http2.createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) })
  : http2.createServer();
server.on('sessionError', (error) => console.log(`session: ${error.code}`));
server.on('stream', async (stream, headers) => {
  stream.on('error', () => {});
  let body = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) body += chunk;
  const answer = answers[headers[':path']];
  if (answer) return answer(stream);
  const line = `${headers[':method']} ${headers[':path']} from ${headers[':authority']} on ${stream.id}: ${body}`;
  console.log(line);
  stream.respond({ ':status': 200, 'content-type': 'text/plain; charset=utf-8' });
  stream.end(`you said: ${line}`);
});
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
