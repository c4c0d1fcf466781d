import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type MemberRole, writeRecords } from '#engine';
import { systemClock } from '#platform';
import type { Run } from '#schemas';
import type { Trainer } from '#trainer';
import { installed } from '../testing/installed.ts';
import { trainFirst } from './first-training.ts';

const run: Run = {
  run_id: 'r',
  ts: 0,
  job_id: 'r',
  pipeline: 'training',
  trigger: 'command',
  command_id: null,
  search: null,
  model: 'two-tower',
  seed: 1,
  config: '{}',
  force: false,
  snapshot_id: null,
  base: null,
  status: 'running',
  step: null,
  steps: [],
  created: 0,
  started: null,
  ended: null,
  metrics: {},
  intervals: {},
  sizes: {},
  version: null,
  error: null,
};

it('the first version is trained by the active trainer alone, on examples, and not beside another run', async (t) => {
  const { installation } = await installed(t);
  const { log, topics } = installation;
  const asked: string[] = [];
  let state = 'no examples';
  const trainer = {
    get role(): MemberRole {
      return state === 'stands by' ? 'standby' : 'active';
    },
    train: async () => {
      asked.push(state);
      return undefined as unknown as Awaited<ReturnType<Trainer['train']>>;
    },
  };
  /** Resolves when it has looked once, and would look again. */
  const passes = async (next: string) => {
    state = next;
    const stopping = new AbortController();
    t.mock.method(systemClock, 'sleep', async () => stopping.abort());
    await trainFirst(installation, trainer, stopping.signal);
    t.mock.restoreAll();
  };
  await passes('no examples');
  const producer = await log.producer();
  await producer.append('examples', 0, [{ key: Buffer.from('a'), value: Buffer.from('x'), timestamp: 1 }]);
  await passes('stands by');
  await writeRecords(log, topics.runs, [{ key: 'r', value: run, timestamp: 0 }]);
  await passes('beside a run');
  await writeRecords(log, topics.runs, [{ key: 'r', value: { ...run, status: 'failed' }, timestamp: 1 }]);
  await passes('now');
  assert.deepEqual(asked, ['now']);
});
