import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Version, VersionRole, VersionStatus } from '#schemas';
import { isInForce, promotionsAfter, registryOf, versionInForce } from './version-registry.ts';

function step(version: string, status: VersionStatus, role: VersionRole = 'retrieval'): Version {
  const candidate = { version, role } as Version['candidate'];
  const told = { reason: null, actor: null, previous: null, gates: [] };
  return { version, status, ts: 0, command_id: 'c', candidate, ...told };
}

const promoted = (...versions: string[]) => versions.map((version) => step(version, 'promoted'));
const retrieval = (steps: readonly Version[]) => registryOf(steps).promotions.retrieval;

describe('what the steps of versions come to', () => {
  it('a promotion puts a version in force, in its own role alone', () => {
    const registry = registryOf([...promoted('a', 'b'), step('r', 'promoted', 'ranking'), ...promoted('a')]);
    assert.deepEqual(registry.promotions, { retrieval: ['a', 'b', 'a'], ranking: ['r'], similar: [] });
    assert.equal(versionInForce(registry, 'retrieval')?.version, 'a');
    assert.equal(versionInForce(registry, 'ranking')?.version, 'r');
    assert.deepEqual(
      registry.versions.map((each) => [each.version, each.steps.length, isInForce(registry, each)]),
      [
        ['a', 2, true],
        ['b', 1, false],
        ['r', 1, true],
      ],
    );
    assert.deepEqual(retrieval(promoted('a', 'a')), ['a'], 'told twice');
  });

  it('no step before a promotion changes what is in force', () => {
    for (const status of ['registered', 'evaluated', 'staged', 'rejected'] as const) {
      assert.deepEqual(retrieval([...promoted('a'), step('b', status)]), ['a'], status);
      assert.equal(registryOf([step('b', status)]).versions[0]?.latest.status, status);
    }
    const none = registryOf([]);
    assert.deepEqual(none, { versions: [], promotions: { retrieval: [], ranking: [], similar: [] } });
    assert.equal(versionInForce(none, 'retrieval'), undefined);
  });

  it('a rollback returns to the promotion before, which its own promotion then tells again', () => {
    const back = [...promoted('a', 'b'), step('b', 'rolled_back')];
    assert.deepEqual(retrieval(back), ['a']);
    assert.deepEqual(retrieval([...back, ...promoted('a')]), ['a']);
    assert.deepEqual(retrieval([...back, ...promoted('a'), step('a', 'rolled_back')]), []);
    assert.deepEqual(
      retrieval([...promoted('a', 'b'), step('a', 'rolled_back')]),
      ['a', 'b'],
      'not in force',
    );
  });

  it('an archived version is nothing to return to, and the promotions beside it become one', () => {
    assert.deepEqual(retrieval([...promoted('a', 'b', 'a', 'c'), step('b', 'archived')]), ['a', 'c']);
    assert.deepEqual(retrieval([...promoted('a', 'b'), step('b', 'archived')]), ['a']);
    assert.deepEqual(retrieval([...promoted('a'), step('b', 'archived')]), ['a']);
  });

  it('rollbacks reach a hundred promotions back', () => {
    const names = Array.from({ length: 101 }, (_, i) => `v${i}`);
    const kept = names.reduce<readonly string[]>(
      (before, version) => promotionsAfter(before, { version, status: 'promoted' }),
      [],
    );
    assert.deepEqual(kept, names.slice(1));
  });
});
