import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { armFailpoints, disarmFailpoints } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { openVault } from './vault.ts';

function open(t: TestContext, directory = temporaryDirectory(t)) {
  const vault = openVault(directory, { patienceMs: 500 });
  t.after(() => vault.close());
  return { directory, vault };
}

/** All bytes of the vault's files, the write-ahead log included. */
function bytesOf(directory: string): Buffer {
  return Buffer.concat(readdirSync(directory).map((name) => readFileSync(join(directory, name))));
}

/** The key of a user, found as the vault finds it. */
function keyOf(directory: string, userId: string): Buffer {
  const database = new DatabaseSync(join(directory, 'pseudonyms.sqlite'), { readOnly: true });
  const handle = createHmac('sha256', readFileSync(join(directory, 'pseudonyms.key')))
    .update(userId)
    .digest();
  const row = database.prepare('SELECT key FROM keys WHERE handle = ?').get(handle.subarray(0, 16));
  database.close();
  assert.ok(row !== undefined);
  return Buffer.from(row.key as Uint8Array);
}

/** Flips a bit of a user's row; returns what flips it back. */
function alter(directory: string, userId: string, column: 'key' | 'mac' | 'handle', byte: number) {
  const database = new DatabaseSync(join(directory, 'pseudonyms.sqlite'));
  const masterKey = readFileSync(join(directory, 'pseudonyms.key'));
  const handle = createHmac('sha256', masterKey).update(userId).digest().subarray(0, 16);
  const row = database.prepare('SELECT * FROM keys WHERE handle = ?').get(handle);
  const value = Buffer.from(row?.[column] as Uint8Array);
  const before = Buffer.from(value);
  value[byte] = (value[byte] ?? 0) ^ 4;
  const set = (bytes: Buffer) => {
    const changing = new DatabaseSync(join(directory, 'pseudonyms.sqlite'));
    changing.prepare(`UPDATE keys SET ${column} = ? WHERE handle = ?`).run(bytes, handle);
    changing.close();
  };
  database.close();
  set(value);
  return () => set(before);
}

/** As releases made it whose rows had no seal. */
function unseal(directory: string): void {
  const database = new DatabaseSync(join(directory, 'pseudonyms.sqlite'));
  const masterKey = readFileSync(join(directory, 'pseudonyms.key'));
  const proof = createHmac('sha256', masterKey).update('millrace vault of pseudonyms').digest();
  database.exec('ALTER TABLE keys DROP COLUMN mac');
  database.prepare('UPDATE vault SET proof = ?').run(proof);
  database.close();
}

