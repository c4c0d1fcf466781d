import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { type EmbeddedLog, openEmbeddedLog, openSimulatedLog } from '#log';
import { armFailpoints, disarmFailpoints, systemClock } from '#platform';
import { eventually, seededBytes, temporaryDirectory } from '#platform/testing';
import { serversSkip, sharedKafka, sharedRegistry } from '#servers';
import { MasterKey, masterKeyFiles } from './master-key.ts';
import { keysInVault, openTestVault, vaultTopic } from './testing/index.ts';
import type { Vault, VaultOptions } from './vault.ts';

const fixture = join(import.meta.dirname, 'fixtures/vault-of-a-directory');
const processPath = join(import.meta.dirname, 'fixtures/vault-process.ts');

/** A data directory with its log, as the embedded default has it. */
async function directoryWithLog(t: TestContext, directory = temporaryDirectory(t)) {
  const logs: EmbeddedLog[] = [];
  const vaults: Vault[] = [];
  const close = async () => {
    for (const vault of vaults.splice(0)) await vault.close();
    for (const log of logs.splice(0)) await log.close();
  };
  t.after(close);
  return {
    directory,
    close,
    async open(options: Partial<VaultOptions> = {}) {
      const log = await openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });
      logs.push(log);
      const scrubLog = async () => {
        await log.scrub();
        return { where: 'the log', rows: 0 };
      };
      const vault = await openTestVault(log, log.registry, directory, {
        scrubLog,
        patienceMs: 60_000,
        ...options,
      });
      vaults.push(vault);
      return { log, vault };
    },
  };
}

type Ended = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly lines: readonly string[];
};

/** Runs an act in a process of its own. */
async function run(given: Record<string, string>, act: readonly string[], failpoints = ''): Promise<Ended> {
  const child = spawn(process.execPath, [processPath, JSON.stringify(given), ...act], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, MILLRACE_FAILPOINTS: failpoints },
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, lines: out.trim().split('\n') };
}

/** All bytes of the files of a directory. */
function bytesOf(directory: string): Buffer {
  return Buffer.concat(
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name))),
  );
}

/** The one sealed key that is in the first list and not in the second. */
function missing(before: readonly Buffer[], after: readonly Buffer[]): Buffer {
  const [gone, ...others] = before.filter((each) => !after.some((one) => one.equals(each)));
  assert.ok(gone !== undefined && others.length === 0);
  return gone;
}

/** Changes rows of the view behind its back. */
function alterView(directory: string, sql: string, ...values: (string | Uint8Array)[]): void {
  const database = new DatabaseSync(join(directory, 'pseudonyms-view.sqlite'));
  database.prepare(sql).run(...values);
  database.close();
}

const users = (count: number) => Array.from({ length: count }, (_, i) => `user ${i}`);

