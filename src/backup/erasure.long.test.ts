import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keysInVault, knownIn } from '#privacy/testing';
import { BackedUp, DAY_MS, HOUR_MS, recordsIn, tableOf } from './testing/backed-up.ts';

describe('a restore of a time before an erasure', () => {
  it('leaves out the key, in whichever generation the erasure is, and appends what users decided later', async (t) => {
    const backedUp = await BackedUp.open(t);
    const [, bert] = await backedUp.vault.pseudonymsOf(['ann', 'bert', 'cleo']);
    await backedUp.append('privacy', [['bert', 'opted_in']]);
    const { at } = await backedUp.ship({ keepMs: DAY_MS });
    await backedUp.clock.advance(HOUR_MS);
    await backedUp.append('privacy', [['ann', 'erased']]);
    await backedUp.vault.forget('ann');
    await backedUp.ship({ keepMs: 2 * DAY_MS });
    await backedUp.clock.advance(2 * DAY_MS);
    await backedUp.append('privacy', [['bert', 'opted_out']]);
    await backedUp.vault.forget('cleo');
    const { manifest } = await backedUp.ship({ keepMs: 2 * DAY_MS });
    assert.equal(manifest?.isBase, true);

    const { directory, forgotten, users, decisions } = await backedUp.restore({ at });
    assert.deepEqual({ forgotten, users, decisions }, { forgotten: 2, users: 1, decisions: 2 });
    assert.deepEqual(await knownIn(directory, 'ann', 'bert', 'cleo'), [undefined, bert, undefined]);
    assert.equal(keysInVault(directory).length, 1);
    const decided = tableOf(recordsIn(directory)['privacy/0']);
    assert.deepEqual(decided, { ann: 'erased', bert: 'opted_out' });
  });

  it('takes a user who came back after it for a new one', async (t) => {
    const backedUp = await BackedUp.open(t);
    const first = await backedUp.vault.pseudonymOf('ann');
    const { at } = await backedUp.ship();
    await backedUp.clock.advance(1_000);
    await backedUp.vault.forget('ann');
    const second = await backedUp.vault.pseudonymOf('ann');
    assert.notEqual(first, second);
    await backedUp.ship();
    for (const [point, expected] of [
      [at, undefined],
      [Number.POSITIVE_INFINITY, second],
    ] as const) {
      assert.deepEqual(await knownIn((await backedUp.restore({ at: point })).directory, 'ann'), [expected]);
    }
  });

  it('keeps the keys of users who are younger than a restore that was backed up since', async (t) => {
    const backedUp = await BackedUp.open(t);
    const early = (await backedUp.ship()).at;
    await backedUp.clock.advance(1_000);
    const ann = await backedUp.vault.pseudonymOf('ann');
    const late = (await backedUp.ship()).at;
    await backedUp.closeData();
    const { directory } = await backedUp.restore({ at: early });
    await backedUp.clock.advance(1_000);
    await backedUp.ship({ data: directory });
    assert.deepEqual(await knownIn((await backedUp.restore({ at: late })).directory, 'ann'), [ann]);
  });
});
