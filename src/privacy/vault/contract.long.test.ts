import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { readableRecords } from '#engine';
import {
  type Log,
  openEmbeddedLog,
  openKafkaLog,
  openSimulatedLog,
  parseKafkaUrl,
  type SchemaRegistry,
} from '#log';
import { recordsIn } from '#log/testing';
import { invariant, systemClock } from '#platform';
import { eventually, seededBytes, temporaryDirectory } from '#platform/testing';
import { serversSkip, sharedKafka } from '#servers';
import { configuredMasterKeys, type MasterKeys } from './master-key.ts';
import { openTestVault, vaultTopic } from './testing/index.ts';
import type { Vault } from './vault.ts';

type Adapter = {
  readonly registry: SchemaRegistry;
  /** A client of the log as another process has it. */
  readonly client: () => Promise<Log>;
};

type OpenAdapter = (t: TestContext) => Promise<Adapter>;

const embedded: OpenAdapter = async (t) => {
  const directory = temporaryDirectory(t);
  const open = () => openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });
  const first = await open();
  t.after(() => first.close());
  return { registry: first.registry, client: open };
};

const simulated: OpenAdapter = async (t) => {
  const log = openSimulatedLog({ clock: systemClock, random: Math.random });
  t.after(() => log.close());
  return { registry: log.registry, client: async () => log.connect() };
};

let prefixes = 0;
const onKafka: OpenAdapter = async (t) => {
  const kafka = await sharedKafka();
  invariant(kafka !== undefined, 'skipped without servers');
  const options = parseKafkaUrl(`${kafka.url}?prefix=vault-${process.pid}-${prefixes++}.`);
  const open = () => openKafkaLog(options, { clock: systemClock, random: Math.random });
  t.after(async () => {
    const cleaner = await open();
    await cleaner.deleteTopics((await cleaner.describeTopics()).map(({ name }) => name));
    await cleaner.close();
  });
  return { registry: openSimulatedLog({ clock: systemClock, random: Math.random }).registry, client: open };
};

const secret = (label: string) => seededBytes(32, label).toString('base64');

/** Vaults on one log, each with a client, a directory and keys of its own, as replicas on machines have. */
async function replicas(t: TestContext, open: OpenAdapter) {
  const adapter = await open(t);
  const common = secret('common');
  const clients: Log[] = [];
  const vaults: Vault[] = [];
  t.after(async () => {
    for (const vault of vaults) await vault.close();
    for (const client of clients) await client.close();
  });
  const client = async () => {
    const log = await adapter.client();
    clients.push(log);
    return log;
  };
  const log = await client();
  const topic = await vaultTopic(log, adapter.registry);
  return {
    ...adapter,
    log,
    topic,
    common,
    async vault(
      keys: MasterKeys = configuredMasterKeys({ masterKey: common }),
      directory = join(temporaryDirectory(t), 'data'),
    ): Promise<Vault> {
      const vault = await openTestVault(await client(), adapter.registry, directory, {
        keys,
        patienceMs: 60_000,
      });
      vaults.push(vault);
      return vault;
    },
    /** Every record of the topic that is there, in order. */
    async records() {
      const records = [];
      for await (const part of readableRecords(log, topic)) records.push(...part);
      return records;
    },
  };
}

const users = (count: number) => Array.from({ length: count }, (_, i) => `user ${i}`);