describe('files of the vault', () => {
  it('name nobody, hold no key in clear, and belong to their owner alone', async (t) => {
    const { directory, open } = await directoryWithLog(t);
    const { vault } = await open();
    const id = 'anna.of.the.long.name@example.org';
    const pseudonym = await vault.pseudonymOf(id);
    const names = readdirSync(directory).filter((name) => name.startsWith('pseudonyms'));
    assert.deepEqual(names.sort(), [
      'pseudonyms-view.sqlite',
      'pseudonyms-view.sqlite-shm',
      'pseudonyms-view.sqlite-wal',
      'pseudonyms.key',
    ]);
    for (const name of names) assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
    const [sealed] = keysInVault(directory);
    assert.ok(sealed !== undefined);
    const master = new MasterKey(readFileSync(join(directory, 'pseudonyms.key')));
    const database = new DatabaseSync(join(directory, 'pseudonyms-view.sqlite'), { readOnly: true });
    const handle = database.prepare("SELECT key FROM vault WHERE key <> 'lookup-key'").get()?.key as string;
    database.close();
    const key = master.open(handle, sealed);
    assert.ok(key !== undefined);
    assert.equal(
      createHmac('sha256', key).update(id).digest('base64url').slice(0, 21),
      pseudonym.slice(0, 21),
    );
    const bytes = bytesOf(directory);
    for (const needle of [id, pseudonym, key]) assert.ok(!bytes.includes(needle));
  });

  it('have nothing left of who is forgotten, byte for byte: neither the log’s nor the view’s', async (t) => {
    const { directory, open } = await directoryWithLog(t);
    const { vault } = await open();
    const ids = users(2000);
    for (let from = 0; from < ids.length; from += 400) await vault.pseudonymsOf(ids.slice(from, from + 400));
    const before = keysInVault(directory);
    for (const user of ['user 7', 'user 999']) await vault.forget(user);
    const left = keysInVault(directory);
    const gone = before.filter((each) => !left.some((one) => one.equals(each)));
    assert.equal(gone.length, 2);
    const bytes = bytesOf(directory);
    for (const sealed of gone) assert.ok(!bytes.includes(sealed) && !bytes.includes(sealed.subarray(12, 44)));
    assert.deepEqual([vault.known('user 7'), vault.known('user 999')], [undefined, undefined]);
    assert.notEqual(vault.known('user 8'), undefined);
  });

  it('are cleaned by the next who opens them, where kill -9 came between tombstone and cleaning', async (t) => {
    const { directory, open, close } = await directoryWithLog(t);
    await (await open()).vault.pseudonymsOf(['anna', 'bert']);
    const before = keysInVault(directory);
    await close();
    const ended = await run(
      { data: directory, keys: directory },
      ['forget', 'anna'],
      'privacy.vault.forgotten=kill',
    );
    assert.deepEqual([ended.signal, ended.lines], ['SIGKILL', ['open']]);
    const { vault } = await open();
    const gone = missing(before, keysInVault(directory));
    assert.ok(!bytesOf(directory).includes(gone));
    assert.equal(vault.known('anna'), undefined);
  });

  it('are a view: removed, damaged, or put back from an earlier day, they are made from the log again', async (t) => {
    const { directory, open, close } = await directoryWithLog(t);
    const view = join(directory, 'pseudonyms-view.sqlite');
    const names = await (await open()).vault.pseudonymsOf(users(50));
    await close();
    const early = readFileSync(view);
    const { vault: second } = await open();
    const late = await second.pseudonymOf('late');
    await second.forget('user 3');
    await close();
    const spoils: readonly (() => void)[] = [
      () => rmSync(view),
      () => writeFileSync(view, 'no database at all, but long enough to be looked at'),
      () => writeFileSync(view, early),
      () => writeFileSync(view, Buffer.concat([early.subarray(0, 60), seededBytes(40), early.subarray(100)])),
    ];
    for (const spoil of spoils) {
      for (const name of readdirSync(directory))
        if (/view\.sqlite-/.test(name)) rmSync(join(directory, name));
      spoil();
      const { vault } = await open();
      assert.deepEqual(
        users(50).map((id) => vault.known(id)),
        names.map((name, i) => (i === 3 ? undefined : name)),
      );
      assert.equal(vault.known('late'), late);
      await close();
    }
  });

  it('of another log are not believed', async (t) => {
    const [one, other] = [await directoryWithLog(t), await directoryWithLog(t)];
    await (await one.open()).vault.pseudonymsOf(users(30));
    const { vault } = await other.open();
    const [anna] = await vault.pseudonymsOf([
      'anna',
      'bert',
      'carl',
      ...users(40).map((id) => `other ${id}`),
    ]);
    await one.close();
    await other.close();
    const move = (name: string) => cpSync(join(one.directory, name), join(other.directory, name));
    move('pseudonyms-view.sqlite');
    const { vault: again } = await other.open();
    assert.deepEqual([again.known('anna'), again.known('user 1')], [anna, undefined]);
    assert.equal((await again.check()).users, 43);
  });
});