/** Runs `script` with the vault of `directory` open as `vault`, in a process of its own. */
function inAnotherProcess(directory: string, script: string, environment = {}): Promise<string> {
  const door = join(import.meta.dirname, 'vault.ts');
  const code = `import { openVault } from ${JSON.stringify(door)};
    const vault = openVault(${JSON.stringify(directory)}); ${script}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    env: { ...process.env, ...environment },
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  return new Promise((resolve) => child.once('close', () => resolve(out)));
}

describe('vault of pseudonyms', () => {
  it('gives each user one pseudonym, in one process or another, and again after a restart', (t) => {
    const { directory, vault } = open(t);
    const names = vault.pseudonymsOf(['anna', 'bert', 'anna']);
    assert.equal(names[0], names[2]);
    assert.notEqual(names[0], names[1]);
    for (const name of names) assert.match(name, /^[\w-]{22}$/);
    assert.equal(vault.pseudonymOf('bert'), names[1]);
    assert.equal(open(t, directory).vault.known('anna'), names[0]);
    vault.close();
    assert.deepEqual(open(t, directory).vault.pseudonymsOf(['anna', 'bert']), names.slice(0, 2));
  });

  it('makes nothing for a user who is only asked for', (t) => {
    const { vault } = open(t);
    assert.equal(vault.known('anna'), undefined);
    assert.equal(vault.known('anna'), undefined);
    const name = vault.pseudonymOf('anna');
    assert.equal(vault.known('anna'), name);
  });

  it('gives other pseudonyms in another vault', (t) => {
    assert.notEqual(open(t).vault.pseudonymOf('anna'), open(t).vault.pseudonymOf('anna'));
  });

  it('names nobody in its files, which belong to their owner alone', (t) => {
    const { directory, vault } = open(t);
    const userId = 'anna.of.the.long.name@example.org';
    const pseudonym = vault.pseudonymOf(userId);
    assert.deepEqual(readdirSync(directory).sort(), [
      'pseudonyms.key',
      'pseudonyms.sqlite',
      'pseudonyms.sqlite-shm',
      'pseudonyms.sqlite-wal',
    ]);
    const bytes = bytesOf(directory);
    assert.ok(!bytes.includes(userId) && !bytes.includes(pseudonym));
    for (const name of readdirSync(directory)) {
      assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
    }
  });

  it('destroys the key of who is forgotten, byte for byte, wherever it lay', (t) => {
    const { directory, vault } = open(t);
    const users = Array.from({ length: 4000 }, (_, i) => `user ${i}`);
    // In several writes, so that pages are split and rows move about between them.
    for (let from = 0; from < users.length; from += 400) vault.pseudonymsOf(users.slice(from, from + 400));
    const forgotten = users.filter((_, i) => i % 50 === 7);
    const keys = forgotten.map((user) => keyOf(directory, user));
    assert.ok(keys.every((key) => bytesOf(directory).includes(key)));
    for (const user of forgotten) vault.forget(user);
    const bytes = bytesOf(directory);
    assert.equal(keys.filter((key) => bytes.includes(key)).length, 0);
    assert.ok(forgotten.every((user) => vault.known(user) === undefined));
    assert.ok(bytes.includes(keyOf(directory, 'user 8')));
  });

  it('gives who comes back another pseudonym', (t) => {
    const { vault } = open(t);
    const [anna, bert] = vault.pseudonymsOf(['anna', 'bert']);
    vault.forget('anna');
    vault.forget('anna');
    vault.forget('nobody');
    assert.notEqual(vault.pseudonymOf('anna'), anna);
    assert.equal(vault.pseudonymOf('bert'), bert);
  });

  it('notices at once what another process has forgotten', async (t) => {
    const { directory, vault } = open(t);
    const [anna, bert] = vault.pseudonymsOf(['anna', 'bert']);
    await inAnotherProcess(directory, `vault.forget('anna')`);
    assert.equal(vault.known('anna'), undefined);
    assert.equal(vault.known('bert'), bert);
    assert.notEqual(vault.pseudonymOf('anna'), anna);
  });

  it('gives the same pseudonyms to processes that meet the same users at the same time', async (t) => {
    const directory = temporaryDirectory(t);
    const script = `const users = Array.from({ length: 300 }, (_, i) => 'user ' + i);
      console.log(JSON.stringify(users.map((user) => vault.pseudonymOf(user))));`;
    const outs = await Promise.all([1, 2, 3].map(() => inAnotherProcess(directory, script)));
    assert.equal(new Set(outs).size, 1);
    assert.equal(new Set(JSON.parse(outs[0] ?? '') as string[]).size, 300);
  });

  it('completes what kill -9 cut off between deleting a key and clearing the write-ahead log', async (t) => {
    const { directory, vault } = open(t);
    vault.pseudonymOf('anna');
    const key = keyOf(directory, 'anna');
    const killed = { MILLRACE_FAILPOINTS: 'privacy.vault.forgotten=kill' };
    const out = await inAnotherProcess(directory, `vault.forget('anna'); console.log('survived')`, killed);
    assert.equal(out, '');
    assert.ok(bytesOf(directory).includes(key), 'the write-ahead log still has it');
    open(t, directory);
    assert.ok(!bytesOf(directory).includes(key));
  });

  it('completes it at the next call too', (t) => {
    const { directory, vault } = open(t);
    vault.pseudonymOf('anna');
    const key = keyOf(directory, 'anna');
    armFailpoints('privacy.vault.forgotten=fail');
    t.after(disarmFailpoints);
    assert.throws(() => vault.forget('anna'), { code: 'MR_FAILPOINT' });
    assert.equal(vault.known('anna'), undefined);
    vault.forget('anna');
    assert.ok(!bytesOf(directory).includes(key));
  });

  it('refuses a user whose row was altered, and the check counts such rows, whichever bit it is', async (t) => {
    const { directory, vault } = open(t);
    const [anna] = vault.pseudonymsOf(['anna', 'bert', 'carl']);
    assert.deepEqual(await vault.check(), { users: 3, damaged: 0 });
    vault.close();
    for (const [column, size] of [
      ['key', 32],
      ['mac', 16],
    ] as const) {
      for (let byte = 0; byte < size; byte += 5) {
        const undo = alter(directory, 'bert', column, byte);
        const { vault: damaged } = open(t, directory);
        assert.throws(() => damaged.known('bert'), { code: 'MR_PRIVACY_VAULT_DAMAGED' });
        assert.throws(() => damaged.pseudonymsOf(['anna', 'bert']), { code: 'MR_PRIVACY_VAULT_DAMAGED' });
        assert.equal(damaged.known('anna'), anna);
        assert.deepEqual(await damaged.check(), { users: 3, damaged: 1 });
        assert.match(damaged.damage ?? '', /^1 of the keys of users in .* is damaged$/);
        damaged.close();
        undo();
      }
    }
    alter(directory, 'bert', 'handle', 3);
    assert.deepEqual(await open(t, directory).vault.check(), { users: 3, damaged: 1 });
  });

  it('seals the rows of a vault that an earlier release has made, and nothing that was altered since', async (t) => {
    const { directory, vault } = open(t);
    const names = vault.pseudonymsOf(['anna', 'bert']);
    vault.close();
    unseal(directory);
    const { vault: migrated } = open(t, directory);
    assert.deepEqual(migrated.pseudonymsOf(['anna', 'bert']), names);
    assert.deepEqual(await migrated.check(), { users: 2, damaged: 0 });
    migrated.forget('anna');
    assert.notEqual(migrated.pseudonymOf('anna'), names[0]);
    migrated.close();
    alter(directory, 'bert', 'key', 0);
    assert.deepEqual(await open(t, directory).vault.check(), { users: 2, damaged: 1 });
  });

  it('refuses a vault without its key, with another key, damaged, or of another program', (t) => {
    const refused = (spoil: (directory: string) => void, message: RegExp) => {
      const { directory, vault } = open(t);
      vault.pseudonymOf('anna');
      vault.close();
      spoil(directory);
      assert.throws(() => openVault(directory), { code: 'MR_PRIVACY_VAULT_UNUSABLE', message });
    };
    refused((directory) => rmSync(join(directory, 'pseudonyms.key')), /pseudonyms\.key is missing/);
    refused((directory) => writeFileSync(join(directory, 'pseudonyms.key'), 'short'), /is not a key/);
    refused(
      (directory) => writeFileSync(join(directory, 'pseudonyms.key'), Buffer.alloc(32)),
      /the key of another vault/,
    );
    refused(
      (directory) =>
        writeFileSync(join(directory, 'pseudonyms.sqlite'), 'no database at all, but long enough'),
      /not a database/,
    );
    const directory = temporaryDirectory(t);
    const other = new DatabaseSync(join(directory, 'pseudonyms.sqlite'));
    other.exec('CREATE TABLE t (x)');
    other.close();
    assert.throws(() => openVault(directory), { message: /another program/ });
  });

  it('says so when another process keeps it from writing', (t) => {
    const { directory, vault } = open(t);
    const other = new DatabaseSync(join(directory, 'pseudonyms.sqlite'));
    other.exec('BEGIN IMMEDIATE');
    t.after(() => other.close());
    assert.equal(vault.known('anna'), undefined);
    assert.throws(() => vault.pseudonymOf('anna'), { code: 'MR_PRIVACY_VAULT_BUSY' });
    other.exec('ROLLBACK');
    assert.match(vault.pseudonymOf('anna'), /^[\w-]{22}$/);
  });
});
