import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openEmbeddedLog } from '#log';
import { systemClock } from '#platform';
import { openTopics } from '#topologies';
import { commandLine, jsonLines } from '../testing/command-line.ts';

const fixtures = join(import.meta.dirname, '../../../models/external/testing/fixtures');

describe('commands over versions', { timeout: 600_000 }, () => {
  it('publish models from outside, promote, roll back, show and collect them', async (t) => {
    const { directory, run, runEach } = commandLine(t);
    const log = await openEmbeddedLog({ directory: join(directory, '.millrace'), clock: systemClock });
    await openTopics(log, log.registry);
    await log.close();
    const done = async (...args: readonly string[]) => {
      const { code, out, err } = await run([...args, '--json']);
      assert.equal(code, 0, err);
      return jsonLines(out);
    };
    const refused = async (code: string, ...args: readonly string[]) => {
      const ended = await run([...args, '--json']);
      assert.deepEqual(
        [ended.code, jsonLines<{ error: { code: string } }>(ended.err).at(-1)?.error.code],
        [2, code],
        ended.err,
      );
    };
    await refused('MR_MODEL_GRAPH', 'versions', 'publish', join(fixtures, 'unknown-operator'));

    const published = [];
    for (const name of ['pytorch-towers', 'sklearn-boosting']) {
      const [answer] = await done('versions', 'publish', join(fixtures, name));
      assert.deepEqual([answer?.name, answer?.status], [name, 'staged']);
      published.push(String(answer?.version));
    }
    const [first = '', second = ''] = published;
    await done('promote', first);
    await refused('MR_VERSION_NOT_IN_FORCE', 'rollback', second);
    await done('promote', second.slice(0, 6), '--reason', 'better');
    const listed = await done('versions');
    assert.deepEqual(
      listed.map(({ version, status, serving, kind }) => [version, status, serving, kind]),
      [
        [first, 'promoted', false, 'external'],
        [second, 'promoted', true, 'external'],
      ],
    );
    const [back] = await done('rollback', second);
    assert.deepEqual([back?.version, back?.status], [first, 'promoted']);

    const [card, text, table, collected] = await runEach([
      ['versions', 'show', second, '--json'],
      ['versions', 'show', first],
      ['versions'],
      ['versions', 'collect', '--keep', '1', '--keep-days', '0', '--json'],
    ]);
    const [shown] = jsonLines(card?.out ?? '');
    const life = shown?.life as { status: string; reason: string | null; actor: string }[];
    assert.deepEqual(
      life.map(({ status }) => status),
      ['registered', 'evaluated', 'staged', 'promoted', 'rolled_back'],
    );
    assert.equal(life[3]?.reason, 'better');
    assert.ok(life[3]?.actor);
    assert.match(text?.out ?? '', /is promoted and in force/);
    assert.match(table?.out ?? '', new RegExp(`\\*${first.slice(0, 12)}`));
    assert.deepEqual(collected, { code: 0, out: '', err: '' }, 'one is in force, one is the newest');
  });
});
