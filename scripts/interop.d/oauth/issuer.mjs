// A certified OAuth 2 authorization server (oidc-provider) with tokens of so many seconds.
//
//   node issuer.mjs PORT KEYS SECONDS
//
// KEYS is a directory: the private keys of the clients are written there, once. Prints `ready` when it listens, and
// the number of token requests so far, by outcome, on each line that it reads.

import { generateKeyPairSync, createPrivateKey, createPublicKey } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import Provider, { errors } from 'oidc-provider';

const [port, keys, seconds] = process.argv.slice(2);
const life = Number(seconds);
const issuer = `http://127.0.0.1:${port}`;

const kinds = {
  rsa: ['RS256', () => generateKeyPairSync('rsa', { modulusLength: 2048 }), 'pkcs1'],
  p256: ['ES256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'sec1'],
  p384: ['ES384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }), 'pkcs8'],
  ed25519: ['EdDSA', () => generateKeyPairSync('ed25519'), 'pkcs8'],
};

const common = { redirect_uris: [], response_types: [], grant_types: ['client_credentials'] };

const signing = Object.entries(kinds).map(([name, [alg, generate, type]]) => {
  const file = join(keys, `${name}.pem`);
  if (!existsSync(file)) {
    writeFileSync(file, generate().privateKey.export({ type, format: 'pem' }), { mode: 0o600 });
  }
  const key = createPublicKey(createPrivateKey(readFileSync(file))).export({ format: 'jwk' });
  return {
    ...common,
    client_id: `agent-${name}`,
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: alg,
    jwks: { keys: [{ ...key, alg, use: 'sig', kid: name }] },
  };
});

const provider = new Provider(issuer, {
  clients: [
    ...signing,
    { ...common, client_id: 'agent basic:1', client_secret: 'b+sec%ret/1', token_endpoint_auth_method: 'client_secret_basic' },
    { ...common, client_id: 'agent-post', client_secret: 'p&sec=ret 2', token_endpoint_auth_method: 'client_secret_post' },
    { ...common, client_id: 'api', client_secret: 'api-secret', token_endpoint_auth_method: 'client_secret_basic' },
  ],
  scopes: ['invoices.read', 'invoices.write'],
  enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'ES256', 'ES384', 'EdDSA'] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (ctx, client) => client.clientId === 'api' },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: (ctx, resource) => {
        if (resource !== 'https://api.example.com/') {
          throw new errors.InvalidTarget();
        }
        return { scope: 'invoices.read invoices.write', accessTokenTTL: life, accessTokenFormat: 'opaque' };
      },
    },
  },
  ttl: { ClientCredentials: life },
});

const counts = { granted: 0, refused: 0 };
provider.on('grant.success', () => { counts.granted += 1; });
provider.on('grant.error', (ctx, error) => {
  counts.refused += 1;
  console.error(`issuer: ${error.error}: ${error.error_detail ?? error.error_description ?? ''}`);
});

const server = provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
// The API keeps its connections: one that is closed here while a question is on its way would be no answer to it.
server.keepAliveTimeout = 600_000;
createInterface({ input: process.stdin }).on('line', () => console.log(JSON.stringify(counts))).on('close', () => process.exit(0));