describe('damage', () => {
  it('of a row in the view is noticed, whichever bit it is, and healed from the log', async (t) => {
    const { directory, open } = await directoryWithLog(t);
    const { vault } = await open();
    const [anna, bert] = await vault.pseudonymsOf(['anna', 'bert', 'carl']);
    const topicHas = { users: 3, damaged: 0 };
    const [row] = new DatabaseSync(join(directory, 'pseudonyms-view.sqlite'), { readOnly: true })
      .prepare("SELECT key, sealed FROM vault WHERE key <> 'lookup-key'")
      .all() as { key: string; sealed: Uint8Array }[];
    assert.ok(row !== undefined);
    for (let byte = 0; byte < 60; byte += 7) {
      const sealed = Buffer.from(row.sealed);
      sealed[byte] = (sealed[byte] ?? 0) ^ 4;
      alterView(directory, 'UPDATE vault SET sealed = ? WHERE key = ?', sealed, row.key);
      const { repaired, ...counts } = await vault.check();
      assert.deepEqual(counts, topicHas, `byte ${byte}`);
      assert.match(repaired ?? '', /^1 key was in .*pseudonyms-view\.sqlite damaged/);
      assert.equal(vault.damage, undefined);
    }
    alterView(directory, 'UPDATE vault SET key = ? WHERE key = ?', `A${row.key.slice(1)}`, row.key);
    const { repaired, ...counts } = await vault.check();
    assert.deepEqual(counts, topicHas);
    assert.ok(repaired !== undefined);
    assert.deepEqual([vault.known('anna'), vault.known('bert')], [anna, bert]);
  });

  it('met by a call refuses that user, others go on, and the next call finds it healed', async (t) => {
    const { directory, open, close } = await directoryWithLog(t);
    const [anna, bert] = await (await open()).vault.pseudonymsOf(['anna', 'bert']);
    await close();
    alterView(directory, "UPDATE vault SET sealed = zeroblob(60) WHERE key <> 'lookup-key'");
    const { vault } = await open();
    assert.throws(() => vault.known('anna'), { code: 'MR_PRIVACY_VAULT_DAMAGED' });
    await eventually(() => vault.damage === undefined);
    assert.deepEqual([vault.known('anna'), vault.known('bert')], [anna, bert]);
  });

  it('on the log itself refuses that user for good, in a new directory too, and is counted', async (t) => {
    const { directory, open } = await directoryWithLog(t);
    const { log, vault } = await open();
    const [anna] = await vault.pseudonymsOf(['anna', 'bert']);
    const topic = await vaultTopic(log, log.registry);
    const handleOf = (id: string) => {
      const lookup = new DatabaseSync(join(directory, 'pseudonyms-view.sqlite'), { readOnly: true });
      const { sealed } = lookup.prepare("SELECT sealed FROM vault WHERE key = 'lookup-key'").get() ?? {};
      lookup.close();
      const master = new MasterKey(readFileSync(join(directory, 'pseudonyms.key')));
      const key = master.open('lookup-key', sealed as Uint8Array) as Buffer;
      return createHmac('sha256', key).update(id).digest().subarray(0, 16).toString('base64url');
    };
    const producer = await log.producer();
    const append = (value: Buffer) =>
      producer.append(topic.name, 0, [{ key: Buffer.from(handleOf('bert')), value, timestamp: 0 }]);
    const junk: readonly Buffer[] = [
      topic.value.encode({ master_key: '0'.repeat(16), sealed: Buffer.alloc(60) }),
      topic.value.encode({ master_key: '', sealed: Buffer.alloc(0) }),
      Buffer.from('no record of this topic'),
    ];
    // Without the key that it names, a record is of another master key; the others are damaged.
    for (const value of junk.slice(1)) {
      await append(value);
      const fresh = temporaryDirectory(t);
      const other = await openTestVault(log, log.registry, fresh, { keys: masterKeyFiles(directory) });
      assert.equal(other.known('anna'), anna);
      assert.throws(() => other.known('bert'), { code: 'MR_PRIVACY_VAULT_DAMAGED' });
      await assert.rejects(other.pseudonymsOf(['anna', 'bert']), { code: 'MR_PRIVACY_VAULT_DAMAGED' });
      assert.deepEqual(await other.check(), { users: 2, damaged: 1, repaired: undefined });
      assert.match(other.damage ?? '', /^1 of the keys of users in .* is damaged$/);
      await other.close();
    }
    await append(junk[0] as Buffer);
    const other = await openTestVault(log, log.registry, temporaryDirectory(t), {
      keys: masterKeyFiles(directory),
    });
    assert.throws(() => other.known('bert'), { code: 'MR_PRIVACY_MASTER_KEY', hint: /privacy\.masterKey/ });
    assert.equal(other.known('anna'), anna);
    await other.close();
    await producer.close();
  });

  it('of the master key, or the lack of it, is refused at the opening', async (t) => {
    const { directory, open, close } = await directoryWithLog(t);
    await (await open()).vault.pseudonymOf('anna');
    await close();
    const path = join(directory, 'pseudonyms.key');
    const key = readFileSync(path);
    const flipped = Buffer.from(key);
    flipped[3] = (flipped[3] ?? 0) ^ 1;
    for (const spoil of [
      () => rmSync(path),
      () => writeFileSync(path, 'short'),
      () => writeFileSync(path, flipped),
    ]) {
      spoil();
      const refused = { code: 'MR_PRIVACY_MASTER_KEY', message: /pseudonyms\.key/, hint: /from a backup/ };
      await assert.rejects(open(), refused);
      await close();
    }
    writeFileSync(path, key);
    assert.notEqual((await open()).vault.known('anna'), undefined);
  });
});

