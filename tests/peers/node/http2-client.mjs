// A session of HTTP/2: two requests at once, one of them with a body and trailers, a ping, one given up.
//     node http2-client.mjs URL [CA]
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';

const [url, ca] = process.argv.slice(2);
const session = http2.connect(url, ca ? { ca: readFileSync(ca) } : {});
await once(session, 'remoteSettings');
console.log(`streams=${session.remoteSettings.maxConcurrentStreams}`);

async function ask(headers, body, trailers) {
  const stream = session.request(headers, { waitForTrailers: Boolean(trailers) });
  if (trailers) stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(body);
  const [answer] = await once(stream, 'response');
  stream.setEncoding('utf8');
  let text = '';
  for await (const chunk of stream) text += chunk;
  return { status: answer[':status'], text };
}

const [got, posted] = await Promise.all([
  ask({ ':path': '/first?a=b' }),
  ask({ ':path': '/second', ':method': 'POST' }, '你好, sockscope', { 'x-sum': '42' }),
]);
console.log(`${got.status} ${got.text.includes(':path: /first?a=b')}`);
console.log(`${posted.status} ${posted.text.includes('你好, sockscope')}`);

const rtt = await new Promise((done) => session.ping(Buffer.from('sockscop'), (error, time) => done(error ?? time)));
console.log(`ping ${typeof rtt}`);

const given = session.request({ ':path': '/third' });
given.on('error', () => {});
given.close(http2.constants.NGHTTP2_CANCEL);
await once(given, 'close');
console.log(`reset ${given.rstCode}`);
session.close();
await once(session, 'close');
