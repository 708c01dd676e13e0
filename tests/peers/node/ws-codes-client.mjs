// One connection for each code: closed by us with it, or by the server.
//     node ws-codes-client.mjs URL CODES
import { once } from 'node:events';
import { WebSocket } from 'ws';

const [url, codes] = process.argv.slice(2);
for (const code of codes.split(',')) {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  if (code === 'terminate') socket.terminate();
  else if (code === 'wait') console.log('waiting');
  else if (code === 'none') socket.close();
  else socket.close(Number(code), `it is ${code}`);
  const [said, reason] = await once(socket, 'close');
  console.log(`closed ${said} ${reason}`);
}