describe('processes', () => {
  const raceOn = async (t: TestContext, servers: Record<string, string>) => {
    // Each with a directory of its own and one master key, as gateways on machines have.
    const keys = temporaryDirectory(t);
    masterKeyFiles(keys).forNewVault();
    const ended = await Promise.all(
      [1, 2, 3].map(() => run({ data: temporaryDirectory(t), keys, ...servers }, ['name', '0', '40'])),
    );
    assert.deepEqual(
      ended.map(({ code }) => code),
      [0, 0, 0],
    );
    return ended.map(({ lines }) => JSON.parse(lines[1] ?? '') as string[]);
  };

  it('of one directory that meet the same users at once give them one name', async (t) => {
    const directory = temporaryDirectory(t);
    const ended = await Promise.all(
      [1, 2, 3].map(() => run({ data: directory, keys: directory }, ['name', '0', '100'])),
    );
    const names = ended.map(({ lines }) => lines[1]);
    assert.equal(new Set(names).size, 1, JSON.stringify(ended));
    assert.equal(new Set(JSON.parse(names[0] ?? '') as string[]).size, 100);
  });

  it('with directories of their own on Kafka that meet the same users at once give them one name', {
    skip: serversSkip,
    timeout: 300_000,
  }, async (t) => {
    const [kafka, registry] = [await sharedKafka(), await sharedRegistry()];
    const prefix = `vault-race-${process.pid}.`;
    const servers = { log: `${kafka?.url}?prefix=${prefix}`, registry: `${registry?.url}?prefix=${prefix}` };
    const [one, ...others] = await raceOn(t, servers);
    assert.equal(new Set(one).size, 40);
    for (const other of others) assert.deepEqual(other, one);
  });

  it('notice at once what another of their directory has forgotten', async (t) => {
    const { directory, open } = await directoryWithLog(t);
    const { vault } = await open();
    const [anna, bert] = await vault.pseudonymsOf(['anna', 'bert']);
    assert.equal((await run({ data: directory, keys: directory }, ['forget', 'anna'])).code, 0);
    assert.equal(vault.known('anna'), undefined);
    assert.equal(vault.known('bert'), bert);
    assert.notEqual(await vault.pseudonymOf('anna'), anna);
  });

  for (const step of ['rotation-begun', 'rotated-page', 'rotated-page@2', 'rotated']) {
    it(`killed in a rotation at ${step} leave a vault that both keys open, and the next rotation completes it`, async (t) => {
      const { directory, open, close } = await directoryWithLog(t);
      const ids = users(6_000);
      const names = await (await open()).vault.pseudonymsOf(ids);
      await close();
      const before = readFileSync(join(directory, 'pseudonyms.key'));
      const [name, hit = '1'] = step.split('@');
      const given = { data: directory, keys: directory };
      const killed = await run(given, ['rotate'], `privacy.vault.${name}=kill@${hit}`);
      assert.equal(killed.signal, 'SIGKILL');
      const { vault } = await open();
      assert.deepEqual(
        ids.map((id) => vault.known(id)),
        names,
      );
      const late = await vault.pseudonymOf('late');
      const ended = await run(given, ['rotate']);
      assert.equal(ended.code, 0);
      // Beside this vault, which has read neither file since.
      assert.deepEqual(
        ids.map((id) => vault.known(id)),
        names,
      );
      assert.equal(await vault.pseudonymOf('late'), late);
      const newer = await vault.pseudonymOf('newer');
      await close();
      assert.ok(!readFileSync(join(directory, 'pseudonyms.key')).equals(before));
      assert.ok(!existsSync(join(directory, 'pseudonyms.next.key')));
      const { vault: after } = await open();
      assert.deepEqual(
        [after.known('user 77'), after.known('late'), after.known('newer')],
        [names[77], late, newer],
      );
      const { masterKey } = JSON.parse(ended.lines[1] ?? '') as { masterKey: string };
      const database = new DatabaseSync(join(directory, 'pseudonyms-view.sqlite'), { readOnly: true });
      assert.deepEqual(
        database
          .prepare('SELECT DISTINCT master_key FROM vault')
          .all()
          .map((row) => row.master_key),
        [masterKey],
      );
      database.close();
    });
  }
});

