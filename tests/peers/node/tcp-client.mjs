// The chapter's TCP client: says one line, shows what comes, and ends.
//     node tcp-client.mjs [PORT]
import net from 'node:net';

const port = Number(process.argv[2] ?? 8124);

const client = net.connect({ port, host: '127.0.0.1' }, () => {
  console.log('client connected');
  client.write('world!\r\n');
});

client.once('data', () => client.end());
client.on('data', (data) => process.stdout.write(data));
client.on('end', () => console.log('\nclient disconnected'));
