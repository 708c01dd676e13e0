// Three requests, one after another, over an agent that keeps its connection alive.
//     node http-client.mjs URL [CA-FILE]
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const [url, ca] = process.argv.slice(2);
const secure = url.startsWith('https:');
const { Agent, request } = secure ? https : http;
const agent = new Agent({ keepAlive: true, maxSockets: 1, ...(ca && { ca: readFileSync(ca) }) });

const asked = [
  { method: 'GET', path: '/first?a=b' },
  { method: 'POST', path: '/second', body: '你好, sockscope' },
  { method: 'GET', path: '/third' },
];

for (const { method, path, body } of asked) {
  const sent = request(new URL(path, url), { method, agent });
  sent.end(body);
  const [answer] = await once(sent, 'response');
  answer.setEncoding('utf8');
  let text = '';
  for await (const chunk of answer) text += chunk;
  console.log(`${answer.statusCode} reused=${sent.reusedSocket} ${text.split('\n')[0]}`);
  if (body) console.log(`echoed=${text.includes(body)}`);
  // The socket goes back to the agent a turn after the answer's end.
  await new Promise(setImmediate);
}
agent.destroy();
