// A real OpenID provider on loopback, for the tests of single sign-on.
//
// It takes a free port, prints `listening on http://127.0.0.1:PORT` (that address is its issuer) and ends when its
// standard input closes, so that it cannot outlive the test that started it. For the README's walk-through the environment
// may name the PORT; then it runs until it is killed.
//
// Clients: one JSON object a line on standard input, answered by `client ID ready` on standard output:
//   {"client_id": "a", "client_secret": "at-least-32-characters", "redirect_uri": "http://127.0.0.1:1/callback"}
// `redirect_uris` and any other client metadata (`token_endpoint_auth_method`, `id_token_signed_response_alg`: RS256 or
// ES256) may stand beside them. PROVIDER_CLIENTS, a JSON array of the same objects, registers clients before the first line.
// A line that is no such client is answered by `error MESSAGE`.
//
// Accounts: any login name with any password; the name becomes the subject. ACCOUNTS below are the ones that differ.
// Consent is given as soon as someone has signed in. Everything is in memory.

import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

// The library speaks to standard output now and then; that stream belongs to whoever reads our lines.
console.log = console.info = console.warn = console.error;
const say = (line) => process.stdout.write(`${line}\n`);

const { default: Provider } = await import('oidc-provider');

const ACCOUNTS = {
  ada: { name: 'Ada Lovelace' },
  grace: { name: 'Grace Hopper' },
  // Shows an e-mail address that is another's and that nobody has checked.
  mallory: { name: 'Mallory', email: 'ada@example.test', email_verified: false },
};

function findAccount(_ctx, sub) {
  const email = sub.includes('@') ? sub : `${sub}@example.test`;
  const account = { sub, name: sub, email, email_verified: true, ...ACCOUNTS[sub] };
  return { accountId: sub, claims: () => account };
}

// Grants consent for whatever is asked, so that the login form is the only page.
async function loadExistingGrant(ctx) {
  const { client, session, params } = ctx.oidc;
  const known = session.grantIdFor(client.clientId);
  const grant = (known && (await ctx.oidc.provider.Grant.find(known)))
    || new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(params.scope);
  await grant.save();
  return grant;
}

const records = new Map();

// Everything the provider stores, by kind and id. What expired is left to the check of the provider itself.
class MemoryAdapter {
  constructor(kind) { this.kind = kind; }

  key(id) { return `${this.kind}:${id}`; }

  async upsert(id, payload) { records.set(this.key(id), payload); }

  async find(id) { return records.get(this.key(id)); }

  async findByUid(uid) { return this.findBy('uid', uid); }

  async findByUserCode(code) { return this.findBy('userCode', code); }

  async findBy(field, value) {
    for (const [key, payload] of records) {
      if (key.startsWith(`${this.kind}:`) && payload[field] === value) return payload;
    }
    return undefined;
  }

  async consume(id) { records.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }

  async destroy(id) { records.delete(this.key(id)); }

  async revokeByGrantId(grantId) {
    for (const [key, payload] of records) if (payload.grantId === grantId) records.delete(key);
  }
}

function addClient({ redirect_uri: uri, ...metadata }) {
  const { client_id: id, client_secret: secret } = metadata;
  const uris = metadata.redirect_uris ?? (uri && [uri]);
  if (!id || !secret || !uris) throw new Error('client_id, client_secret and redirect_uri are needed');
  records.set(`Client:${id}`, {
    grant_types: ['authorization_code'],
    response_types: ['code'],
    ...metadata,
    redirect_uris: uris,
  });
  return id;
}

function signingKeys() {
  const jwk = ({ privateKey }, alg) => ({ ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: alg });
  return {
    keys: [
      jwk(generateKeyPairSync('rsa', { modulusLength: 2048 }), 'RS256'),
      jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'ES256'),
    ],
  };
}

for (const client of JSON.parse(process.env.PROVIDER_CLIENTS ?? '[]')) addClient(client);

const server = createServer();
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  adapter: MemoryAdapter,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  // The claims of the scopes stand in the ID token too, as most providers in use have it; PROVIDER_THIN leaves them to userinfo.
  conformIdTokenClaims: Boolean(process.env.PROVIDER_THIN),
  cookies: { keys: ['only for tests'] },
  features: { devInteractions: { enabled: true } },
  findAccount,
  jwks: signingKeys(),
  loadExistingGrant,
  pkce: { required: () => true },
  ttl: { AccessToken: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
});
provider.on('server_error', (_ctx, error) => console.error(error));
server.on('request', provider.callback());
say(`listening on ${issuer}`);

for await (const line of createInterface({ input: process.stdin })) {
  try {
    say(`client ${addClient(JSON.parse(line))} ready`);
  } catch (error) {
    say(`error ${error.message}`);
  }
}
if (!process.env.PORT) process.exit(0);
