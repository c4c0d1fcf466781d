import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { serversSkip } from './shared.ts';
import { startModule } from './testing/processes.ts';

const main = join(import.meta.dirname, 'main.ts');

describe('npm run servers', () => {
  it('explains itself', async (t) => {
    const { ended, output } = startModule(t, [main, '--help']);
    assert.equal(await ended, 0);
    assert.match(output(), /^usage: npm run servers\n/);
  });

  it('refuses what it does not know', async (t) => {
    for (const wrong of ['--port=1', 'kafka']) {
      const { ended, output } = startModule(t, [main, wrong]);
      assert.equal(await ended, 2);
      assert.match(output(), /usage: npm run servers/);
    }
  });

  it('names the packages of programs that are missing', async (t) => {
    const { ended, output } = startModule(t, [main], { PATH: '/nowhere', XDG_CACHE_HOME: '/nowhere' });
    assert.equal(await ended, 1);
    const packages = 'openjdk-17-jre-headless redis-server maven';
    assert.equal(output(), `not found: java, redis-server, mvn; apt-get install ${packages}\n`);
  });

  it('starts all and prints how to use them, until it is told to stop', {
    skip: serversSkip,
    timeout: 180_000,
  }, async (t) => {
    const { child, line, output, ended } = startModule(t, [main]);
    const first = /^Kafka {5}(kafka:\/\/127\.0\.0\.1:\d+)$/.exec(await line);
    const configuration = JSON.parse(/^\{[^}]+\}$/m.exec(output())?.[0] ?? '') as Record<string, string>;
    assert.deepEqual(Object.keys(configuration), ['log', 'registry', 'views']);
    assert.equal(configuration.log, first?.[1]);
    assert.equal((await fetch(`${configuration.registry}/subjects`)).status, 200);
    assert.match(output(), /^Starting Kafka, the registry and Redis \.\.\.$|^Maven fetches/m);

    const redis = new URL(configuration.views ?? '');
    const [pid] = spawnSync('pgrep', ['-f', `redis-server.*:${redis.port}`], {
      encoding: 'utf8',
    }).stdout.split('\n');
    process.kill(Number(pid), 'SIGKILL');
    while (!/^Redis takes requests again\.$/m.test(output())) await setTimeout(50);
    const connection = connect(Number(redis.port), redis.hostname);
    await once(connection, 'connect');
    connection.destroy();
    child.kill('SIGINT');
    assert.equal(await ended, 0);
    await assert.rejects(fetch(`${configuration.registry}/subjects`));
  });
});
