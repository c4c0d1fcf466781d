/**
 * Scoring one request by trees, on one thread: 200 rows of 40 columns, 100 trees of 31 leaves, evaluated natively and by
 * onnxruntime. The trees are grown at random, each time at any leaf, so that they are as lopsided as leaf-wise growth makes
 * them. `npm run bench -- tree-scores`.
 */
import {
  type Column,
  type Random,
  Session,
  seededRandom,
  type TreeEnsemble,
  TreeScorer,
  treesAsOnnx,
} from '#models';
import { percentile, printFigure } from './figure.ts';

const ROWS = 200;
const COLUMNS = 40;
const TREES = 100;
const LEAVES = 31;
const CATEGORIES = 20;
const BATCHES = 20;
const WARM_UP = 300;
const RUNS = 2000;
const AIM_MS = 0.3;

const shapes = [
  { name: 'numeric', categorical: 0 },
  { name: 'a quarter categorical', categorical: 10 },
] as const;

export async function run(): Promise<void> {
  for (const { name, categorical } of shapes) {
    const random = seededRandom(1);
    const ensemble = grown(random, categorical);
    const batches = Array.from({ length: BATCHES }, () => batch(random, categorical));
    const scorer = new TreeScorer(ensemble);
    const into = new Float64Array(ROWS);
    const label = `${ROWS} rows, ${name}`;
    print(
      `${label}, native`,
      await timed(batches, async (values) => scorer.score(values, ROWS, into)),
      AIM_MS,
    );
    const session = await Session.create(treesAsOnnx(ensemble));
    const shape = [ROWS, COLUMNS];
    print(
      `${label}, onnxruntime`,
      await timed(batches, (data) => session.run({ features: { data, shape } })),
    );
    await session.close();
  }
}

type Timed = { readonly times: readonly number[]; readonly processorMs: number };

function print(label: string, { times, processorMs }: Timed, aim?: number): void {
  const figures = [
    [label, 'p50_ms', percentile(times, 0.5)],
    [label, 'p95_ms', percentile(times, 0.95)],
    [`${label}, processor`, 'ms', processorMs],
  ] as const;
  for (const [name, metric, value] of figures) {
    const figure = { bench: 'tree-scores', case: name, metric, value, unit: 'ms' };
    printFigure(aim === undefined ? figure : { ...figure, aim });
  }
}

async function timed(
  batches: readonly Float32Array[],
  score: (values: Float32Array) => Promise<unknown>,
): Promise<Timed> {
  const times: number[] = [];
  let before = process.cpuUsage();
  for (let i = 0; i < WARM_UP + RUNS; i++) {
    if (i === WARM_UP) before = process.cpuUsage();
    const start = performance.now();
    await score(batches[i % BATCHES] as Float32Array);
    if (i >= WARM_UP) times.push(performance.now() - start);
  }
  const { user, system } = process.cpuUsage(before);
  return { times, processorMs: (user + system) / 1000 / RUNS };
}

/** Values of standard deviation 1, categories, and one in twenty missing. */
function batch(random: Random, categorical: number): Float32Array {
  return Float32Array.from({ length: ROWS * COLUMNS }, (_, at) => {
    if (random.uniform() < 0.05) return Number.NaN;
    return at % COLUMNS < categorical ? random.integer(CATEGORIES) : random.normal();
  });
}

function grown(random: Random, categorical: number): TreeEnsemble {
  const columns = Array.from({ length: COLUMNS }, (_, column): Column => {
    if (column >= categorical) return { name: `column ${column}` };
    return {
      name: `column ${column}`,
      categories: Array.from({ length: CATEGORIES }, (_, each) => `${each}`),
    };
  });
  const nodesOfTree = 2 * LEAVES - 1;
  const nodes = TREES * nodesOfTree;
  const column = new Int32Array(nodes).fill(-1);
  const threshold = new Float32Array(nodes);
  const [left, right] = [new Int32Array(nodes), new Int32Array(nodes)];
  const sets: number[][] = [];
  for (let root = 0; root < nodes; root += nodesOfTree) {
    const leaves = [root];
    for (let next = root + 1; leaves.length < LEAVES; next += 2) {
      const [node] = leaves.splice(random.integer(leaves.length), 1) as [number];
      const by = random.integer(COLUMNS);
      column[node] = by;
      if (by >= categorical) threshold[node] = 0.7 * random.normal();
      else {
        const half = Array.from({ length: CATEGORIES }, (_, each) => each).filter(
          () => random.uniform() < 0.5,
        );
        threshold[node] = sets.push(half) - 1;
      }
      left[node] = next;
      right[node] = next + 1;
      leaves.push(next, next + 1);
    }
  }
  const setStarts = new Int32Array(sets.length + 1);
  for (const [set, { length }] of sets.entries()) setStarts[set + 1] = (setStarts[set] as number) + length;
  return {
    columns,
    base: 0,
    roots: Int32Array.from({ length: TREES }, (_, tree) => tree * nodesOfTree),
    column,
    threshold,
    left,
    right,
    missingLeft: Uint8Array.from({ length: nodes }, () => random.integer(2)),
    value: Float64Array.from(column, (by) => (by < 0 ? 0.1 * random.normal() : 0)),
    cover: new Float64Array(nodes).fill(1),
    gain: new Float64Array(nodes),
    setStarts,
    categories: Int32Array.from(sets.flat()),
  };
}
