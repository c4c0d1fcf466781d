import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { startModule } from './testing/processes.ts';

const here = import.meta.dirname;

/** A test file that prints the addresses that it is given. */
const testFile = `import { test } from 'node:test';
import { kafkaServer, redisServer, registryServer } from '${join(here, 'index.ts')}';
test('addresses', async (t) => {
  const servers = [await kafkaServer(t), await registryServer(t), await redisServer(t)];
  console.log('ADDRESSES ' + servers.map((each) => each?.url).join());
});`;

describe('shared servers', () => {
  const run = (t: Parameters<typeof startModule>[0], environment: Record<string, string | undefined>) => {
    const folder = temporaryDirectory(t);
    for (const name of ['a', 'b']) writeFileSync(join(folder, `${name}.test.ts`), testFile);
    const setup = `--test-global-setup=${join(here, 'global-setup.ts')}`;
    return startModule(t, ['--test', setup, '--test-reporter=tap', join(folder, '*.test.ts')], {
      NODE_TEST_CONTEXT: undefined,
      TEST_SERVERS: undefined,
      ...environment,
    });
  };

  it('are skipped with a message when they are not requested', async (t) => {
    const { ended, output } = run(t, { MILLRACE_SERVERS: undefined });
    assert.equal(await ended, 0, output());
    assert.match(output(), /# SKIP runs with MILLRACE_SERVERS=1/);
    assert.deepEqual(output().match(/ADDRESSES .*/g), ['ADDRESSES ,,', 'ADDRESSES ,,']);
  });

  it('fail the run when they are requested and cannot be started', async (t) => {
    const { ended, output } = run(t, { MILLRACE_SERVERS: '1', PATH: '/nowhere' });
    assert.notEqual(await ended, 0);
    assert.match(output(), /not found: java/);
  });

  it('are the same in every process of a run', { timeout: 180_000 }, async (t) => {
    if (process.env.MILLRACE_SERVERS !== '1') return t.skip('runs with MILLRACE_SERVERS=1');
    const { ended, output } = run(t, { MILLRACE_SERVERS: '1' });
    assert.equal(await ended, 0, output());
    const [first, second] = output().match(/ADDRESSES .*/g) ?? [];
    assert.match(first ?? '', /ADDRESSES kafka:.*,http:.*,redis:/);
    assert.equal(first, second);
  });
});
