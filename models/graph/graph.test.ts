import assert from 'node:assert/strict';
import test from 'node:test';
import { add, dropout, greater, where } from './arithmetic.ts';
import { dropoutMask, dropoutShare } from './dropout-mask.ts';
import { concat, gatherRows, pickColumns, reshape, slice, split, transpose } from './layout.ts';
import { softmaxCrossEntropy, softmaxOverRows } from './losses.ts';
import { linear, matmul, matmulAdd } from './matrix.ts';
import { l2Normalise, layerNorm, mean, softmax } from './normalisation.ts';
import { toOnnx } from './onnx.ts';
import { expandTo, sum } from './reduction.ts';
import { Session, toInt64 } from './session.ts';
import { sizeOf } from './shape.ts';
import { Graph, type Tensor } from './tensor.ts';

/** Builds a tensor, runs its graph with the feeds, and returns the values. */
async function compute(build: (graph: Graph) => Tensor, feeds: Parameters<Session['run']>[0] = {}) {
  const graph = new Graph();
  graph.output('y', build(graph));
  const session = await Session.create(toOnnx(graph));
  const { y } = await session.run(feeds);
  await session.close();
  return [...(y as Float32Array)];
}

const floats = (...values: number[]) => Float32Array.from(values);

test('a shape error names the operation and the shapes', () => {
  const graph = new Graph();
  const a = graph.input('a', [2, 3]);
  const b = graph.input('b', [4, 5]);
  const ids = graph.input('ids', [3], 'int64');
  const cases: [() => unknown, RegExp][] = [
    [() => add(a, b), /^add: \[2, 3\] and \[4, 5\] do not fit/],
    [() => matmul(a, b), /^matmul: \[2, 3\] and \[4, 5\] do not fit/],
    [() => matmul(a, graph.input('c', [2, 3, 4])), /^matmul: \[2, 3\] and \[2, 3, 4\]/],
    [() => linear(a, b, graph.input('bias', [5])), /^linear: \[2, 3\] and \[4, 5\]/],
    [() => where(greater(a, 0), b, 0), /^where: \[4, 5\] and \[2, 3\]/],
    [() => sum(a, [2]), /^sum: \[2, 3\] and \[2\]/],
    [() => softmax(a, -3), /^softmax: \[2, 3\] and \[-3\]/],
    [() => mean(graph.input('s', ['batch', 3]), [0]), /^mean: \[batch, 3\]/],
    [() => concat([a, b], 0), /^concat: \[2, 3\] and \[4, 5\]/],
    [() => reshape(a, [4]), /^reshape: \[2, 3\] and \[4\]/],
    [() => transpose(a, [0, 0]), /^transpose: \[2, 3\] and \[0, 0\]/],
    [() => gatherRows(a, b), /^gatherRows: \[2, 3\] and \[4, 5\]/],
    [() => pickColumns(a, ids), /^pickColumns: \[2, 3\] and \[3\]/],
    [() => expandTo(a, b), /^expand: \[2, 3\] and \[4, 5\]/],
    [
      () => matmul(graph.input('p', [2, 3, 4]), graph.input('q', [3, 5])),
      /^matmul: \[2, 3, 4\] and \[3, 5\]/,
    ],
    [() => matmulAdd(a, transpose(a, [1, 0]), b), /^matmulAdd: \[2, 2\] and \[4, 5\]/],
    [() => slice(a, 1, 2, 4), /^slice: \[2, 3\] and \[2, 4\]/],
    [() => split(a, 1, [1, 1]), /^split: \[2, 3\] and \[1, 1\]/],
    [() => sum(a, [2]), /^sum: \[2, 3\] and \[2\]/],
    [() => layerNorm(a, ids, b), /^layerNorm: \[2, 3\] and \[3\] and \[4, 5\]/],
    [() => dropout(a, a, 0.5), /^dropout: \[2, 3\] and \[2, 3\]/],
    [() => softmaxOverRows(a, b, ids, ids, 8), /^softmaxOverRows: \[2, 3\] and \[4, 5\] and \[3\]/],
    [() => softmaxCrossEntropy(b, graph.input('t', [4], 'int64'), ids), /^weightedMean: \[4\] and \[3\]/],
    [
      () => reshape(graph.input('r', ['rows', 'columns']), ['rows*columns', 2]),
      /^reshape: \[rows, columns\]/,
    ],
    [() => graph.constant(floats(1, 2), [3]), /^constant: \[3\] and \[2\]/],
    [() => add(graph.input('m', ['batch']), graph.input('n', ['users'])), /^add: \[batch\] and \[users\]/],
  ];
  for (const [build, message] of cases) assert.throws(build, { code: 'MR_GRAPH_SHAPE', message });
});

test('a name can be given once', () => {
  const graph = new Graph();
  const x = graph.input('x', [1]);
  graph.output('y', x);
  for (const again of [() => graph.input('x', [1]), () => graph.output('y', x), () => graph.output('x', x)]) {
    assert.throws(again, { code: 'MR_GRAPH_NAME' });
  }
});

test('values: broadcasting, masks, softmax of large numbers, the norm of zeros', async () => {
  const constant = (graph: Graph, shape: number[], ...values: number[]) =>
    graph.constant(floats(...values), shape);
  assert.deepEqual(
    await compute((graph) => add(constant(graph, [2, 1], 1, 2), constant(graph, [3], 10, 20, 30))),
    [11, 21, 31, 12, 22, 32],
  );
  assert.deepEqual(await compute((graph) => softmax(constant(graph, [2], 1000, 1000))), [0.5, 0.5]);
  assert.deepEqual(await compute((graph) => l2Normalise(constant(graph, [2, 2], 3, 4, 0, 0))), [
    Math.fround(0.6),
    Math.fround(0.8),
    0,
    0,
  ]);
  assert.deepEqual(
    await compute((graph) => concat([constant(graph, [2, 1], 1, 2), constant(graph, [2, 2], 3, 4, 5, 6)], 1)),
    [1, 3, 4, 2, 5, 6],
  );
});