describe('a vault that an earlier release kept in the data directory', () => {
  const expected = Object.entries(JSON.parse(readFileSync(join(fixture, 'names.json'), 'utf8'))) as [
    string,
    string,
  ][];
  const put = (directory: string) => {
    for (const name of ['pseudonyms.sqlite', 'pseudonyms.key'])
      cpSync(join(fixture, name), join(directory, name));
  };
  const assertNames = (vault: Vault) => {
    assert.equal(expected.length, 119);
    for (const [id, name] of expected) assert.equal(vault.known(id), name, id);
    assert.equal(vault.known('user 7'), undefined, 'who was forgotten');
  };

  it('moves to the log, names as they were, and its file goes', async (t) => {
    const { directory, open } = await directoryWithLog(t);
    put(directory);
    const { log, vault } = await open();
    assertNames(vault);
    assert.deepEqual(await vault.check(), { users: 119, damaged: 0, repaired: undefined });
    assert.ok(!readdirSync(directory).some((name) => name.startsWith('pseudonyms.sqlite')));
    const replica = await openTestVault(log, log.registry, temporaryDirectory(t), {
      keys: masterKeyFiles(directory),
    });
    assertNames(replica);
    await replica.close();
  });

  for (const step of ['moved-page', 'moved', 'moved-lookup']) {
    it(`is moved by the next start where kill -9 came at ${step}`, async (t) => {
      const { directory, open } = await directoryWithLog(t);
      put(directory);
      const given = { data: directory, keys: directory };
      const killed = await run(given, ['name', '500', '501'], `privacy.vault.${step}=kill`);
      assert.deepEqual([killed.signal, killed.lines], ['SIGKILL', ['']]);
      assert.ok(existsSync(join(directory, 'pseudonyms.sqlite')));
      const { vault } = await open();
      assertNames(vault);
      assert.equal((await vault.check()).users, 119);
      assert.ok(!existsSync(join(directory, 'pseudonyms.sqlite')));
    });
  }

  it('is waited for by others on the log until it is there', async (t) => {
    const { directory, open } = await directoryWithLog(t);
    put(directory);
    await run({ data: directory, keys: directory }, ['name', '0', '1'], 'privacy.vault.moved-page=kill');
    const log = await openEmbeddedLog({ directory, clock: systemClock });
    const other = openTestVault(log, log.registry, temporaryDirectory(t), {
      keys: masterKeyFiles(directory),
      patienceMs: 50,
    });
    await assert.rejects(other, { code: 'MR_PRIVACY_VAULT_BUSY', message: /being moved/ });
    await log.close();
    assertNames((await open()).vault);
  });

  it('is refused with another key, as a copy that went its own way, and as the vault of another log', async (t) => {
    const { directory, open, close } = await directoryWithLog(t);
    const unusable = (message: RegExp) => ({ code: 'MR_PRIVACY_VAULT_UNUSABLE', message });
    put(directory);
    const key = readFileSync(join(directory, 'pseudonyms.key'));
    writeFileSync(join(directory, 'pseudonyms.key'), seededBytes(32));
    await assert.rejects(open(), unusable(/key of another vault/));
    writeFileSync(join(directory, 'pseudonyms.key'), key);
    await close();
    assertNames((await open()).vault);
    await close();
    // The same again is a copy that nobody changed.
    put(directory);
    const { vault } = await open();
    assertNames(vault);
    await vault.forget('user 8');
    await close();
    put(directory);
    await assert.rejects(open(), unusable(/1 users whom the vault on the log does not have/));
    await close();
    const { directory: another, open: openAnother, close: closeAnother } = await directoryWithLog(t);
    await (await openAnother()).vault.pseudonymOf('anna');
    await closeAnother();
    cpSync(join(fixture, 'pseudonyms.sqlite'), join(another, 'pseudonyms.sqlite'));
    await assert.rejects(openAnother(), unusable(/key of another vault/));
  });

  it('keeps a damaged row damaged: its user is refused, not renamed', async (t) => {
    const { directory, open } = await directoryWithLog(t);
    put(directory);
    const database = new DatabaseSync(join(directory, 'pseudonyms.sqlite'));
    const handle = createHmac('sha256', readFileSync(join(directory, 'pseudonyms.key')))
      .update('user 5')
      .digest()
      .subarray(0, 16);
    database.prepare('UPDATE keys SET mac = zeroblob(16) WHERE handle = ?').run(handle);
    database.close();
    const { vault } = await open();
    assert.throws(() => vault.known('user 5'), { code: 'MR_PRIVACY_VAULT_DAMAGED' });
    await assert.rejects(vault.pseudonymOf('user 5'), { code: 'MR_PRIVACY_VAULT_DAMAGED' });
    assert.equal(vault.known('user 6'), Object.fromEntries(expected)['user 6']);
    assert.equal((await vault.check()).damaged, 1);
  });
});

