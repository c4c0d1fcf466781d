import assert from 'node:assert/strict';
import { it } from 'node:test';
import { userProfileView } from '#features';
import { temporaryDirectory } from '#platform/testing';
import { withDuckDb } from '../duckdb.ts';
import { user } from '../snapshot/testing/small-world.ts';
import { registerRowFunction } from './row-function.ts';

/** A state is the user's occupation; that of a cook cannot be decoded. */
const view = {
  ...userProfileView,
  empty: () => null,
  decode: (bytes: Buffer) => {
    if (bytes.toString() === 'a cook of some renown') throw new TypeError('no state');
    return user('u1', bytes.toString());
  },
};

it('gives the rows of other states after one that cannot be decoded', async (t) => {
  const occupations = [
    'a baker of fine bread',
    'smith',
    'a cook of some renown',
    null,
    'a tailor to the king',
  ];
  const rows = await withDuckDb(temporaryDirectory(t), async (database) => {
    registerRowFunction(database, view);
    const states = occupations.map((each) => `(${each === null ? 'NULL' : `'${each}'`})`);
    return database.rows(`SELECT TRY(user_profile_row(state::BLOB, 1)).occupation AS occupation
      FROM (VALUES ${states.join(', ')}) AS states (state)`);
  });
  assert.deepEqual(
    rows.map(({ occupation }) => occupation),
    ['a baker of fine bread', 'smith', null, null, 'a tailor to the king'],
  );
});
