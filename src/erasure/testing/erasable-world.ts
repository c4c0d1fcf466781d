/** An installation with users on its log, processed, with a snapshot and a version that hold them: to be erased from. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { TopicReader, TopicWriter } from '#engine';
import type { AnyView } from '#features';
import { openEmbeddedLog } from '#log';
import { withDuckDb } from '#offline';
import { createLogger, invariant, systemClock } from '#platform';
import { readOptions } from '#platform/configuration';
import { temporaryDirectory } from '#platform/testing';
import { type Erasure, eraseUser, writePrivacyStatus } from '#privacy';
import { openTestVault } from '#privacy/testing';
import { startProcessing, viewsOfModules } from '#processing';
import { PROCESSING_OPTIONS } from '#processing/options';
import { type Candidate, type Command, commandOf, type Interaction } from '#schemas';
import type { SharedFiles } from '#storage';
import { openTopics, openViewTopic, type Topics } from '#topologies';
import { runAtWork } from '#versions/testing';
import { startViewBuild } from '#view-builds';
import { erasureTargets, scrubLog } from '../erasure-targets.ts';

const start = Date.UTC(2026, 0, 1);
const EVENTS_OF_EACH = 40;
/** What stands in the profile of a user and nowhere else, events and examples included: looked for byte by byte. */
export const languageOf = (userId: string) => `x-${Buffer.from(userId).toString('hex')}`;

export type ErasableWorld = Awaited<ReturnType<typeof openErasableWorld>>;

/** The users' ids are long enough to be met nowhere by chance. */
export async function openErasableWorld(
  t: TestContext,
  userIds: readonly string[],
  moduleFiles: readonly string[] = [],
) {
  const directory = temporaryDirectory(t);
  const configuration = readOptions(
    { options: PROCESSING_OPTIONS },
    {
      flags: {
        data: directory,
        'logging.level': 'silent',
        'engine.commitIntervalMs': 20,
        'gate.minimumLift': 0,
        'versions.production': 'any',
        'features.modules': JSON.stringify(moduleFiles),
        'features.publishRows': 'on',
      },
      environment: {},
      directory,
    },
  );
  const log = await openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });
  const topics = await openTopics(log, log.registry);
  const openVault = () => openTestVault(log, log.registry, directory, { scrubLog: () => scrubLog(log) });
  const vault = await openVault();
  const worker = {
    embedded: log,
    log,
    registry: log.registry,
    topics,
    stateDirectory: join(directory, 'state'),
    instanceId: 'main',
    configuration,
  };
  const processing = await startProcessing(worker);
  let modules = await viewsOfModules(moduleFiles);
  const logger = createLogger({ level: 'silent', name: 'test' });
  const building = { ...worker, dataDirectory: directory, clock: systemClock, logger };
  const builds = await Promise.all(modules.map((view) => startViewBuild(view, building)));
  t.after(async () => {
    for (const build of builds) await build.processing.stop();
    await processing.stop();
    await vault.close();
    await log.close();
  });

  const post = async (userId: string, from: number, to: number) => {
    const name = await vault.pseudonymOf(userId);
    const events = Array.from({ length: to - from }, (_, i) => event(name, from + i));
    const writer = await TopicWriter.open(log, topics.interactions);
    await writer.write(events.map((value) => ({ key: name, value, timestamp: value.ts })));
    await writer.announce(start + to * 1000);
    await writer.close();
  };
  const write = async <N extends keyof Topics>(name: N, key: string, value: unknown) => {
    const writer = await TopicWriter.open(log, topics[name] as Topics['users']);
    await writer.write([{ key, value: value as never, timestamp: start }]);
    await writer.close();
  };

  const pseudonyms = await vault.pseudonymsOf(userIds);
  for (const [i, userId] of userIds.entries()) {
    const user_id = pseudonyms[i] as string;
    const profile = { age: 30, gender: 'other', occupation: 'none', country: null };
    await write('users', user_id, { user_id, ...profile, language: languageOf(userId), created: start });
  }
  for (let from = 0; from < EVENTS_OF_EACH; from += 10) {
    for (const userId of userIds) await post(userId, from, from + 10);
    await processing.untilCaughtUp();
  }
  await writeSnapshot(directory, 'with-users', pseudonyms);
  await writeSnapshot(directory, 'without-users', ['nobody in particular']);
  for (const [version, snapshot] of [
    ['1111111111111111', 'with-users'],
    ['2222222222222222', 'without-users'],
    ['3333333333333333', 'without-users'],
  ] as const) {
    const command = publish(version, snapshot);
    mkdirSync(join(directory, 'versions', version), { recursive: true });
    writeFileSync(join(directory, 'versions', version, 'user-tower.onnx'), 'a model');
    await write('commands', command.command_id, command);
  }
  for (const snapshot of ['with-users', 'without-users']) {
    const run = runAtWork(`on-${snapshot}`, snapshot);
    mkdirSync(join(directory, 'runs', run.run_id), { recursive: true });
    writeFileSync(join(directory, 'runs', run.run_id, 'checkpoint-1'), 'weights');
    await write('runs', run.run_id, run);
  }
  const refresh = { base: '1111111111111111', version: '3333333333333333', status: 'succeeded' };
  await write('runs', 'refresh', { ...runAtWork('refresh', 'without-users'), ...refresh });
  await processing.untilCaughtUp();

  const stopping = new AbortController();
  return {
    directory,
    log,
    topics,
    vault,
    processing,
    builds,
    /** As the next command does. */
    openVaultAgain: async () => (await openVault()).close(),
    /** As if the modules were taken out of the configuration. */
    forgetModules: () => {
      modules = [];
    },
    post,
    erase: (userId: string, patienceMs = 60_000, files?: SharedFiles): Promise<Erasure> =>
      eraseUser(userId, {
        pseudonyms: vault,
        announce: (user_id) =>
          writePrivacyStatus(log, topics.privacy, { user_id, status: 'erased', ts: systemClock.now() }),
        targets: erasureTargets({
          log,
          embedded: log,
          keysAreForgotten: true,
          topics,
          modules,
          dataDirectory: directory,
          files,
          clock: systemClock,
          patienceMs,
          signal: stopping.signal,
          others: [],
        }),
      }),
    /** The last value of each key of a topic, with null for a tombstone. */
    async rows(name: keyof Topics | AnyView): Promise<Map<string, unknown>> {
      const rows = new Map<string, unknown>();
      const topic = typeof name === 'string' ? topics[name] : await openViewTopic(log, log.registry, name);
      const reader = await TopicReader.open<string, unknown>(log, topic as Topics['users'], {
        from: 'start',
      });
      for await (const records of reader.untilEnd()) {
        for (const { key, value } of records) rows.set(key, value);
      }
      await reader.close();
      return rows;
    },
    /** Topics with a record that has the needle in its key, value or headers. */
    async topicsWith(needle: string | Buffer): Promise<string[]> {
      const described = await log.describeTopics();
      const consumer = await log.consumer();
      consumer.assign(
        described.flatMap(({ name, offsets }) =>
          offsets.map(({ start: offset }, partition) => ({ topic: name, partition, offset })),
        ),
      );
      const found = new Set<string>();
      let records = 0;
      for (let batches = await consumer.poll(0); batches.length > 0; batches = await consumer.poll(0)) {
        for (const batch of batches) {
          for (let i = 0; i < batch.count; i++, records++) {
            const parts = [batch.key(i), batch.value(i), ...batch.headers(i).map(([, bytes]) => bytes)];
            if (parts.some((bytes) => bytes?.includes(needle))) found.add(batch.topic);
          }
        }
      }
      await consumer.close();
      invariant(records > 0, 'a log with users has records');
      return [...found];
    },
    /** Paths of all files below the data directory whose bytes include the needle. */
    filesWith: (needle: string | Buffer) => filesWith(directory, needle),
  };
}

