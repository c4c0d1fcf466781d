/** A small catalogue with users on a real log, and versions really trained on it: what the tests of this room share. */

import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Topic, TopicReader, TopicWriter } from '#engine';
import {
  type AnyView,
  asOfRows,
  CanonicalWriter,
  itemFeaturesView,
  RankHistogram,
  userFeaturesView,
} from '#features';
import { type EmbeddedLog, openEmbeddedLog } from '#log';
import { localArtifacts, type VersionContents } from '#models';
import { createLogger, createMetrics, type Metrics, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { asGiven, type Pseudonyms } from '#privacy';
import type {
  Answer,
  Candidate,
  ContextFeatures,
  Example,
  Interaction,
  InteractionKind,
  Item,
  ShadowScores,
  User,
  VersionStatus,
  ViewState,
} from '#schemas';
import { openTopics, type Topics } from '#topologies';
import { openResponder, type Responder, type ResponderOptions } from '../responder.ts';
import { topicNameOf } from '../view-store/stored-views.ts';
import { tinyModel } from './tiny-model.ts';

let eventCount = 0;

export function interaction(userId: string, itemId: string, kind: InteractionKind = 'click'): Interaction {
  return {
    event_id: `e${eventCount++}`,
    user_id: userId,
    item_id: itemId,
    kind,
    value: null,
    watch_ms: null,
    session_id: null,
    request_id: null,
    context: { device: null, country: null, language: null },
    ts: Date.now() - 60_000 + eventCount,
    original_ts: null,
    item: null,
  };
}

/** The row of a view as the processors write it. */
function viewState(view: AnyView, events: readonly Interaction[]): ViewState {
  const rows = asOfRows(view);
  return rows.toViewState(events.reduce((row, event) => rows.insert(row, event), rows.empty()));
}

/** The topics of the views of events that these tests know best. */
export const userRowsTopic = topicNameOf(userFeaturesView);
export const itemRowsTopic = topicNameOf(itemFeaturesView);

/** The topic of a view of events. */
export function topicOf(topics: Topics, view: AnyView): Topic<string, ViewState> {
  return topics[topicNameOf(view)] as unknown as Topic<string, ViewState>;
}

export type TestWorld = Awaited<ReturnType<typeof openWorld>>;

export async function openWorld(t: TestContext, pseudonyms: Pseudonyms = asGiven) {
  const directory = temporaryDirectory(t);
  const log: EmbeddedLog = await openEmbeddedLog({ directory: join(directory, 'log'), clock: systemClock });
  const topics: Topics = await openTopics(log, log.registry);
  const writers = {
    items: await TopicWriter.open(log, topics.items),
    users: await TopicWriter.open(log, topics.users),
    versions: await TopicWriter.open(log, topics.versions),
  };
  const rowWriters = new Map<string, Promise<TopicWriter<string, ViewState>>>();
  const putRow = async (view: AnyView, key: string, events: readonly Interaction[] | null) => {
    const topic = topicOf(topics, view);
    const opening = rowWriters.get(topic.name) ?? TopicWriter.open(log, topic);
    rowWriters.set(topic.name, opening);
    const value = events === null ? null : viewState(view, events);
    await (await opening).write([{ key, value, timestamp: 0 }]);
  };
  const artifacts = localArtifacts(join(directory, 'versions'));
  const metrics: Metrics = createMetrics();
  const logger = createLogger({ level: 'silent', name: 'test' });
  const responders: Responder[] = [];
  t.after(async () => {
    for (const responder of responders) await responder.close();
    await log.close();
  });
  const options = {
    log,
    topics,
    pseudonyms,
    dataDirectory: directory,
    clock: systemClock,
    logger,
    metrics,
    // However slow the machine is: what is late is a test of its own.
    recommending: { deadlineMs: 60_000 },
  };

  return {
    ...options,
    async responder(changes: Partial<ResponderOptions> = {}): Promise<Responder> {
      const responder = await openResponder({ ...options, ...changes });
      responders.push(responder);
      await responder.ready();
      return responder;
    },
    putItems: (items: readonly Item[]) =>
      writers.items.write(items.map((value) => ({ key: value.item_id, value, timestamp: value.created }))),
    putUser: (value: User) => writers.users.write([{ key: value.user_id, value, timestamp: value.created }]),
    /** Replaces the row of a view by that of these events; null deletes it. */
    putRow,
    putUserRow: (userId: string, events: readonly Interaction[]) => putRow(userFeaturesView, userId, events),
    putItemRow: (itemId: string, events: readonly Interaction[]) => putRow(itemFeaturesView, itemId, events),
    /** Publishes ranks of items in these buckets of popularity. */
    async putRanks(ts: number, buckets: readonly number[]): Promise<void> {
      const histogram = RankHistogram.empty();
      for (const bucket of buckets) histogram.add(bucket);
      const bytes = new CanonicalWriter();
      histogram.encode(bytes);
      const writer = await TopicWriter.open(log, topics['popularity-ranks']);
      await writer.write([{ key: 'ranks', value: { ts, histogram: bytes.take() }, timestamp: ts }]);
      await writer.close();
    },
    async train(
      dimension: number,
      seed: number,
      contexts: readonly ContextFeatures[] = [],
      change: (contents: VersionContents) => VersionContents = (contents) => contents,
    ): Promise<Candidate> {
      const { contents, vocabulary } = await tinyModel(dimension, seed, contexts);
      const description = {
        model: 'two-tower' as const,
        snapshotId: 'snapshot',
        seed,
        dimension,
        itemCount: vocabulary.itemCount,
        protocol: 'test',
        metrics: {},
        popularity: {},
        decayedPopularity: {},
      };
      const version = await artifacts.write(description, change(contents));
      return {
        version,
        snapshot_id: 'snapshot',
        model: 'two-tower',
        directory: `versions/${version}`,
        dimension,
        items: vocabulary.itemCount,
        protocol: 'test',
        metrics: {},
        popularity: {},
        decayed_popularity: {},
        role: 'retrieval',
        run_id: null,
        intervals: {},
        sizes: {},
        production: null,
      };
    },
    async promote(candidate: Candidate, status: VersionStatus = 'promoted'): Promise<void> {
      const { version } = candidate;
      const step = { reason: null, actor: null, previous: null, gates: [] };
      const value = { version, status, ts: Date.now(), command_id: 'c', candidate, ...step };
      await writers.versions.write([{ key: version, value, timestamp: value.ts }]);
    },
    artifacts,
    loggedAnswers: (): Promise<Answer[]> => readAll(log, topics.answers),
    shadowScores: (): Promise<ShadowScores[]> => readAll(log, topics['shadow-scores']),
    examples: (): Promise<Example[]> => readAll(log, topics.examples),
  };
}

async function readAll<V>(log: EmbeddedLog, topic: Topic<string, V>): Promise<V[]> {
  const reader = await TopicReader.open(log, topic, { from: 'start' });
  const values: V[] = [];
  for await (const records of reader.untilEnd()) {
    for (const { value } of records) if (value !== null) values.push(value);
  }
  await reader.close();
  return values;
}
