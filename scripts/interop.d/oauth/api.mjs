// An API that asks the authorization server about every token it is sent (RFC 7662) and keeps nothing.
//
//   node api.mjs PORT ISSUER_PORT
//
// Prints `ready` when it listens. On each line that it reads it prints what it saw since the last one: how many requests
// were accepted and refused, for how many the issuer could not be asked, how many tokens there were, and how long after
// its first use the oldest one was still sent, in milliseconds.

import { Agent, createServer, request } from 'node:http';
import { createInterface } from 'node:readline';

const [port, issuer] = process.argv.slice(2).map(Number);
const agent = new Agent({ keepAlive: true });
const authorization = `Basic ${Buffer.from('api:api-secret').toString('base64')}`;
const firstSeen = new Map();
let seen;

function forget() {
  seen = { accepted: 0, refused: 0, unknown: 0, tokens: 0, oldest_ms: 0, scopes: {} };
}
forget();

function introspect(token) {
  return new Promise((resolve, reject) => {
    const body = `token=${encodeURIComponent(token)}&token_type_hint=access_token`;
    const asked = request({
      host: '127.0.0.1', port: issuer, path: '/token/introspection', method: 'POST', agent,
      headers: { authorization, 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) },
    }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (data) => { text += data; }).on('error', reject).on('end', () => {
        try {
          if (answer.statusCode !== 200) throw new Error(`introspection answers ${answer.statusCode}`);
          resolve(JSON.parse(text));
        } catch (error) { reject(error); }
      });
    });
    asked.on('error', reject).end(body);
  });
}

const server = createServer(async (asked, answer) => {
  const [, token] = /^Bearer (.+)$/.exec(asked.headers.authorization ?? '') ?? [];
  let status = 401;
  if (token) {
    const now = performance.now();
    if (!firstSeen.has(token)) {
      firstSeen.set(token, now);
      seen.tokens += 1;
    }
    seen.oldest_ms = Math.max(seen.oldest_ms, Math.round(now - firstSeen.get(token)));
    try {
      const told = await introspect(token);
      if (told.active) {
        status = 200;
        const scope = `${told.client_id} ${told.scope ?? ''} ${told.aud ?? ''}`;
        seen.scopes[scope] = (seen.scopes[scope] ?? 0) + 1;
      }
    } catch { status = 503; }
  }
  seen[{ 200: 'accepted', 401: 'refused', 503: 'unknown' }[status]] += 1;
  answer.writeHead(status, status === 401 ? { 'www-authenticate': 'Bearer error="invalid_token"' } : {}).end();
});
// A connection that is closed for idleness while a request is on its way to it is an error of its client's: not looked at.
server.keepAliveTimeout = 0;
server.listen(port, '127.0.0.1', () => console.log('ready'));

createInterface({ input: process.stdin }).on('line', () => {
  console.log(JSON.stringify(seen));
  forget();
}).on('close', () => process.exit(0));