describe('a log that is away', () => {
  it('lets known users go on, refuses new ones for the moment, and takes them when it is back', async (t) => {
    const log = openSimulatedLog({ clock: systemClock, random: Math.random });
    const vault = await openTestVault(log, log.registry, temporaryDirectory(t), { patienceMs: 100 });
    t.after(async () => {
      await vault.close();
      await log.close();
    });
    const anna = await vault.pseudonymOf('anna');
    log.faults.failRequests(1);
    await assert.rejects(vault.pseudonymsOf(['anna', 'bert']), { code: 'MR_PRIVACY_VAULT_BUSY' });
    await assert.rejects(vault.forget('anna'), { code: 'MR_PRIVACY_VAULT_BUSY' });
    assert.equal(vault.known('anna'), anna);
    assert.deepEqual(await vault.pseudonymsOf(['anna']), [anna]);
    log.faults.failRequests(0);
    const bert = await retried(() => vault.pseudonymOf('bert'));
    assert.equal(vault.known('bert'), bert);
  });

  it('gives one name where a write’s outcome was lost', async (t) => {
    const log = openSimulatedLog({ clock: systemClock, random: Math.random });
    const open = () =>
      openTestVault(log, log.registry, temporaryDirectory(t), {
        keys: masterKeyFiles(keys),
        patienceMs: 60_000,
      });
    const keys = temporaryDirectory(t);
    const vault = await open();
    log.faults.failRequests(0.3);
    log.faults.repeatRequests(0.3);
    const names: string[] = [];
    for (const id of users(30)) names.push(await vault.pseudonymOf(id));
    log.faults.failRequests(0);
    log.faults.repeatRequests(0);
    const other = await open();
    assert.deepEqual(
      users(30).map((id) => other.known(id)),
      names,
    );
    await vault.close();
    await other.close();
    await log.close();
  });
});

describe('failures within one process', () => {
  it('complete an erasure at the next call', async (t) => {
    const { directory, open } = await directoryWithLog(t);
    const { vault } = await open();
    await vault.pseudonymsOf(['anna', 'bert']);
    const before = keysInVault(directory);
    armFailpoints('privacy.vault.forgotten=fail');
    t.after(disarmFailpoints);
    await assert.rejects(vault.forget('anna'), { code: 'MR_FAILPOINT' });
    assert.equal(vault.known('anna'), undefined);
    await vault.forget('anna');
    assert.ok(!bytesOf(directory).includes(missing(before, keysInVault(directory))));
  });
});

/** Retries what is refused for the moment. */
async function retried<T>(call: () => Promise<T>): Promise<T> {
  const endMs = systemClock.monotonic() + 60_000;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (systemClock.monotonic() > endMs) throw error;
    }
  }
}
