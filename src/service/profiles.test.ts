import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { explainConfiguration, loadConfiguration, rereadSecrets } from './configuration.ts';
import { requireFitForProduction } from './production.ts';

const TOKEN = 'token-4711-of-admins';

function directoryWith(t: TestContext, files: Readonly<Record<string, unknown>>): string {
  const directory = temporaryDirectory(t);
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(directory, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return directory;
}

const sourcesOf = (directory: string, environment: Readonly<Record<string, string>> = {}) => ({
  flags: {},
  environment,
  directory,
});

describe('profiles', () => {
  it('are layers between the file and the environment, each value with its origin', (t) => {
    const directory = directoryWith(t, {
      'millrace.config.json': { http: { host: 'a', port: 1, bodiesMb: 2 }, data: 'base', simulation: 'off' },
      'millrace.config.staging.json': { http: { port: 2, bodiesMb: 3 }, data: 'staging' },
      'millrace.config.prod.json': { http: { port: 9 } },
    });
    const sources = {
      flags: { data: 'flag', profile: 'staging' },
      environment: { MILLRACE_HTTP_BODIES_MB: '4', MILLRACE_PROFILE: 'prod' },
      directory,
    };
    const { http, data, profile } = loadConfiguration(sources);
    assert.deepEqual([http.host, http.port, http.bodiesMb, profile], ['a', 2, 4, 'staging']);
    assert.equal(data, join(directory, 'flag'));
    const origins = new Map(explainConfiguration(sources).map(({ path, origin }) => [path, origin]));
    const file = join(directory, 'millrace.config.json');
    for (const [path, kind, source] of [
      ['http.origins', 'default', 'default'],
      ['http.host', 'file', file],
      ['simulation.world', 'file', file],
      ['http.port', 'profile', join(directory, 'millrace.config.staging.json')],
      ['http.bodiesMb', 'environment', 'environment variable MILLRACE_HTTP_BODIES_MB'],
      ['data', 'flag', 'the command line'],
    ] as const) {
      assert.deepEqual(origins.get(path), { kind, source }, path);
    }
  });

  it('are chosen by flag, variable or file, and have a file beside the one that is named', (t) => {
    const directory = directoryWith(t, {
      'millrace.config.json': { profile: 'dev' },
      'millrace.config.dev.json': { http: { port: 1 } },
      'millrace.config.prod.json': { http: { port: 2 } },
      'other.json': {},
      'other.prod.json': { http: { port: 3 } },
      plain: {},
      'plain.prod': { http: { port: 4 } },
    });
    const port = (sources: object) => loadConfiguration({ ...sourcesOf(directory), ...sources }).http.port;
    const environment = { MILLRACE_PROFILE: 'prod' };
    assert.equal(port({}), 1);
    assert.equal(port({ environment }), 2);
    assert.equal(port({ environment, file: 'other.json' }), 3);
    assert.equal(port({ environment, file: 'plain' }), 4);
    assert.equal(port({ environment: { MILLRACE_PROFILE: 'staging' } }), 8080);
    assert.throws(() => port({ environment: { MILLRACE_PROFILE: 'production' } }), {
      code: 'MR_CONFIG_INVALID',
      message: /profile is "production" in environment variable MILLRACE_PROFILE/,
    });
    const nested = directoryWith(t, { 'millrace.config.dev.json': { profile: 'prod' } });
    assert.throws(() => loadConfiguration({ ...sourcesOf(nested), flags: { profile: 'dev' } }), {
      code: 'MR_CONFIG_INVALID',
      message: /profile.*millrace\.config\.dev\.json/,
    });
    const broken = directoryWith(t, { 'millrace.config.dev.json': '{' });
    assert.throws(() => loadConfiguration({ ...sourcesOf(broken), flags: { profile: 'dev' } }), {
      code: 'MR_CONFIG_FILE',
      message: /millrace\.config\.dev\.json/,
    });
  });

  it('prod refuses what is not fit, and names each option', () => {
    const fit = { profile: 'prod', 'access.loopback': 'token', 'http.proxyTls': 'on' };
    const kafka = { registry: 'http://r', log: 'kafka://a?replication=1' };
    const check = (flags: Readonly<Record<string, string>>) => () =>
      requireFitForProduction(loadConfiguration({ flags, environment: {}, directory: '/' }));
    const code = 'MR_CONFIG_PRODUCTION';
    for (const flags of [
      fit,
      { ...fit, 'http.host': '0.0.0.0', 'access.loopback': 'open' },
      { ...fit, ...kafka },
      { profile: 'staging', 'access.insecure': 'on', ...kafka, log: 'kafka://a' },
      {},
    ]) {
      assert.doesNotThrow(check(flags), JSON.stringify(flags));
    }
    assert.throws(check({ ...fit, 'access.loopback': 'open' }), {
      code,
      message: /: access\.loopback is[^;]*$/,
    });
    assert.throws(check({ ...fit, 'access.insecure': 'on' }), {
      code,
      message: /: access\.insecure is[^;]*$/,
    });
    assert.throws(check({ ...fit, 'http.proxyTls': 'off' }), { code, message: /http\.proxyTls[^;]*$/ });
    assert.throws(check({ ...fit, ...kafka, log: 'kafka://ann:4711@a?prefix=x' }), (error: Error) => {
      assert.match(error.message, /refuses to start: the address of option log[^;]*replication/);
      assert.doesNotMatch(error.message, /4711/);
      return true;
    });
    assert.throws(check({ profile: 'prod', 'access.insecure': 'on' }), {
      message: /access\.insecure.*access\.loopback.*http\.proxyTls/,
    });
  });
});

describe('secrets of the configuration', () => {
  it('may be references, which are read for the value that counts alone', (t) => {
    const directory = directoryWith(t, {
      'millrace.config.json': {
        admin: { token: 'file:none' },
        kafka: { username: 'env:NAME', password: 'env:PASSWORD' },
        notifications: { url: 'file:url', format: 'slack' },
      },
      token: `${TOKEN}\n`,
      url: 'https://hooks.example/4711',
    });
    const environment = { MILLRACE_ADMIN_TOKEN: 'file:token', PASSWORD: 'p' };
    const configuration = loadConfiguration(sourcesOf(directory, environment));
    assert.equal(configuration.admin.token, TOKEN);
    // No secret: what is written is meant.
    assert.deepEqual(configuration.kafka, { username: 'env:NAME', password: 'p' });
    assert.equal(configuration.notifications.url, 'https://hooks.example/4711');
    const withoutOverride = () => loadConfiguration(sourcesOf(directory, { PASSWORD: 'p' }));
    assert.throws(withoutOverride, {
      code: 'MR_CONFIG_SECRET',
      message: /admin\.token.*millrace\.config\.json/,
    });
    const literal = { ...environment, MILLRACE_ADMIN_TOKEN: TOKEN };
    assert.equal(loadConfiguration(sourcesOf(directory, literal)).admin.token, TOKEN);
  });

  it('have to fit like any value, by no other limit', (t) => {
    const load = (token: string) =>
      loadConfiguration(sourcesOf(directoryWith(t, { token }), { MILLRACE_ADMIN_TOKEN: 'file:token' }));
    assert.equal(load('x4711x4711x4711x').admin.token, 'x4711x4711x4711x');
    for (const wrong of ['x4711x4711x4711', 'x4711x4711x4711\n']) {
      assert.throws(
        () => load(wrong),
        (error: Error) =>
          /admin\.token is wrong in file:token, of environment variable/.test(error.message) &&
          !/4711/.test(`${error.stack}`),
      );
    }
  });

  it('are in no error of the file around them', (t) => {
    for (const text of [
      '{"admin": {"token": secret-4711}}',
      '{"admin": {"token": "secret-4711" "x": 1}}',
      '{"admin": "secret-4711"}',
      '{"notifications": ["secret-4711"]}',
      '{"kafka": {"password": {"secret-4711": 1}}}',
    ]) {
      assert.throws(
        () => loadConfiguration(sourcesOf(directoryWith(t, { 'millrace.config.json': text }))),
        (error: Error & { hint: string }) => {
          assert.doesNotMatch(
            `${error.stack} ${error.hint} ${(error.cause as Error)?.stack}`,
            /secret-4|4711/,
            text,
          );
          return /millrace\.config\.json/.test(error.message);
        },
      );
    }
  });

  it('are not shown, nor read to be shown; addresses are shown without their user', (t) => {
    const directory = directoryWith(t, { 'millrace.config.json': { redis: { password: '4711' } } });
    const environment = {
      MILLRACE_ADMIN_TOKEN: 'exec:vault read -token=4711',
      MILLRACE_LOG: 'kafka://ann:47@11@host:9092?replication=3',
      MILLRACE_REGISTRY: 'http://registry',
      MILLRACE_JWT_JWKS: 'https://ann:4711@issuer/keys',
    };
    const explained = explainConfiguration(sourcesOf(directory, environment));
    assert.doesNotMatch(JSON.stringify(explained), /4711|47@11/);
    const at = (wanted: string) => explained.find(({ path }) => path === wanted);
    assert.deepEqual(
      [at('log')?.value, at('registry')?.value],
      ['kafka://***@host:9092?replication=3', 'http://registry'],
    );
    assert.deepEqual([at('admin.token')?.reference, at('admin.token')?.isSet], ['exec:vault ...', true]);
    assert.deepEqual([at('redis.password')?.reference, at('redis.password')?.isSet], [undefined, true]);
    assert.equal(at('kafka.password')?.isSet, false);
  });

  it('are read again each by itself, and say which of them a running process takes', async (t) => {
    const directory = directoryWith(t, { a: TOKEN });
    const environment = {
      MILLRACE_ADMIN_TOKEN: 'file:a',
      MILLRACE_HTTP_PEER_SECRET: 'file:b',
      MILLRACE_REDIS_PASSWORD: 'literal',
    };
    const again = new Map(
      (await rereadSecrets(sourcesOf(directory, environment))).map((each) => [each.path, each]),
    );
    assert.equal(again.get('admin.token')?.value, TOKEN);
    assert.equal(again.get('http.peerSecret')?.error?.code, 'MR_CONFIG_SECRET');
    assert.equal(again.get('redis.password')?.value, 'literal');
    const restart = [...again.values()].filter(({ isRenewed }) => !isRenewed).map(({ path }) => path);
    assert.deepEqual(restart.sort(), [
      'backup.key',
      'kafka.password',
      'mail.password',
      'objectStore.accessKeyId',
      'objectStore.secretAccessKey',
      'objectStore.sessionToken',
      'privacy.masterKey',
      'privacy.nextMasterKey',
      'redis.password',
      'schemaRegistry.password',
      'tracing.authorization',
    ]);
  });
});