function vaultContract(name: string, open: OpenAdapter, skip: string | false = false): void {
  describe(`vault on the ${name} log`, { skip }, () => {
    it('gives each user one pseudonym, whichever replica is asked, one with an empty directory included', async (t) => {
      const world = await replicas(t, open);
      const one = await world.vault();
      const names = await one.pseudonymsOf(['anna', 'bert', 'anna']);
      assert.equal(names[0], names[2]);
      assert.notEqual(names[0], names[1]);
      for (const each of names) assert.match(each, /^[\w-]{22}$/);
      const other = await world.vault();
      assert.deepEqual([other.known('anna'), other.known('bert')], names.slice(0, 2));
      assert.equal(other.known('carl'), undefined);
      assert.equal(other.known('carl'), undefined);
      const carl = await one.pseudonymOf('carl');
      await eventually(() => other.known('carl') !== undefined);
      assert.equal(other.known('carl'), carl);
      assert.deepEqual(await other.check(), { users: 3, damaged: 0, repaired: undefined });
    });

    it('puts neither ids nor pseudonyms nor keys on the log', async (t) => {
      const world = await replicas(t, open);
      const vault = await world.vault();
      const id = 'anna.of.the.long.name@example.org';
      const pseudonym = await vault.pseudonymOf(id);
      const found = await recordsIn(world.log, { topic: world.topic.name, partition: 0 });
      assert.equal(found.length, 2);
      const bytes = Buffer.concat(
        found.flatMap(({ record: { key, value } }) => [key ?? [], value ?? []].map((b) => Buffer.from(b))),
      );
      assert.ok(!bytes.includes(id) && !bytes.includes(pseudonym));
    });

    it('gives one name to users whom replicas meet at the same time', async (t) => {
      const world = await replicas(t, open);
      const vaults = [await world.vault(), await world.vault(), await world.vault()];
      const ids = users(60);
      const names = await Promise.all(
        vaults.map((vault, v) =>
          Promise.all(ids.map((_, i) => vault.pseudonymOf(ids[(i + v * 7) % ids.length] as string))),
        ),
      );
      const byUser = vaults.map(
        (_, v) => new Map(ids.map((_, i) => [ids[(i + v * 7) % ids.length], names[v]?.[i]])),
      );
      for (const id of ids) assert.equal(new Set(byUser.map((each) => each.get(id))).size, 1, id);
      const written = await world.records();
      assert.equal(new Set(written.map(({ key }) => key)).size, written.length, 'a key was written once');
      assert.equal(written.length, ids.length + 1);
    });

    it('forgets a user everywhere; who comes back is another', async (t) => {
      const world = await replicas(t, open);
      const [one, other] = [await world.vault(), await world.vault()];
      const [anna, bert] = await one.pseudonymsOf(['anna', 'bert']);
      await eventually(() => other.known('bert') !== undefined);
      await other.forget('anna');
      await other.forget('anna');
      await other.forget('nobody');
      assert.equal(other.known('anna'), undefined);
      await eventually(() => one.known('anna') === undefined);
      assert.equal(one.known('bert'), bert);
      const back = await one.pseudonymOf('anna');
      assert.notEqual(back, anna);
      await eventually(() => other.known('anna') === back);
      assert.equal((await world.vault()).known('anna'), back);
      assert.equal((await world.records()).filter(({ value }) => value === null).length, 1);
    });

    it('seals everything under another master key while users come and go, and both keys open meanwhile', async (t) => {
      const world = await replicas(t, open);
      const [masterKey, nextMasterKey] = [world.common, secret('next')];
      const both = configuredMasterKeys({ masterKey, nextMasterKey });
      const [rotating, serving] = [await world.vault(both), await world.vault(both)];
      const before = await serving.pseudonymsOf(users(400));
      let isRotated = false;
      const during = new Map<string, string>();
      const load = (async () => {
        for (let i = 0; !isRotated || during.size < 20; i++) {
          during.set(`late ${i}`, await serving.pseudonymOf(`late ${i}`));
          if (i === 5) await serving.forget('user 399');
        }
      })();
      const { signal } = new AbortController();
      const rotation = await rotating.rotateMasterKey({ signal });
      isRotated = true;
      await load;
      assert.equal(rotation.damaged, 0);
      assert.match(rotation.todo ?? '', /privacy\.masterKey/);
      const live = new Map((await world.records()).map(({ key, value }) => [key, value]));
      for (const value of live.values()) assert.ok(value === null || value.master_key === rotation.masterKey);
      const after = await world.vault(configuredMasterKeys({ masterKey: nextMasterKey }));
      assert.deepEqual(
        users(400).map((id) => after.known(id)),
        [...before.slice(0, 399), undefined],
      );
      for (const [id, pseudonym] of during) assert.equal(after.known(id), pseudonym, id);
      assert.equal((await rotating.rotateMasterKey({ signal })).sealed, 0);
      await assert.rejects(world.vault(configuredMasterKeys({ masterKey })), {
        code: 'MR_PRIVACY_MASTER_KEY',
      });
    });

    it('refuses a replica with another master key, or without one, and names the option', async (t) => {
      const world = await replicas(t, open);
      await (await world.vault()).pseudonymOf('anna');
      const expected = { code: 'MR_PRIVACY_MASTER_KEY', hint: /privacy\.masterKey/ };
      await assert.rejects(world.vault(configuredMasterKeys({ masterKey: secret('another') })), expected);
      assert.throws(() => configuredMasterKeys({ masterKey: 'short' }), {
        code: 'MR_PRIVACY_MASTER_KEY',
        message: /privacy\.masterKey is no key of 32 bytes/,
      });
      assert.equal((await world.records()).length, 2, 'nothing was written');
    });
  });
}

vaultContract('embedded', embedded);
vaultContract('simulated', simulated);
vaultContract('Kafka', onKafka, serversSkip);
