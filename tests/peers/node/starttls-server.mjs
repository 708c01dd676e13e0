// A server that begins in plain text and goes on over TLS, where it echoes; says what it heard before.
//     node starttls-server.mjs smtp|imap|pop3|postgresql CERTIFICATE KEY
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';

const [speaks, cert, key] = process.argv.slice(2);
const options = { isServer: true, cert: readFileSync(cert), key: readFileSync(key) };

const greetings = { smtp: '220-here\r\n220 it is\r\n', imap: '* OK here\r\n', pop3: '+OK here\r\n', postgresql: '' };
const answers = {
  smtp: { EHLO: '250-here\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 HELP\r\n', STARTTLS: '220 go\r\n' },
  imap: {
    'a1 CAPABILITY': '* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\na1 OK listed\r\n',
    'a2 STARTTLS': 'a2 OK go\r\n',
  },
  pop3: { CAPA: '+OK these\r\nTOP\r\nSTLS\r\n.\r\n', STLS: '+OK go\r\n' },
  postgresql: { '\0\0\0\x08\x04\xd2\x16\x2f': 'S' },
};
const last = { smtp: 'STARTTLS', imap: 'a2 STARTTLS', pop3: 'STLS', postgresql: '\0\0\0\x08\x04\xd2\x16\x2f' };

const server = net.createServer((socket) => {
  socket.on('error', () => {});
  const plain = (data) => {
    const line = data.toString('latin1').trimEnd();
    console.log(`heard ${JSON.stringify(line)}`);
    const command = Object.keys(answers[speaks]).find((name) => line.startsWith(name));
    if (line !== last[speaks]) return socket.write(answers[speaks][command] ?? '500 what\r\n');
    socket.off('data', plain);
    socket.write(answers[speaks][command]);
    const secure = new tls.TLSSocket(socket, options);
    secure.on('secure', () => console.log(`secure ${secure.getProtocol()}`));
    secure.on('error', (error) => console.log(`error ${error.code}`));
    secure.pipe(secure);
  };
  socket.on('data', plain);
  socket.write(greetings[speaks]);
});
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
