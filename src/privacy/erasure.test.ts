import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RetryableError } from '#platform';
import { type EraseTarget, eraseUser } from './erasure.ts';
import { withPseudonyms } from './events.ts';
import { asGiven, type Pseudonyms } from './pseudonyms.ts';
import { KnownUsers } from './vault/known-users.ts';
import { loneVault } from './vault/testing/index.ts';

function setting(pseudonyms: Pseudonyms, failing?: string) {
  const done: string[] = [];
  const target = (name: string): EraseTarget => ({
    name,
    erase: async (pseudonym) => {
      if (name === failing) throw new RetryableError('MR_PRIVACY_VIEWS_REMAIN', 'not yet');
      done.push(`${name} of ${pseudonym}`);
      return { where: `in ${name}`, rows: 2 };
    },
  });
  const announce = async (pseudonym: string) => void done.push(`announced ${pseudonym}`);
  return { done, parts: { pseudonyms, announce, targets: [target('first'), target('second')] } };
}

describe('eraseUser', () => {
  it('announces, empties the targets in order, and destroys the key last', async (t) => {
    const vault = await loneVault(t);
    const name = await vault.pseudonymOf('anna');
    const { done, parts } = setting(vault);
    assert.deepEqual(await eraseUser('anna', parts), {
      erased: [
        { target: 'first', where: 'in first', rows: 2 },
        { target: 'second', where: 'in second', rows: 2 },
      ],
      keyDestroyed: true,
    });
    assert.deepEqual(done, [`announced ${name}`, `first of ${name}`, `second of ${name}`]);
    assert.equal(vault.known('anna'), undefined);
    await assert.rejects(eraseUser('anna', parts), { code: 'MR_PRIVACY_USER_UNKNOWN' });
    assert.equal(done.length, 3);
  });

  it('keeps the key where a target fails, so that the user can be found again', async (t) => {
    const vault = await loneVault(t);
    const name = await vault.pseudonymOf('anna');
    await assert.rejects(eraseUser('anna', setting(vault, 'second').parts), {
      code: 'MR_PRIVACY_VIEWS_REMAIN',
    });
    assert.equal(vault.known('anna'), name);
    assert.equal((await eraseUser('anna', setting(vault).parts)).keyDestroyed, true);
  });

  it('says that ids which stand on the log as given cannot be forgotten', async () => {
    const { done, parts } = setting(asGiven);
    assert.equal((await eraseUser('anna', parts)).keyDestroyed, false);
    assert.deepEqual(done, ['announced anna', 'first of anna', 'second of anna']);
    assert.equal((await eraseUser('anna', parts)).keyDestroyed, false);
  });
});

describe('withPseudonyms', () => {
  it('names every row, in order, whatever their number', async (t) => {
    const vault = await loneVault(t);
    for (const count of [0, 1, 4_999, 5_000, 5_001, 12_000]) {
      const rows = Array.from({ length: count }, (_, n) => ({ user_id: `u${n % 7}`, n }));
      const named = await Array.fromAsync(withPseudonyms(vault, rows));
      assert.deepEqual(
        named,
        rows.map(({ user_id, n }) => ({ user_id: vault.known(user_id), n })),
      );
    }
    const row = { user_id: 'u1', n: 1 };
    assert.deepEqual(await Array.fromAsync(withPseudonyms(asGiven, [row])), [row]);
  });
});

describe('KnownUsers', () => {
  it('keeps who is met again and lets go of the others', () => {
    const known = new KnownUsers();
    for (let n = 0; n < 350_000; n++) {
      known.set(`u${n}`, `p${n}`);
      assert.ok(n % 1_000 !== 0 || known.get('u0') === 'p0');
    }
    assert.equal(known.get('u0'), 'p0');
    assert.equal(known.get('u349999'), 'p349999');
    assert.equal(known.get('u5'), undefined);
    known.clear();
    assert.equal(known.get('u0'), undefined);
  });
});
