import type { Stream } from '../../../topology/stream.ts';
import { tumbling } from '../../../topology/windows/window.ts';
import { type Point, pointsOf, rekeyed, type Sum, summed, sumsOf } from '../chained.ts';
import type { Random } from '../random.ts';
import { sizedJson, sizedTopic } from '../sized-json.ts';
import {
  type Input,
  type InputRecord,
  type OutputRecord,
  recordsOf,
  type TopologyUnderTest,
} from '../topology-under-test.ts';

type Visit = { readonly pages: number };

const NARROW_MS = 50;
const WIDE_MS = 200;
const OUT_OF_ORDER_MS = 30;
const START_MS = 1_000_000_000_000;
const END_MS = START_MS + 10_000_000;

const visits = sizedTopic<Visit>('visits', 2, { pages: 1 });
const sums = (name: string) => sizedTopic<Sum>(name, 2, { start: START_MS, sum: 1 });
const [closed, held, calmed, committed, fedBack] = [
  sums('closed'),
  sums('held'),
  sums('calmed'),
  sums('committed'),
  sums('fed-back'),
];

function generate(random: Random): InputRecord[] {
  const users = random.int(1, 6);
  const longestMs = random.pick([10, 30, 120]);
  let now = START_MS;
  return Array.from({ length: random.int(60, 200) }, () => {
    now += random.int(0, longestMs);
    const timestamp = now - random.int(0, OUT_OF_ORDER_MS);
    return {
      topic: visits.name,
      key: `user-${random.int(1, users)}`,
      value: { pages: random.int(1, 5) },
      timestamp,
    };
  });
}

function model(input: Input): Record<string, OutputRecord[]> {
  const points = recordsOf(input).map(({ key, value, timestamp }): Point => {
    return { key: key ?? '', value: (value as Visit).pages, timestamp };
  });
  const narrow = sumsOf(points, NARROW_MS);
  const wide = sumsOf(pointsOf(narrow), WIDE_MS);
  const returned = pointsOf(narrow).map((point) => ({ ...point, value: 100 * point.value }));
  return {
    [closed.name]: wide,
    [held.name]: wide,
    [calmed.name]: narrow,
    [committed.name]: narrow,
    [fedBack.name]: sumsOf([...points, ...returned], WIDE_MS),
  };
}

/**
 * What waits in an operator (a window, a suppressed row, what a commit will let out, a way round through a topic) is on
 * time for the window after it, in the same task.
 */
export const chainedWindowsTopology: TopologyUnderTest = {
  name: 'chained-windows',
  inputs: [visits],
  outputs: [
    { topic: closed, comparison: 'sequence-per-key' },
    { topic: held, comparison: 'sequence-per-key' },
    { topic: calmed, comparison: 'sequence-per-key' },
    { topic: committed, comparison: 'sequence-per-key' },
    { topic: fedBack, comparison: 'sequence-per-key' },
  ],
  declare: (builder) => {
    const value = sizedJson<number>(1);
    const pages = builder
      .source(visits, { watermark: { outOfOrderMs: OUT_OF_ORDER_MS } })
      .map(({ pages: n }) => n);
    const narrow = pages.windowed(tumbling({ sizeMs: NARROW_MS, graceMs: 0 }));
    // Its rows come when the windows after it would have closed.
    const waiting = pages.windowed(tumbling({ sizeMs: NARROW_MS, graceMs: 70 }));
    const add = (sum: number, n: number) => sum + n;
    const onClose = rekeyed(
      'on-close',
      waiting.reduce('closing', add, { value, emit: 'on-close' }),
      (n) => n,
    );
    summed('closed-sums', onClose, WIDE_MS).to(closed);
    const updated = narrow.reduce('updating', add, { value });
    const atClose = updated.suppress('holding', { until: 'window-close' });
    summed(
      'held-sums',
      rekeyed('at-close', atClose, (n) => n),
      WIDE_MS,
    ).to(held);
    // How often a row goes out depends on the time, or the commits; the last one that its window sees does not.
    const lastOf = (name: string, rows: Stream<string, number>) => {
      const last = rows
        .windowed(tumbling({ sizeMs: NARROW_MS, graceMs: 0 }))
        .reduce(`${name}-last`, (_, n) => n, { value, emit: 'on-close' });
      return rekeyed(`${name}-rows`, last, (sum, { startMs: start }) => ({ start, sum }));
    };
    const later = updated.suppress('calming', { forMs: 70 });
    lastOf(
      'calmed',
      rekeyed('later', later, (n) => n),
    ).to(calmed);
    const perCommit = narrow.reduce('committing', add, { value, emit: 'per-commit' });
    lastOf(
      'committed',
      rekeyed('per-commit', perCommit, (n) => n),
    ).to(committed);
    const back = onClose.map((n) => 100 * n).keyBy('back', (_, key) => key, { value, partitions: 2 });
    summed('fed-back-sums', pages.merge(back), WIDE_MS).to(fedBack);
  },
  generate,
  finalWatermarkMs: END_MS,
  model,
};
