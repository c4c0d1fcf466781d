import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { type Log, openLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { masterKeyFiles } from '#privacy';
import { keysInVault, openTestVault } from '#privacy/testing';
import { kafkaServer, redisServer, registryServer } from '#servers';
import { loadConfiguration } from '#service/configuration';
import { LOOP_GENERATION } from '#topologies';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';

const ANNA = 'anna.of.the.erased@example.org';
const modules = ['user-trends.ts', 'user-kinds.ts'].map((name) =>
  join(import.meta.dirname, '../../view-builds/fixtures', name),
);

type Report = {
  readonly keyDestroyed: boolean;
  readonly erased: readonly { readonly target: string; readonly rows: number; readonly where: string }[];
  readonly remains: readonly { readonly topic: string }[];
};
type Features = { readonly user: { readonly views: Readonly<Record<string, { readonly found: boolean }>> } };

it('erases a user on Kafka: rows by tombstones everywhere, the key for good, and says what stays', {
  timeout: 600_000,
}, async (t) => {
  const kafka = await kafkaServer(t);
  const registry = await registryServer(t);
  const redis = await redisServer(t);
  if (kafka === undefined || registry === undefined || redis === undefined) return;
  const prefix = `erase-${randomUUID().slice(0, 8)}-`;
  const servers = {
    log: `${kafka.url}?prefix=${prefix}`,
    registry: `${registry.url}?prefix=${prefix}`,
    views: `${redis.url}?namespace=${prefix}`,
  };
  const { begin, run, directory, print } = commandLine(t, {
    ...smallWorld,
    ...servers,
    privacy: { userIds: 'pseudonyms' },
    features: { modules },
  });
  const data = join(directory, '.millrace');
  const started = begin(['start', '--json']);
  const [line] = await started.until(/^\{"url".*\}$/m);
  const { url } = JSON.parse(line) as { url: string };
  const headers = { 'content-type': 'application/json', connection: 'close' };
  for (const [n, kind] of (['view', 'click', 'like'] as const).entries()) {
    const event = { event_id: `mine-${n}`, user_id: ANNA, item_id: 'i1', kind };
    const response = await fetch(`${url}/events`, { method: 'POST', headers, body: JSON.stringify(event) });
    assert.equal(response.status, 202, await response.text());
  }
  const features = async (): Promise<Features['user']['views']> => {
    const response = await fetch(`${url}/features/user/${ANNA}`, { headers });
    const body = (await response.json()) as Features;
    assert.equal(response.status, 200, JSON.stringify(body));
    return body.user.views;
  };
  await eventually(async () => {
    const views = await features();
    return views['user-features']?.found === true && views['user-trends']?.found === true;
  });
  const shown = await print(['features', 'get', 'user', ANNA, '--views', 'user-trends', '--json']);
  assert.equal(jsonLines<Features>(shown.out)[0]?.user.views['user-trends']?.found, true, shown.err);

  const {
    log,
    registry: schemas,
    identity,
    close,
  } = await openLog(
    loadConfiguration({
      flags: { data, log: servers.log, registry: servers.registry },
      environment: {},
      directory,
    }),
    { clock: systemClock, random: Math.random, logger: createLogger({ level: 'silent', name: 'test' }) },
  );
  // Another replica: a directory of its own, with the master key.
  const replica = join(directory, 'replica');
  const vault = await openTestVault(log, schemas, replica, { keys: masterKeyFiles(data) });
  t.after(async () => {
    await vault.close();
    await close();
  });
  const pseudonym = vault.known(ANNA) as string;
  const keys = keysInVault(join(data, identity));
  const compacted = async () => {
    const rows = await newestOf(log, pseudonym);
    return [...rows]
      .flatMap(([topic, values]) => ([...values.values()].includes(true) ? [topic] : []))
      .sort();
  };
  const ofViews = ['user-features-2', 'user-item-features-1', 'user-kinds-1', 'user-trends-1'];
  const before = await compacted();
  for (const topic of ofViews) assert.ok(before.includes(topic), `${topic} in ${before.join(' ')}`);

  const ended = await run(['erase', ANNA, '--yes', '--json']);
  assert.equal(ended.code, 0, ended.err);
  const [report] = jsonLines<Report>(ended.out);
  assert.ok(report);
  assert.equal(report.keyDestroyed, true);
  const rows = new Map(report.erased.map((each) => [each.target, each.rows]));
  // No file of this log is ours: what a tombstone stands for goes when the broker compacts, and no report says otherwise.
  assert.deepEqual(
    [...rows.keys()],
    ['profile', 'views', 'redis', 'archive', 'versions', 'snapshots', 'runs'],
  );
  assert.ok((rows.get('views') ?? 0) >= ofViews.length, JSON.stringify(report));
  const kept = ['answers', 'example-corrections', 'examples', 'interactions', 'interactions-accepted'];
  assert.deepEqual(report.remains.map(({ topic }) => topic).sort(), kept);

  const decisions = [
    `loop-${LOOP_GENERATION}-user-views-withdrawn-changelog`,
    'privacy',
    'privacy-decisions',
  ];
  // What has come of examples is remembered for a day of event time, under the pseudonym.
  const recent = `loop-${LOOP_GENERATION}-outcomes-recent`;
  const passing = [`${recent}-changelog`, `${recent}-ttl-changelog`];
  const after = await compacted();
  assert.deepEqual(
    after.filter((topic) => ![...decisions, ...passing].includes(topic)),
    [],
    'a row that no tombstone follows',
  );
  await eventually(async () => vault.known(ANNA) === undefined);
  const left = keysInVault(join(data, identity));
  const destroyed = keys.filter((key) => !left.some((other) => other.equals(key)));
  assert.equal(destroyed.length, 1);
  for (const needle of [...destroyed, Buffer.from(ANNA)]) {
    await eventually(async () => filesWith(replica, needle).length === 0);
    assert.deepEqual(filesWith(data, needle), []);
  }
  assert.deepEqual([...(await topicsWith(log, Buffer.from(ANNA)))], []);
  for (const sealed of destroyed) {
    // Until the broker compacts: sealed, and behind its tombstone.
    assert.ok([...(await topicsWith(log, sealed))].every((topic) => topic === 'vault'));
  }
  const views = await features();
  assert.deepEqual([views['user-features']?.found, views['user-trends']?.found], [false, false]);
  assert.equal((await started.signal('SIGTERM')).code, 0);
});

/** Every record of the log that is committed. */
async function eachRecord(
  log: Log,
  take: (topic: string, key: Buffer | null, value: Buffer | null) => void,
  isWanted: (policy: 'compact' | 'delete') => boolean = () => true,
): Promise<void> {
  const described = (await log.describeTopics()).filter(({ cleanup }) => isWanted(cleanup.policy));
  const consumer = await log.consumer();
  const ends = described.flatMap(({ name, offsets }) =>
    offsets.map(({ start, stable }, partition) => ({ topic: name, partition, offset: start, stable })),
  );
  consumer.assign(ends);
  const behind = new Map(
    ends
      .filter(({ offset, stable }) => stable > offset)
      .map((each) => [`${each.topic} ${each.partition}`, each.stable]),
  );
  while (behind.size > 0) {
    for (const batch of await consumer.poll(200)) {
      for (let i = 0; i < batch.count; i++) take(batch.topic, batch.key(i), batch.value(i));
      const place = `${batch.topic} ${batch.partition}`;
      if (batch.nextOffset >= (behind.get(place) ?? 0)) behind.delete(place);
    }
  }
  await consumer.close();
}

/** By compacted topic the keys that begin with a user, with whether the newest record of each has a value. */
async function newestOf(log: Log, pseudonym: string): Promise<Map<string, Map<string, boolean>>> {
  const found = new Map<string, Map<string, boolean>>();
  const take = (topic: string, key: Buffer | null, value: Buffer | null) => {
    const text = key?.toString() ?? '';
    if (!text.startsWith(pseudonym)) return;
    const rows = found.get(topic) ?? new Map<string, boolean>();
    found.set(topic, rows.set(text, value !== null));
  };
  await eachRecord(log, take, (policy) => policy === 'compact');
  return found;
}

async function topicsWith(log: Log, needle: Buffer): Promise<Set<string>> {
  const found = new Set<string>();
  await eachRecord(log, (topic, ...parts) => {
    if (parts.some((bytes) => bytes?.includes(needle))) found.add(topic);
  });
  return found;
}

function filesWith(directory: string, needle: Buffer): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(needle));
}
