import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '#models';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';
import { drawCurve } from './runs-curve.ts';
import { drawFrom, readSpace } from './runs-search-space.ts';

type PrintedRun = {
  readonly run_id: string;
  readonly status: string;
  readonly pipeline: string;
  readonly version: string | null;
  readonly metrics: Readonly<Record<string, number>>;
  readonly error: { readonly code: string } | null;
};

describe('runs', () => {
  it('are listed, shown with their curves, compared and searched', async (t) => {
    const { begin, run, runEach, print } = commandLine(t);
    const start = begin(['start', '--json']);
    await start.until(/^\{"url".*\}$/m);
    const second = await run([
      'train',
      '--seed',
      '5',
      '--with',
      '{"learningRate": 0.02, "epochs": 4}',
      '--json',
    ]);
    assert.equal(second.code, 0, second.err);
    const searched = await run([
      'runs',
      'search',
      '--space',
      '{"hidden": [4, 8]}',
      '--trials',
      '2',
      '--json',
    ]);
    assert.equal(searched.code, 0, searched.err);
    const endless = begin(['train', '--with', '{"epochs": 100000}', '--json']);
    let working: PrintedRun | undefined;
    while (working === undefined) {
      const now = jsonLines<PrintedRun>((await print(['runs', '--json'])).out);
      working = now.find(({ status }) => status === 'running');
    }
    const cancelled = await print(['runs', 'cancel', working.run_id.slice(0, 8), '--json']);
    assert.equal(cancelled.code, 0, cancelled.err);
    assert.equal(jsonLines<PrintedRun>(cancelled.out)[0]?.status, 'cancelled');
    const given = await endless.ended;
    assert.notEqual(given.code, 0);
    assert.match(given.err, /MR_RUN_CANCELLED/);
    assert.equal((await start.signal('SIGINT')).code, 0);

    const runs = jsonLines<PrintedRun>((await print(['runs', '--json'])).out);
    assert.deepEqual(
      runs.map(({ pipeline, status, error }) => `${pipeline} ${status} ${error?.code ?? null}`),
      [
        'training succeeded null',
        'training succeeded null',
        'search succeeded null',
        'search succeeded null',
        'training cancelled MR_RUN_CANCELLED',
      ],
    );
    const [a, b] = runs.map(({ run_id }) => run_id);
    assert.equal(runs[1]?.version, jsonLines<{ version: string }>(second.out).at(-1)?.version);
    const trials = jsonLines<PrintedRun>(searched.out);
    assert.ok((trials[0]?.metrics['recall@10'] ?? 0) >= (trials[1]?.metrics['recall@10'] ?? 1));
    assert.ok(trials.every(({ version }) => version === null));

    const [listed, shown, compared, unknown, over, one] = await runEach([
      ['runs'],
      ['runs', 'show', b ?? ''],
      ['runs', 'compare', a ?? '', b ?? ''],
      ['runs', 'show', 'zzz'],
      ['runs', 'cancel', a ?? ''],
      ['runs', 'search', '--model', 'nope'],
    ]);
    assert.match(
      listed?.out ?? '',
      /^run +model +pipeline +trigger +status +step +requested +took +recall@10 +ndcg@10\n/,
    );
    assert.match(shown?.out ?? '', /\nstep +status +attempts +took +error\nsnapshot +succeeded +1 /);
    assert.match(shown?.out ?? '', /\nrecall@10 +0\.\d{4} +0\.\d{4} to \d\.\d{4}\n/);
    assert.match(shown?.out ?? '', /\nloss by update\n/);
    assert.match(compared?.out ?? '', /\nseed +1 +5\nepochs +1 +4\nlearningRate +default +0\.02\n/);
    assert.match(compared?.out ?? '', /\nrecall@10 +0\.\d{4} +0\.\d{4} +[+-]0\.\d{4}\n/);
    assert.match(unknown?.err ?? '', /^error MR_RUN_UNKNOWN: /);
    assert.match(over?.err ?? '', /^error MR_RUN_OVER: Run .* is succeeded already/);
    assert.match(one?.err ?? '', /^error MR_MODEL_CONFIG: There is no trainable model nope/);
  });
});

