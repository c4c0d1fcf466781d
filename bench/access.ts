/**
 * What authentication costs a request: `npm run bench -- access [TOKENS [ROUNDS]]`. Requests are put into a server without a
 * network, with no token, with an API key, and with tokens of an issuer that it meets for the first time and then again. What
 * counts is processor time: of the best round, per request, and as the share of a core that 800 requests a second would take
 * beyond what they take without a token.
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiKey, openAccess } from '#access';
import { openEmbeddedLog } from '#log';
import { createHttpServer, createLogger, createMetrics, type HttpServer, systemClock } from '#platform';
import { operation, z } from '#platform/api';
import { loadConfiguration } from '#service/configuration';
import { openTopic } from '#topologies';
import { printFigure } from './figure.ts';

const ISSUER = 'https://issuer.example';
const AUDIENCE = 'millrace';
const REQUESTS_PER_SECOND = 800;
const WARM_UP_ROUNDS = 3;

const route = operation({
  id: 'nothing',
  method: 'GET',
  path: '/nothing/:user_id',
  tag: 'bench',
  summary: 'Nothing.',
  access: { right: 'recommend', users: 'params.user_id' },
  params: z.object({ user_id: z.string() }),
  answer: { description: 'Nothing.', schema: z.strictObject({}) },
});

type Algorithm = 'RS256' | 'ES256' | 'EdDSA';
const keys: Readonly<Record<Algorithm, () => { privateKey: KeyObject; publicKey: KeyObject }>> = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};

export async function run(): Promise<void> {
  const [tokens = 1_000, rounds = 10] = process.argv.slice(3).map(Number);
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-access-'));
  try {
    for (const algorithm of Object.keys(keys) as Algorithm[]) {
      await measure(algorithm, { tokens, rounds, directory });
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

type Measuring = { readonly tokens: number; readonly rounds: number; readonly directory: string };

async function measure(algorithm: Algorithm, { tokens, rounds, directory }: Measuring): Promise<void> {
  const { privateKey, publicKey } = keys[algorithm]();
  const jwks = join(directory, 'keys.json');
  const jwk = { ...publicKey.export({ format: 'jwk' }), alg: algorithm, kid: 'a' };
  writeFileSync(jwks, JSON.stringify({ keys: [jwk] }));
  const signed = Array.from({ length: tokens }, (_, i) => tokenOf(algorithm, privateKey, `u${i}`));
  const log = await openEmbeddedLog({ directory, clock: systemClock });
  const topic = await openTopic('api-keys', log, log.registry);
  const name = `bench-${algorithm}`;
  const key = await createApiKey({ log, topic, clock: systemClock }, { name, granted: ['service'] });
  const measured: Record<string, number[]> = {};
  const note = (what: string, ms: number) => {
    measured[what] = [...(measured[what] ?? []), ms];
  };
  for (let round = 1 - WARM_UP_ROUNDS; round <= rounds; round++) {
    const flags = {
      'jwt.issuer': ISSUER,
      'jwt.audience': AUDIENCE,
      'jwt.jwks': jwks,
      'access.insecure': 'on',
    };
    const configuration = loadConfiguration({ flags, environment: {}, directory });
    const logger = createLogger({ level: 'silent', name: 'bench' });
    const environment = { configuration, log, topic, logger, namespace: 'bench', clock: systemClock };
    const access = await openAccess({ ...environment, metrics: createMetrics() });
    const server = await createHttpServer({ logger, metrics: createMetrics(), access });
    server.serve(route, () => ({}));
    const noted = round < 1 ? () => {} : note;
    const without = signed.map(() => undefined);
    noted('no token', await cpuMs(server, without));
    noted(
      'API key',
      await cpuMs(
        server,
        signed.map(() => key),
      ),
    );
    noted('first seen', await cpuMs(server, signed));
    noted('seen before', await cpuMs(server, signed));
    await server.close();
    await access.close();
  }
  await log.close();
  print(algorithm, measured);
}

/** Processor time per request, ms. */
async function cpuMs(server: HttpServer, tokens: readonly (string | undefined)[]): Promise<number> {
  const before = process.cpuUsage();
  for (const [i, token] of tokens.entries()) {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const { statusCode } = await server.routes.inject({ url: `/nothing/u${i}`, headers });
    if (statusCode !== 200) throw new Error(`a request was answered with ${statusCode}`);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / tokens.length;
}

function tokenOf(alg: Algorithm, key: KeyObject, sub: string): string {
  const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  const text = `${encoded({ alg, kid: 'a' })}.${encoded({ iss: ISSUER, aud: AUDIENCE, sub, exp })}`;
  const hash = alg === 'EdDSA' ? null : 'sha256';
  const signature = sign(hash, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

function print(algorithm: Algorithm, measured: Readonly<Record<string, readonly number[]>>): void {
  const least = (what: string) => Math.min(...(measured[what] ?? []));
  for (const what of Object.keys(measured)) {
    const value = least(what);
    printFigure({ bench: 'access', case: `${algorithm}: ${what}`, metric: 'ms', value, unit: 'cpu-ms' });
    if (what === 'no token') continue;
    printFigure({
      bench: 'access',
      case: `${algorithm}: ${what}, share of a core at ${REQUESTS_PER_SECOND} requests/s`,
      metric: 'ratio',
      value: ((value - least('no token')) * REQUESTS_PER_SECOND) / 1_000,
      unit: 'cpu-s : s',
    });
  }
  printFigure({
    bench: 'access',
    case: `${algorithm}: a request, first seen : seen before`,
    metric: 'ratio',
    value: least('first seen') / least('seen before'),
    unit: 'cpu-ms : cpu-ms',
  });
}
