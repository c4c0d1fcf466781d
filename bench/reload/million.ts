/** A catalogue of many items on an embedded log, and a version that finds them: what a responder starts with. */
import { join } from 'node:path';
import { TopicWriter } from '#engine';
import { asOfRows, itemFeaturesView } from '#features';
import { openEmbeddedLog } from '#log';
import { candidateOf, localArtifacts, saveItemVectors, trainTwoTower, Vocabulary } from '#models';
import { systemClock } from '#platform';
import type { Interaction, Item, ViewState } from '#schemas';
import { openTopics } from '#topologies';
import { vectorsOf } from '../index/vectors.ts';

export const DIM = 64;
const USERS = 1_000;
const BATCH = 10_000;
/** One item in so many has had an event. */
const EVENTS_EVERY = 10;
const START_MS = 1_700_000_000_000;

const itemId = (index: number) => `item-${String(index).padStart(7, '0')}`;

/** Makes the directory: minutes for a million items. */
export async function makeMillion(directory: string, items: number): Promise<void> {
  const log = await openEmbeddedLog({ directory: join(directory, 'log'), clock: systemClock });
  const topics = await openTopics(log, log.registry);
  const catalogue = Array.from({ length: items }, (_, index) => itemRecord(index));
  const writer = await TopicWriter.open(log, topics.items);
  const rows = await TopicWriter.open(log, topics['item-features-2']);
  for (let from = 0; from < items; from += BATCH) {
    const batch = catalogue.slice(from, from + BATCH);
    await writer.write(batch.map((value) => ({ key: value.item_id, value, timestamp: START_MS })));
    const met = batch.filter((_, i) => i % EVENTS_EVERY === 0);
    await rows.write(
      met.map(({ item_id }) => ({ key: item_id, value: rowOf(item_id), timestamp: START_MS })),
    );
  }
  await writer.close();
  await rows.close();
  const candidate = await versionOf(join(directory, 'versions'), catalogue);
  const versions = await TopicWriter.open(log, topics.versions);
  const step = { reason: null, actor: null, previous: null, gates: [] };
  const value = {
    version: candidate.version,
    status: 'promoted' as const,
    ts: START_MS,
    command_id: 'c',
    candidate,
    ...step,
  };
  await versions.write([{ key: candidate.version, value, timestamp: START_MS }]);
  await versions.close();
  await log.close();
}

/** A tower that has hardly learnt, and clustered vectors: neither changes what is read and searched. */
async function versionOf(directory: string, catalogue: readonly Item[]) {
  const users = Array.from({ length: USERS }, (_, i) => ({ id: `user-${i}`, profile: null }));
  const items = catalogue.map((metadata) => ({ id: metadata.item_id, metadata }));
  const vocabulary = Vocabulary.build({ users, items });
  const { features, tags } = vocabulary.itemTables({ items });
  const count = USERS * 5;
  const trained = await trainTwoTower(
    {
      users: vocabulary.userCount,
      items: vocabulary.itemCount,
      profile: vocabulary.profileTable({ users }),
      itemFeatures: features,
      itemTags: tags,
      train: {
        user: Int32Array.from({ length: count }, (_, i) => 1 + (i % USERS)),
        item: Int32Array.from({ length: count }, (_, i) => (i * 7919) % items.length),
        weight: new Float32Array(count).fill(1),
        historyOffsets: Int32Array.from({ length: count + 1 }, (_, i) => i),
        history: Int32Array.from({ length: count }, (_, i) => (i * 104_729) % items.length),
      },
    },
    { dim: DIM, hidden: 64, historyLength: 20, epochs: 1, batchSize: 1024, candidates: 32, seed: 1 },
  );
  const vectors = await vectorsOf('clustered', items.length, DIM, 1);
  const contents = {
    'user-tower.onnx': trained.userTower,
    'items.index': saveItemVectors(vectors?.items ?? trained.itemVectors, DIM),
    'vocabulary.json': vocabulary.toBytes(),
  };
  const described = {
    model: 'two-tower',
    snapshotId: 'bench',
    seed: 1,
    dimension: DIM,
    itemCount: items.length,
    protocol: 'none',
    metrics: {},
    popularity: {},
    decayedPopularity: {},
  };
  const version = await localArtifacts(directory).write(described, contents);
  return candidateOf(version, described, { role: 'retrieval', intervals: {}, production: null });
}

function itemRecord(index: number): Item {
  return {
    item_id: itemId(index),
    type: 'video',
    title: `The title of film number ${index}`,
    category: `category-${index % 18}`,
    tags: [`tag-${index % 50}`, `tag-${index % 31}`],
    duration_ms: 60_000 * (1 + (index % 180)),
    difficulty: null,
    language: 'en',
    available: true,
    age_limit: 0,
    countries: [],
    created: START_MS - index,
  };
}

function rowOf(itemId: string): ViewState {
  const rows = asOfRows(itemFeaturesView);
  const event: Interaction = {
    event_id: `e-${itemId}`,
    user_id: `user-${itemId.slice(-3)}`,
    item_id: itemId,
    kind: 'click',
    value: null,
    watch_ms: null,
    session_id: null,
    request_id: null,
    context: { device: null, country: null, language: null },
    ts: START_MS,
    original_ts: null,
    item: null,
  };
  return rows.toViewState(rows.fold(rows.insert(rows.empty(), event), Number.POSITIVE_INFINITY));
}