function event(userId: string, n: number): Interaction {
  return {
    event_id: `e-${n}`,
    user_id: userId,
    item_id: `i${n % 11}`,
    kind: n % 2 === 0 ? 'like' : 'click',
    value: null,
    watch_ms: null,
    session_id: null,
    request_id: null,
    context: { device: null, country: null, language: null },
    ts: start + n * 1000,
    original_ts: null,
    item: null,
  };
}

async function writeSnapshot(directory: string, id: string, userIds: readonly string[]): Promise<void> {
  const path = join(directory, 'snapshots', id);
  mkdirSync(path, { recursive: true });
  const values = userIds.map((userId) => `('${userId}')`).join(', ');
  await withDuckDb(join(directory, 'scratch'), (database) =>
    database.run(`COPY (SELECT * FROM (VALUES ${values}) AS t(user_id)) TO '${path}/train.parquet'`),
  );
}

function publish(version: string, snapshot: string): Command {
  const candidate: Candidate = {
    version,
    snapshot_id: snapshot,
    model: 'two-tower',
    directory: `versions/${version}`,
    dimension: 8,
    items: 11,
    protocol: 'test',
    metrics: { 'recall@10': 1 },
    popularity: {},
    decayed_popularity: {},
    role: 'retrieval',
    run_id: null,
    intervals: {},
    sizes: {},
    production: null,
  };
  const command_id = `publish-${version}`;
  return commandOf({ command_id, ts: start, kind: 'publish', candidate });
}

export function filesWith(directory: string, needle: string | Buffer): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(needle));
}
