// An HTTPS server whose key and chain come from a PKCS#12 file, and which wants its clients' certificates.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [pfx, ca, passphrase] = process.argv.slice(2);
const options = { pfx: readFileSync(pfx), passphrase, ca: readFileSync(ca), requestCert: true };
const server = createServer(options, (req, res) => {
  res.end(`hello ${req.socket.getPeerCertificate().subject.CN}\n`);
});
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
process.stdin.on('end', () => process.exit()).resume();
