import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLogger, createMetrics, FatalError } from '#platform';
import { ManualClock } from '#platform/testing';
import type { Candidate, VersionStatus } from '#schemas';
import { InForce, type Served } from './in-force.ts';

class Fake implements Served {
  readonly id: string;
  users = 1;
  readonly end = Promise.withResolvers<Error>();
  readonly died = this.end.promise;

  constructor(id: string) {
    this.id = id;
  }

  acquire(): void {
    this.users++;
  }

  release(): void {
    this.users--;
  }

  async retire(): Promise<void> {
    this.users--;
  }
}

/** What serves the versions of one role, and each version that was ever loaded; `errors` are what loading a version fails with. */
function opened(errors: Readonly<Record<string, Error[]>> = {}) {
  const metrics = createMetrics();
  const clock = new ManualClock();
  const loaded: Fake[] = [];
  const inForce = new InForce<Fake>({
    role: 'retrieval',
    load: async ({ version }) => {
      const error = errors[version]?.shift();
      if (error !== undefined) throw error;
      const fake = new Fake(version);
      loaded.push(fake);
      return fake;
    },
    clock,
    logger: createLogger({ level: 'silent', name: 'test' }),
    loads: metrics.counter('loads_total', 'Loads.', ['outcome']),
    served: metrics.gauge('served', 'Served.', ['version', 'role']),
  });
  const step = async (version: string, status: VersionStatus = 'promoted') => {
    const candidate = { version } as Candidate;
    const rest = { ts: 0, command_id: 'c', reason: null, actor: null, previous: null, gates: [] };
    inForce.note({ version, status, candidate, ...rest });
    inForce.update();
    await inForce.warmed();
    return [inForce.current, inForce.warm];
  };
  return {
    inForce,
    step,
    loaded,
    clock,
    held: () => loaded.filter(({ users }) => users > 0).map(({ id }) => id),
  };
}

describe('versions in force', () => {
  it('keep the one promoted before loaded, and a rollback is a swap', async () => {
    const { inForce, step, loaded, held } = opened();
    assert.deepEqual(await step('a'), ['a', undefined]);
    assert.deepEqual(await step('b'), ['b', 'a']);
    assert.deepEqual(await step('c'), ['c', 'b']);
    assert.deepEqual(held(), ['b', 'c']);
    assert.deepEqual(await step('c', 'rolled_back'), ['b', 'a']);
    assert.deepEqual(
      loaded.map(({ id }) => id),
      ['a', 'b', 'c', 'a'],
      'b was there, and a is loaded again after it',
    );
    assert.deepEqual(await step('b'), ['b', 'a']);
    assert.deepEqual(held(), ['b', 'a']);
    await inForce.close();
    assert.deepEqual(held(), []);
  });

  it('swap when an older one is promoted again', async () => {
    const { step, loaded } = opened();
    await step('a');
    await step('b');
    assert.deepEqual(await step('a'), ['a', 'b']);
    assert.equal(loaded.length, 2);
    // A rollback after this one returns to the first promotion of a.
    assert.deepEqual(await step('a', 'rolled_back'), ['b', 'a']);
  });

  it('let go at once of what was archived, in use or kept', async () => {
    const { step, held } = opened();
    await step('a');
    await step('b');
    assert.deepEqual(await step('a', 'archived'), ['b', undefined]);
    assert.deepEqual(held(), ['b']);
    assert.deepEqual(await step('b', 'archived'), [undefined, undefined]);
    assert.deepEqual(held(), []);
  });

  it('are tried again where what keeps them from being loaded passes, ever more rarely', async () => {
    const full = () => Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    const { inForce, step, clock } = opened({ b: [full(), full()] });
    assert.deepEqual(await step('a'), ['a', undefined]);
    assert.deepEqual(await step('b'), ['a', undefined]);
    assert.equal(inForce.notReady(), undefined, 'the one before is in use');
    assert.deepEqual(await step('a', 'archived'), [undefined, undefined]);
    assert.match(inForce.notReady() ?? '', /version b .*EMFILE/);
    await clock.advance(60_000);
    await inForce.warmed();
    assert.deepEqual([inForce.current, inForce.notReady()], ['b', undefined]);
    await inForce.close();
    assert.equal(clock.sleeping, 0);
  });

  it('are loaded again when they have ended by themselves, in use or kept', async () => {
    const { inForce, step, loaded, clock, held } = opened();
    await step('a');
    await step('b');
    const [a, b] = loaded as [Fake, Fake];
    for (const version of [a, b]) version.end.resolve(new FatalError('MR_INFERENCE_ENDED', 'killed'));
    await clock.advance(0);
    assert.deepEqual([inForce.current, inForce.warm, held()], [undefined, undefined, []]);
    assert.match(inForce.notReady() ?? '', /version b .*MR_INFERENCE_ENDED/);
    await clock.advance(60_000);
    await inForce.warmed();
    assert.deepEqual([inForce.current, inForce.warm, inForce.notReady()], ['b', 'a', undefined]);
    assert.deepEqual(held(), ['b', 'a']);
    await inForce.close();
    assert.deepEqual([held(), clock.sleeping], [[], 0]);
  });

  it('pass over what cannot be loaded, and serve who holds one to the end', async () => {
    const { inForce, step, loaded } = opened({ bad: [new FatalError('MR_VERSION_CORRUPT', 'damaged')] });
    await step('a');
    assert.deepEqual(await step('bad'), ['a', undefined]);
    assert.deepEqual(inForce.refused, [{ version: 'bad', code: 'MR_VERSION_CORRUPT' }]);
    await step('b');
    assert.deepEqual(inForce.refused, [], 'superseded');
    const b = inForce.acquire();
    await step('c');
    await step('d');
    assert.deepEqual([b?.id, b?.users], ['b', 1], 'retired, and still in use');
    b?.release();
    assert.equal(loaded.find(({ id }) => id === 'b')?.users, 0);
  });

  it('name what was promoted and cannot be loaded where none is left', async () => {
    const damaged = () => [new FatalError('MR_VERSION_CORRUPT', 'damaged')];
    const { inForce, step } = opened({ a: damaged(), b: damaged() });
    await step('a');
    assert.deepEqual(await step('b'), [undefined, undefined]);
    assert.deepEqual(
      inForce.refused.map(({ version }) => version),
      ['b', 'a'],
    );
    // Promoted again, it is tried again: its files may have been repaired.
    assert.deepEqual(await step('b'), ['b', undefined]);
    assert.deepEqual(inForce.refused, []);
  });
});
