import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { writeRecords } from '#engine';
import { createHttpServer } from '#platform';
import { ManualClock } from '#platform/testing';
import { countValue, emptySketch, noValues, QUALITY_HOUR_MS, valueBucket, withItems } from '#processors';
import type { AnswerContents, AnswerOutcomes } from '#schemas';
import { registerVersionRoutes } from '../admin-routes.ts';
import { openRegistryWorld } from '../testing/registry-world.ts';
import { type Quality, QualityMonitor } from './quality.ts';

const HOUR = Date.UTC(2026, 0, 1);

const agreement = {
  mode: 'swap',
  production: 'u',
  requests: 3,
  overlap: 0.5,
  correlation: null,
  difference: 2,
} as const;

async function opened(t: TestContext) {
  const world = await openRegistryWorld(t, { isProcessed: false });
  const clock = new ManualClock();
  const ranker = () => ({ id: 'r', features: ['user-features.views'] });
  const monitor = await QualityMonitor.open({ ...world, clock, ranker });
  world.users.push(() => monitor.close());
  const server = await createHttpServer({ ...world, metricsEveryMs: 0 });
  t.after(() => server.close());
  monitor.registerRoutes(server);
  const comparisons = () => [
    { version: 'v', ...agreement },
    { version: 'another', ...agreement },
  ];
  registerVersionRoutes(server, { ...world.asking, quality: monitor, comparisons });
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  const { log, topics } = world;
  const put = async (key: string, outcomes: AnswerOutcomes | null, contents?: AnswerContents) => {
    await writeRecords(log, topics['answer-outcomes'], [{ key, value: outcomes, timestamp: HOUR }]);
    if (contents === undefined) return;
    await writeRecords(log, topics['answer-contents'], [{ key, value: contents, timestamp: HOUR }]);
  };
  const get = async (path: string) => {
    const response = await fetch(url + path, { headers: { connection: 'close' } });
    return { status: response.status, text: await response.text() };
  };
  return { ...world, clock, put, get };
}

function outcomes(hour: number, partition: number, shown: number, clicked: number): AnswerOutcomes {
  const positions = [{ answered: shown, shown, clicked, positive: 0 }];
  const chances = [{ bucket: valueBucket(0.25), shown, millionths: shown * 250_000, taken: clicked }];
  const by = { hour, partition, version: 'v', ranker: 'r', variant: null };
  return {
    ...by,
    ...{ answers: shown, unknown_users: 0, degraded: 0, sources: [{ source: 'index', positions }], chances },
  };
}

function contents(hour: number, views: number): AnswerContents {
  const inputs = [noValues()];
  for (let i = 0; i < 500; i++) for (const counts of inputs) countValue(counts, views);
  const items = withItems(emptySketch(), ['a', 'b']);
  return { hour, partition: 0, version: 'v', ranker: 'r', variant: null, items, scores: noValues(), inputs };
}

it('GET /quality, GET /versions and the metrics say what the topics do, and follow them', async (t) => {
  const { put, get, clock, log, topics, stored } = await opened(t);
  await put('a', outcomes(HOUR, 0, 8, 2), contents(HOUR, 1));
  await put('b', outcomes(HOUR, 1, 2, 1));
  const quality = async () => JSON.parse((await get('/quality')).text) as Quality;
  const first = await quality();
  assert.deepEqual([first.from, first.to], [HOUR - 23 * QUALITY_HOUR_MS, HOUR + QUALITY_HOUR_MS]);
  const [own] = first.answers;
  assert.deepEqual([own?.shown, own?.clicked, own?.click_rate, own?.distinct_items], [10, 3, 0.3, 2]);
  assert.deepEqual(
    [own?.calibration?.expected, own?.calibration?.taken, own?.calibration?.shown],
    [0.25, 0.3, 10],
  );
  assert.deepEqual(
    first.inputs.map(({ feature, count, drift }) => [feature, count, drift]),
    [['user-features.views', 500, null]],
  );
  const next = HOUR + QUALITY_HOUR_MS;
  await put('c', outcomes(next, 0, 10, 10), contents(next, 64));
  await put('b', null);
  const second = await quality();
  assert.deepEqual([second.answers[0]?.shown, second.answers[0]?.clicked], [18, 12]);
  assert.equal(second.inputs[0]?.drift?.reference, 'first-hour');
  assert.ok((second.inputs[0]?.drift?.psi ?? 0) > 0.25);
  const inHour = JSON.parse((await get('/quality?hours=1')).text) as Quality;
  assert.equal(inHour.answers[0]?.shown, 10);
  for (const hours of ['0', '169', 'all']) {
    const { status, text } = await get(`/quality?hours=${hours}`);
    assert.deepEqual([status, JSON.parse(text).code], [400, 'MR_QUALITY_HOURS'], hours);
  }

  const by = 'version="v",ranker="r",variant=""';
  const rendered = async () => (await get('/metrics')).text;
  for (let text = ''; !text.includes(`millrace_answer_click_rate{${by},source="index"} 0.66`); ) {
    await clock.advance(10_000);
    text = await rendered();
  }
  const text = await rendered();
  for (const line of [
    `millrace_answer_items{${by},source="index",outcome="clicked"} 12`,
    `millrace_answer_distinct_items{${by}} 2`,
    `millrace_answer_chance{${by},of="predicted"} 0.25`,
    'millrace_ranker_input_psi{ranker="r",feature="user-features.views",reference="first-hour"} ',
  ])
    assert.ok(text.includes(line), line);

  const candidate = await stored();
  const step = { status: 'promoted', ts: HOUR, command_id: 'c', reason: null, actor: null } as const;
  const value = { ...step, version: 'v', candidate, previous: null, gates: [] };
  await writeRecords(log, topics.versions, [{ key: 'v', value, timestamp: HOUR }]);
  const { versions } = JSON.parse((await get('/versions')).text);
  assert.deepEqual(
    { answered: 18, shown: 18, clicked: 12, positive: 0, click_rate: 12 / 18 },
    versions[0].lastDay,
  );
  assert.deepEqual(versions[0].agreement, [agreement]);
});
