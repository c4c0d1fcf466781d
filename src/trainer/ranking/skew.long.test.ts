import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { memoryDatabases, StreamsRuntime, TopicWriter } from '#engine';
import { featureViews, type InputFeature, recordViews } from '#features';
import { modelNamed, type RankingModel, type RankingRows, rowScores, train } from '#models';
import { takeSnapshot, withScratchDuckDb } from '#offline';
import { item, MINUTE_MS, type SmallWorld, smallWorld, user, write } from '#offline/testing';
import { createLogger, createMetrics, systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { itemNumber, openFeatureReader } from '#responders';
import type { Interaction, InteractionKind } from '#schemas';
import { loopTopology } from '#topologies';
import { type ReadRanking, readRanking } from './dataset.ts';

const START = Date.UTC(2025, 0, 1, 10);
const WINDOW_MS = MINUTE_MS;
/** So that the moment is held out, and no list is in two parts. */
const SPLIT = { by: 'per-user-last', validationShare: 0.1, testShare: 0.5 } as const;
const logger = createLogger({ level: 'silent', name: 'test' });
/** Shown together at the moment that is compared; the last is not in the catalogue. */
const SHOWN = ['i5', 'i6', 'unknown'];
const MOMENT = START + 90 * MINUTE_MS;
/** Features of an item that together count its events. */
const COUNTS = ['impressions', 'views', 'clicks', 'likes', 'ratings', 'skips'] as const;

let made = 0;
function event(user_id: string, item_id: string, kind: InteractionKind, ts: number): Interaction {
  const context = { device: null, country: null, language: null };
  return {
    ...{ event_id: `e${made++}`, user_id, item_id, kind, ts, context, item: null, original_ts: null },
    ...{ session_id: null, request_id: null, watch_ms: null, value: kind === 'rating' ? 4 : null },
  };
}

/** What users do before: each is shown items and takes some, at times that differ; there is something to learn from one. */
function before(): Interaction[] {
  const kinds = ['impression', 'click', 'view', 'impression', 'rating', 'like', 'skip'] as const;
  const taught = [
    event('d', 'i0', 'impression', START + 80 * MINUTE_MS),
    event('d', 'i1', 'impression', START + 80 * MINUTE_MS),
    event('d', 'i0', 'click', START + 80 * MINUTE_MS + 1000),
  ];
  const others = Array.from({ length: 80 }, (_, n) => {
    const who = 'abc'[n % 3] as string;
    const kind = kinds[(n * 5) % kinds.length] as InteractionKind;
    return event(who, `i${who === 'a' ? n % 5 : (n * 3) % 7}`, kind, START + n * MINUTE_MS);
  });
  return [...others, ...taught];
}

test('what a ranker reads in an answer is what it was trained on: the same moment, the same columns', async (t) => {
  const world = await smallWorld(t);
  const { log, topics } = world;
  const items = ['i0', 'i1', 'i2', 'i3', 'i4', 'i5', 'i6'].map((id, n) => {
    return { ...item(id), created: START - n * 36 * 60 * MINUTE_MS };
  });
  await write(log, topics.items, items, ({ item_id }) => item_id);
  await write(log, topics.users, [user('a'), user('b')], ({ user_id }) => user_id);
  await whileProcessing(t, world, async () => {
    const interactions = await TopicWriter.open(log, topics.interactions);
    const publish = async (...events: readonly Interaction[]) => {
      for (const each of events) {
        await interactions.write([{ key: each.user_id, value: each, timestamp: each.ts }]);
      }
    };
    /** In every partition, so that the watermark passes the time. */
    const passBy = (ts: number) =>
      publish(...Array.from({ length: 24 }, (_, n) => event(`other-${n}`, 'i4', 'view', ts)));
    const earlier = before();
    await publish(...earlier);
    await passBy(MOMENT - MINUTE_MS);

    const { reader, close } = await openFeatureReader({
      ...world,
      clock: systemClock,
      logger,
      metrics: createMetrics(),
    });
    t.after(close);
    const answered = () => reader.read({ user: 'a', items: SHOWN, now: MOMENT });
    const own = earlier.filter(({ user_id }) => user_id === 'a').length;
    const met = (id: string) => earlier.filter(({ item_id }) => item_id === id).length;
    await eventually(async () => {
      const { user: rows, items: found } = await answered();
      // Items have partitions of their own, which are processed each at its own pace.
      const areThere = ['i5', 'i6'].every((id, n) => {
        const row = found?.[n]?.['item-features']?.features;
        return row !== undefined && COUNTS.reduce((sum, name) => sum + Number(row[name]), 0) === met(id);
      });
      return rows?.['user-features']?.features.events === own && areThere;
    });
    const features = singleFeatures();
    // As of an earlier moment first: rows are kept from one request to the next.
    const items = Int32Array.from(SHOWN, itemNumber);
    const columnsAt = (now: number) => reader.columns({ user: 'a', items, features, now });
    await columnsAt(MOMENT - MINUTE_MS / 2);
    const { columns: readOnline } = await columnsAt(MOMENT);

    await publish(...SHOWN.map((id) => event('a', id, 'impression', MOMENT)));
    await publish(event('a', 'i5', 'click', MOMENT + 1000));
    await passBy(MOMENT + 5 * WINDOW_MS);
    await passBy(MOMENT + 10 * WINDOW_MS);
    const read = await eventually(async () => {
      const found = await readingOf(world);
      return found !== undefined && indicesOf(found.heldOut).every((row) => row >= 0) ? found : undefined;
    });
    const rows = read.heldOut;
    const names = rows.columns.map(({ name }) => name);
    const views = Object.fromEntries(
      [...featureViews, ...recordViews].map((view) => [view.name, view.version]),
    );
    const columns = names.map((name) => {
      const at = features.findIndex(({ view, feature }) => `${view}.${feature}` === name);
      return readOnline[at] as (typeof readOnline)[number];
    });
    assert.ok(names.length > 40, 'all features of one value are compared');
    const different = names.flatMap((name, at) =>
      indicesOf(rows).flatMap((row, place) => {
        const trained = rows.values[row * names.length + at] as number;
        const online = columns[at]?.[place];
        const { categories } = rows.columns[at] ?? {};
        const isSame =
          categories === undefined
            ? Object.is(trained, Math.fround(online as number))
            : Number.isNaN(trained)
              ? !categories.includes(online as string)
              : categories[trained] === online;
        return isSame ? [] : [`${name} of ${SHOWN[place]}: ${trained} and ${online}`];
      }),
    );
    assert.deepEqual(different, []);

    // A network makes more of the columns: sides, categories, ids. They come to the same score.
    const dlrm = modelNamed('dlrm') as RankingModel;
    const dataset = { views, subjects: read.subjects, train: rows, heldOut: rows };
    const training = await dlrm.open(dataset, { epochs: 2, minRows: 1, historyLength: 5 }, 1);
    await train(training);
    const ranker = await dlrm.ranker((await training.result()).files);
    await training.close();
    const trained = (await rowScores(ranker, rows)) as Float64Array;
    const { shown, lists } = rows;
    const [first] = indicesOf(rows) as [number];
    const from = lists.findLast((start) => start <= first) as number;
    const asking = {
      user: 'a',
      recentItems: Array.from(
        shown.history.ids.subarray(shown.history.offsets[from], shown.history.offsets[from + 1]),
        (at) => shown.items[at] as string,
      ),
      profile: null,
      context: shown.moments[shown.moment[from] as number] ?? null,
    };
    const online = await ranker.score({ asking, items: SHOWN, columns });
    await ranker.close();
    indicesOf(rows).forEach((row, place) => {
      const difference = Math.abs((trained[row] as number) - (online[place] as number));
      assert.ok(difference < 1e-6, `${SHOWN[place]}: ${trained[row]} and ${online[place]}`);
    });
    assert.ok(new Set(online).size > 1);
  });
});

/** All features of one value, as a model would read them. */
function singleFeatures(): InputFeature[] {
  return [...featureViews, ...recordViews].flatMap(({ name: view, columns }) =>
    columns
      .filter(({ kind }) => !kind.endsWith('[]'))
      .map(({ name: feature, kind }) => ({ view, feature, isText: kind === 'string?' })),
  );
}

/** The rows of the moment, in the order of SHOWN. */
function indicesOf({ shown, rows }: RankingRows): number[] {
  return SHOWN.map((id) => {
    const isRow = (row: number) =>
      shown.users[shown.user[row] as number]?.id === 'a' && shown.items[shown.item[row] as number] === id;
    return Array.from({ length: rows }, (_, row) => row).findLastIndex(isRow);
  });
}

/** What is held out in a snapshot of now; undefined while the log has nothing that can be. */
async function readingOf(world: SmallWorld): Promise<ReadRanking | undefined> {
  try {
    const snapshot = await takeSnapshot({ ...world, split: SPLIT, clock: systemClock, logger });
    const directory = join(world.dataDirectory, snapshot.directory);
    const reading = { judgedBy: 'test', beforeShare: 0, historyLength: 5 } as const;
    return await withScratchDuckDb((database) => readRanking(database, directory, reading));
  } catch {
    return undefined;
  }
}

async function whileProcessing(
  t: TestContext,
  { log, topics }: SmallWorld,
  work: () => Promise<void>,
): Promise<void> {
  const topology = await loopTopology(topics, log.registry, {
    admission: { latenessMs: 0, dedupHorizonMs: 86_400_000, futureMs: 300_000, count: () => {} },
    gate: { minimumLift: 1 },
    examples: { outcomeWindowMs: WINDOW_MS },
  });
  const runtime = new StreamsRuntime({
    ...{ log, topology, logger, clock: systemClock, metrics: createMetrics() },
    databases: memoryDatabases(),
    deadLetters: topics['dead-letters'],
    instanceId: 'test',
  });
  await runtime.start();
  const stop = new AbortController();
  t.after(() => stop.abort());
  const running = runtime.run(stop.signal);
  await Promise.race([work(), running]).finally(() => stop.abort());
  await running;
}
