/** A small catalogue with users on a real log, and versions really trained on it: what the tests of this room share. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { TopicReader, TopicWriter } from '#engine';
import { type EmbeddedLog, openEmbeddedLog } from '#engine/log';
import { asOfRows, type FeatureView, itemFeaturesView, userFeaturesView } from '#features';
import { localArtifacts } from '#models';
import { createLogger, createMetrics, type Metrics, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import type { Answer, Candidate, Interaction, InteractionKind, Item, User } from '#schemas';
import { openTopics, type Topics } from '#topologies';
import { openResponder, type Responder } from '../responder.ts';
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
  };
}

/** The row of a view as the processors write it. */
function viewState<State, Row>(view: FeatureView<State, Row>, events: readonly Interaction[]) {
  const rows = asOfRows(view);
  return rows.toViewState(events.reduce((row, event) => rows.insert(row, event), rows.empty()));
}

export type TestWorld = Awaited<ReturnType<typeof openWorld>>;

export async function openWorld(t: TestContext) {
  const directory = temporaryDirectory(t);
  const log: EmbeddedLog = await openEmbeddedLog({ directory: join(directory, 'log'), clock: systemClock });
  const topics: Topics = await openTopics(log, log.registry);
  const writers = {
    items: await TopicWriter.open(log, topics.items),
    users: await TopicWriter.open(log, topics.users),
    userRows: await TopicWriter.open(log, topics['user-features-1']),
    itemRows: await TopicWriter.open(log, topics['item-features-1']),
    versions: await TopicWriter.open(log, topics.versions),
  };
  const artifacts = localArtifacts(join(directory, 'versions'));
  const metrics: Metrics = createMetrics();
  const logger = createLogger({ level: 'silent', name: 'test' });
  const responders: Responder[] = [];
  t.after(async () => {
    for (const responder of responders) await responder.close();
    await log.close();
  });
  const options = { log, topics, dataDirectory: directory, clock: systemClock, logger, metrics };

  return {
    ...options,
    async responder(): Promise<Responder> {
      const responder = await openResponder(options);
      responders.push(responder);
      await responder.ready();
      return responder;
    },
    putItems: (items: readonly Item[]) =>
      writers.items.write(items.map((value) => ({ key: value.item_id, value, timestamp: value.created }))),
    putUser: (value: User) => writers.users.write([{ key: value.user_id, value, timestamp: value.created }]),
    /** Replaces the rows of a user by those of these events. */
    putUserRow: (userId: string, events: readonly Interaction[]) =>
      writers.userRows.write([{ key: userId, value: viewState(userFeaturesView, events), timestamp: 0 }]),
    putItemRow: (itemId: string, events: readonly Interaction[]) =>
      writers.itemRows.write([{ key: itemId, value: viewState(itemFeaturesView, events), timestamp: 0 }]),
    async train(dimension: number, seed: number): Promise<Candidate> {
      const { contents, vocabulary } = await tinyModel(dimension, seed);
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
      const version = await artifacts.write(description, contents);
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
      };
    },
    async promote(candidate: Candidate, status: 'promoted' | 'rolled_back' = 'promoted'): Promise<void> {
      const { version } = candidate;
      const value = { version, status, ts: Date.now(), command_id: 'c', reason: null, candidate };
      await writers.versions.write([{ key: version, value, timestamp: value.ts }]);
    },
    async loggedAnswers(): Promise<Answer[]> {
      const reader = await TopicReader.open(log, topics.answers, { from: 'start' });
      const answers: Answer[] = [];
      for await (const records of reader.untilEnd()) {
        for (const { value } of records) if (value !== null) answers.push(value);
      }
      await reader.close();
      return answers;
    },
  };
}

/** Far longer than anything here takes on the slowest machine. */
const PATIENCE_MS = 60_000;

/** Waits until `condition` holds; rejects when it never does. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = systemClock.monotonic() + PATIENCE_MS;
  while (!(await condition())) {
    assert.ok(systemClock.monotonic() < endMs, `never happened: ${condition}`);
    await systemClock.sleep(2);
  }
}