describe('runs of rankers', () => {
  it('are compared by how they order lists, and say how many trees there are', async (t) => {
    const training = { ...smallWorld.training, patience: 1 };
    const models = { trees: { trees: 200, minRows: 5, learningRate: 0.3 } };
    const { begin, run, runEach } = commandLine(t, {
      ...smallWorld,
      // Lists with both what was taken and what was left, in the validation part too.
      simulation: { ...smallWorld.simulation, events: 15_000 },
      training,
      models,
    });
    const start = begin(['start', '--json']);
    await start.until(/^\{"url".*\}$/m);
    const search = ['runs', 'search', '--model', 'trees', '--space', '{"leaves": [4, 8]}', '--trials', '2'];
    const searched = await run(search);
    assert.match(searched.out, /^run +status +ndcg@10 .*leaves/m, searched.err);
    const rows = [...searched.out.matchAll(/^([0-9a-f]{8}) +succeeded +([01]\.\d{4}) /gm)];
    const [[, best, highest] = [], [, , lowest] = []] = rows;
    assert.ok(Number(highest) >= Number(lowest), searched.out);
    assert.match(searched.out, new RegExp(`^Best by validation: run ${best}\\.`, 'm'));
    const unknown = await run([...search.slice(0, -1), '1', '--metric', 'recall@10']);
    assert.match(unknown.out, /^No trial has recall@10, so none is the best\.$/m);

    const trained = await run(['train', '--model', 'trees']);
    const [, version = '', trees] =
      /^version ([0-9a-f]{16}) \((\d+) trees, \d+ columns\) (?:promoted|staged)/m.exec(trained.out) ?? [];
    assert.ok(Number(trees) < 200, trained.out + trained.err);
    assert.match(trained.out, /^ndcg@10 [01]\.\d{4} \(popularity [01]\.\d{4}, /m);
    assert.doesNotMatch(trained.out, /recall@10/);
    const [ofVersion, ofTrial, listed] = await runEach([
      ['versions', 'show', version],
      ['runs', 'show', best ?? ''],
      ['runs'],
    ]);
    assert.match(ofVersion?.out ?? '', new RegExp(`^trained on .*: ${trees} trees, \\d+ columns$`, 'm'));
    assert.match(ofVersion?.out ?? '', /^## Importance of columns$/m);
    assert.match(ofTrial?.out ?? '', /^came to \d+ trees, \d+ columns$/m);
    assert.match(listed?.out ?? '', new RegExp(`^${best} .* - +${highest}$`, 'm'));
    assert.equal((await start.signal('SIGINT')).code, 0);
  });
});

describe('the space of a search', () => {
  it('gives points within it, alike over values and ranges', () => {
    const space = readSpace(
      '{"dim": [8, 16], "rate": {"from": 0.001, "to": 0.1, "log": true}, "hidden": {"from": 2, "to": 5, "whole": true}}',
    );
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { dim, rate, hidden } = drawFrom(space, seededRandom(seed)) as Record<string, number>;
        assert.ok(dim === 8 || dim === 16);
        assert.ok(rate !== undefined && rate >= 0.001 && rate <= 0.1);
        assert.ok([2, 3, 4, 5].includes(hidden ?? 0));
      }),
    );
    const random = seededRandom(1);
    const rates = Array.from({ length: 1000 }, () => Number(drawFrom(space, random).rate));
    const below = rates.filter((rate) => rate < 0.01).length;
    assert.ok(below > 400 && below < 600, `${below} of 1000 in the lower half of the logarithm`);
  });

  it('is refused where it is none', () => {
    const wrong = ['{', '[]', '{}', '{"a": []}', '{"a": 3}', '{"a": {"from": 2, "to": 1}}', 'no-such-file'];
    for (const text of [
      ...wrong,
      '{"a": {"from": 0, "to": 1, "log": true}}',
      '{"a": {"from": 0, "too": 1}}',
    ]) {
      assert.throws(() => readSpace(text), { code: 'MR_SEARCH_SPACE' }, text);
    }
  });
});

describe('a curve', () => {
  it('goes from its first point to its last, between its lowest and its highest', () => {
    const points = Array.from({ length: 100 }, (_, x) => ({ x, y: 10 - x / 10 }));
    const lines = drawCurve('loss', points);
    assert.equal(lines[0], 'loss');
    assert.match(lines[1] ?? '', /^ *10 \|\*/);
    assert.match(lines[10] ?? '', /^0\.1 \| +\*+$/);
    assert.match(lines.at(-1) ?? '', /^ +0 +99$/);
    assert.equal(lines.length, 13);
  });

  it('is one line where nothing changes, and none of a single point', () => {
    const flat = drawCurve('loss', [
      { x: 1, y: 2 },
      { x: 50, y: 2 },
    ]);
    assert.match(flat[10] ?? '', /\|\*{60}$/);
    assert.deepEqual(drawCurve('loss', [{ x: 1, y: 2 }]), []);
  });
});
