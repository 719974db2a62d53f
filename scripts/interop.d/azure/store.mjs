// A blob store (azurite) that looks at the issuer, the audience and the end of every token that it is sent.
//
//   node store.mjs PORT CERTIFICATE KEY DIRECTORY
//
// Prints `ready` when it listens, and ends with its standard input.

import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const [port, certificate, key, location] = process.argv.slice(2);

// In this process, so that it ends with it.
process.argv.splice(2, process.argv.length,
  '--oauth', 'basic', '--cert', certificate, '--key', key, '--blobHost', '127.0.0.1', '--blobPort', port,
  '--location', location, '--silent', '--loose', '--disableTelemetry');
createRequire(import.meta.url)('azurite/dist/src/blob/main.js');

function look() {
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('connect', () => { socket.destroy(); console.log('ready'); });
  socket.on('error', () => setTimeout(look, 100));
}
look();

createInterface({ input: process.stdin }).on('line', () => console.log('{}')).on('close', () => process.exit(0));