test('a symbolic batch takes any size', async () => {
  const graph = new Graph();
  const x = graph.input('x', ['batch', 2]);
  graph.output('y', sum(reshape(x, ['batch', 1, 2]), [1, 2]));
  const session = await Session.create(toOnnx(graph));
  for (const batch of [1, 3, 100]) {
    const { y } = await session.run({ x: { data: new Float32Array(batch * 2).fill(1), shape: [batch, 2] } });
    assert.deepEqual(y, new Float32Array(batch).fill(2));
  }
  await session.close();
});

test('of symbolic sizes, products are known', async () => {
  const graph = new Graph();
  const x = graph.input('x', ['batch', 'length', 2]);
  graph.output('rows', reshape(x, [sizeOf(['length', 'batch']), 2]));
  graph.output('again', reshape(reshape(x, ['batch', sizeOf(['length', 2])]), ['batch', 'length', 2]));
  const session = await Session.create(toOnnx(graph));
  const data = floats(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
  const { rows, again } = await session.run({ x: { data, shape: [3, 2, 2] } });
  assert.deepEqual([rows, again], [data, data]);
  assert.deepEqual(session.shapeOf('rows'), ['batch*length', 2]);
  await session.close();
  assert.deepEqual([sizeOf([2, 3]), sizeOf(['b', 1]), sizeOf(['b*2', 3, 'a'])], [6, 'b', 'a*b*6']);
});

test('masks of dropout: the share of zeros, equal for equal counters and for no others', () => {
  const mask = (seed: number, counter: number) => dropoutMask(50_001, 0.2, seed, counter);
  const zeros = mask(1, 0).reduce((count, kept) => count + 1 - kept, 0) / 50_001;
  assert.ok(Math.abs(zeros - dropoutShare(0.2)) < 0.008, `${zeros}`);
  assert.deepEqual(mask(1, 7), mask(1, 7));
  for (const other of [mask(1, 8), mask(2, 7)]) {
    const agree = other.reduce((count, kept, i) => count + (kept === mask17[i] ? 1 : 0), 0) / 50_001;
    // Independent masks agree with the probability 0.8 * 0.8 + 0.2 * 0.2.
    assert.ok(Math.abs(agree - 0.68) < 0.012, `${agree}`);
  }
});

const mask17 = dropoutMask(50_001, 0.2, 1, 7);

test('a session refuses damaged files, and wrong inputs by name', async () => {
  await assert.rejects(Session.create(new Uint8Array(50).fill(7)), { code: 'MR_MODEL_UNREADABLE' });
  const graph = new Graph();
  graph.output('y', gatherRows(graph.constant(floats(1, 2), [2, 1]), graph.input('ids', ['n'], 'int64')));
  const session = await Session.create(toOnnx(graph));
  await assert.rejects(session.run({}), { code: 'MR_MODEL_INPUT', hint: /ids/ });
  const outside = { ids: { data: BigInt64Array.of(2n), shape: [1] } };
  await assert.rejects(session.run(outside), { code: 'MR_MODEL_INPUT' });
  assert.throws(() => session.shapeOf('vector'), { code: 'MR_MODEL_UNREADABLE', message: /vector/ });
  await session.close();
});

test('a provider that is not there is replaced by the CPU, and the reason kept', async () => {
  const graph = new Graph();
  graph.output('y', add(graph.input('x', [1]), 1));
  const session = await Session.create(toOnnx(graph), { provider: 'cuda' });
  // Where there is a CUDA device, it is used and there is no reason to give.
  assert.equal(session.provider === 'cuda', session.fallbackReason === undefined);
  assert.deepEqual(await session.run({ x: { data: floats(1), shape: [1] } }), { y: floats(2) });
  await session.close();
});

test('where any provider will do and no device is there, the CPU computes, and there is nothing to explain', async () => {
  const graph = new Graph();
  graph.output('y', add(graph.input('x', [1]), 1));
  const session = await Session.create(toOnnx(graph), { provider: 'auto' }, () => false);
  assert.equal(session.fallbackReason, undefined);
  assert.deepEqual(await session.run({ x: { data: floats(1), shape: [1] } }), { y: floats(2) });
  await session.close();
});

test('where any provider will do and a device is there, it is used, or it is said why not', async () => {
  const graph = new Graph();
  graph.output('y', add(graph.input('x', [1]), 1));
  const isThere = (path: unknown) => path === '/dev/nvidiactl';
  const session = await Session.create(toOnnx(graph), { provider: 'auto' }, isThere);
  if (session.provider === 'cuda') assert.equal(session.fallbackReason, undefined);
  else assert.match(session.fallbackReason ?? '', /^cuda: ./);
  assert.deepEqual(await session.run({ x: { data: floats(1), shape: [1] } }), { y: floats(2) });
  await session.close();
});

test('int64 of negative and large ids', () => {
  const ids = [0, -1, 2 ** 31 - 1, -(2 ** 31)];
  assert.deepEqual(toInt64(Int32Array.from(ids)), BigInt64Array.from(ids, BigInt));
});
