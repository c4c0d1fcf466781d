/** Runs one case in a process of its own, and prints its figures as JSON: `node run-case.ts NAME`. */
import { DlrmScorer, decodeCheckpoint, dlrm, encodeCheckpoint, seededRandom } from '#models';
import { invariant } from '#platform';
import { type Figure, percentile } from '../figure.ts';
import { cases, dataOf, requestOf } from './cases.ts';

export type Line = Omit<Figure, 'bench'>;

const SEED = 1;
const WARM_UP = 10;
const STEPS = 60;
const REQUESTS = 200;
const STEP_AIM_MS = 90;
/** Candidates of a request, and the aim in ms. */
const requests = [
  [200, 2.6],
  [1000, 12],
] as const;

const chosen = cases.find(({ name }) => name === process.argv[2]);
invariant(chosen !== undefined, `there is a case ${process.argv[2]}`);
const { hasAims } = chosen;
const lines: Line[] = [];
const data = dataOf(chosen);

const opening = performance.now();
const training = await dlrm.open(data, chosen.config, SEED);
const timed = (name: string, since: number) =>
  lines.push({ case: name, metric: 'seconds', value: (performance.now() - since) / 1e3, unit: 's' });
timed('opening', opening);

for (let step = 0; step < WARM_UP; step++) await training.step();
const took: number[] = [];
const before = process.cpuUsage();
for (let step = 0; step < STEPS; step++) {
  const started = performance.now();
  await training.step();
  took.push(performance.now() - started);
}
const { user, system } = process.cpuUsage(before);
const processorMs = (user + system) / 1e3 / STEPS;
lines.push(
  {
    case: 'a step of 1,024',
    metric: 'p50_ms',
    value: percentile(took, 0.5),
    unit: 'ms',
    ...(hasAims && { aim: STEP_AIM_MS }),
  },
  { case: 'a step of 1,024, processor', metric: 'ms', value: processorMs, unit: 'ms' },
  { case: 'memory while training', metric: 'bytes', value: process.memoryUsage.rss(), unit: 'B' },
);

const saving = performance.now();
const bytes = encodeCheckpoint(training.save());
timed('checkpoint, saved', saving);
lines.push({ case: 'checkpoint', metric: 'bytes', value: bytes.length, unit: 'B' });
const restoring = performance.now();
training.restore(decodeCheckpoint(bytes));
timed('checkpoint, restored', restoring);

const scorer = await DlrmScorer.load(await training.result());
await training.close();
const preparing = performance.now();
await scorer.prepare(data.items);
timed('10,000 items, prepared', preparing);
const random = seededRandom(SEED);
for (const [count, aim] of requests) {
  const latencies: number[] = [];
  for (let request = 0; request < WARM_UP + REQUESTS; request++) {
    const own = requestOf(data.users, random.integer(data.users.count));
    const candidates = Int32Array.from({ length: count }, () => random.integer(data.items.count));
    const started = performance.now();
    await scorer.score(own, candidates);
    if (request >= WARM_UP) latencies.push(performance.now() - started);
  }
  const name = `${count.toLocaleString('en-US')} candidates`;
  lines.push({
    case: name,
    metric: 'p50_ms',
    value: percentile(latencies, 0.5),
    unit: 'ms',
    ...(hasAims && { aim }),
  });
  lines.push({ case: name, metric: 'p99_ms', value: percentile(latencies, 0.99), unit: 'ms' });
}
await scorer.close();
lines.push({ case: 'peak memory', metric: 'bytes', value: process.resourceUsage().maxRSS * 1024, unit: 'B' });
process.stdout.write(`${JSON.stringify(lines)}\n`);
