import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import type { FeatureColumn } from '../ranking/port.ts';
import { readExternalModel } from './directory.ts';
import { type ExternalManifest, parseExternalManifest } from './manifest.ts';
import { ExternalScorer } from './scorer.ts';

const fixtures = join(import.meta.dirname, 'testing/fixtures');
/** What testing/make-fixtures.py has just made, where it could. */
const exported = process.env.EXPORTED_MODELS;
const skip = exported === undefined && 'no EXPORTED_MODELS: testing/make-fixtures.py makes them';

type Values = readonly (number | string | null)[];
type Expected = { readonly rows: readonly Values[]; readonly scores: number[] };

// biome-ignore lint/suspicious/noExplicitAny: what is written is wrong on purpose
type Changes = Record<string, any>;

function scored(scorer: ExternalScorer, manifest: ExternalManifest, rows: readonly Values[]) {
  const types = manifest.inputs.flatMap(({ type, features }) => features.map(() => type));
  const columns = types.map((type, at): FeatureColumn => {
    if (type === 'string') return rows.map((row) => row[at] as string | null);
    return Float64Array.from(rows, (row) => Number(row[at] ?? Number.NaN));
  });
  return scorer.score(columns, rows.length);
}

/** A copy of a fixture with another manifest. */
function changed(t: TestContext, name: string, changes: (manifest: Changes) => Changes): string {
  const directory = join(temporaryDirectory(t), name);
  cpSync(join(fixtures, name), directory, { recursive: true });
  const path = join(directory, 'model.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as Changes;
  writeFileSync(path, JSON.stringify({ ...manifest, ...changes(manifest) }));
  return directory;
}

function refused(directory: string, code: string, message: RegExp): Promise<void> {
  return assert.rejects(readExternalModel(directory), { code, message, remedy: 'fix-input' });
}

describe('models from outside', () => {
  const frameworks = [
    'sklearn-logistic',
    'sklearn-boosting',
    'pytorch-towers',
    'xgboost',
    'lightgbm',
    'catboost',
  ];
  for (const name of frameworks) {
    const scoresAlike = async (directory: string) => {
      const { manifest, contents } = await readExternalModel(directory);
      assert.deepEqual(Object.keys(contents), ['model.json', 'model.onnx']);
      const { rows, scores } = JSON.parse(readFileSync(join(directory, 'expected.json'), 'utf8')) as Expected;
      const scorer = await ExternalScorer.load(contents['model.onnx'] as Uint8Array, manifest);
      assert.equal(manifest.inputs.flatMap(({ features }) => features).length, 5);
      const given = await scored(scorer, manifest, rows);
      scores.forEach((score, row) => {
        assert.ok(Math.abs(score - (given[row] as number)) < 1e-5, `${score} and ${given[row]}`);
      });
      const [one] = await scored(scorer, manifest, rows.slice(2, 3));
      assert.ok(Math.abs((one as number) - (scores[2] as number)) < 1e-5);
      assert.equal((await scored(scorer, manifest, [])).length, 0);
      assert.ok(Number.isFinite((await scored(scorer, manifest, [[3, 0.5, null, 0.25, 1]]))[0]));
      await scorer.close();
    };
    it(`${name}: scores rows as the framework did that exported it`, () => scoresAlike(join(fixtures, name)));
    it(`${name}: so it does fresh from its framework`, { skip }, () =>
      scoresAlike(join(exported ?? '', name)),
    );
  }

  it('refuses an operator that onnxruntime does not know, and what is no graph', async () => {
    await refused(join(fixtures, 'unknown-operator'), 'MR_MODEL_GRAPH', /com\.example|Wobble/);
    await refused(join(fixtures, 'damaged'), 'MR_MODEL_GRAPH', /can't run the graph/);
  });

  it('refuses wrong shapes: of inputs, of the output, and a number of rows that may not vary', async (t) => {
    const features = ['user-features.events', 'item-features.ctr'];
    const input = { name: 'features', type: 'float32', features };
    const fewer = changed(t, 'sklearn-logistic', () => ({ inputs: [input] }));
    await refused(fewer, 'MR_MODEL_SIGNATURE', /input features is \[.*5\].*2 features/);
    const flat = { name: 'probabilities', type: 'float32', shape: ['rows'] };
    await refused(
      changed(t, 'sklearn-logistic', () => ({ output: flat })),
      'MR_MODEL_SIGNATURE',
      /output probabilities is \[.*2\].*\[rows\]/,
    );
    await refused(join(fixtures, 'fixed-rows'), 'MR_MODEL_SIGNATURE', /exactly 1 rows/);
    await refused(join(fixtures, 'one-score-in-all'), 'MR_MODEL_SIGNATURE', /score is float32 \[/);
  });

  it('refuses a manifest whose hash, inputs or outputs are not those of the graph', async (t) => {
    const lies = (changes: (manifest: Changes) => Changes) => changed(t, 'pytorch-towers', changes);
    await refused(
      lies(() => ({ sha256: '0'.repeat(64) })),
      'MR_MODEL_HASH',
      /SHA-256/,
    );
    const only = ({ inputs }: Changes) => ({ inputs: inputs.slice(0, 1) });
    await refused(lies(only), 'MR_MODEL_SIGNATURE', /requires an input item/);
    const more = ({ inputs }: Changes) => ({ inputs: [...inputs, { ...inputs[0], name: 'more' }] });
    await refused(lies(more), 'MR_MODEL_SIGNATURE', /input more; the graph has user, item/);
    const whole = ({ inputs: [user, item] }: Changes) => ({ inputs: [user, { ...item, type: 'int64' }] });
    await refused(
      lies((manifest) => {
        const { inputs } = whole(manifest);
        return { inputs: inputs.map((each: Changes) => ({ ...each, missing: 0 })) };
      }),
      'MR_MODEL_SIGNATURE',
      /input item is float32; the manifest says int64/,
    );
    const output = { name: 'logit', type: 'float32', shape: ['rows'] };
    await refused(
      lies(() => ({ output })),
      'MR_MODEL_SIGNATURE',
      /names output logit; the graph has score/,
    );
    await refused(
      lies(() => ({ output: { ...output, name: 'score', type: 'float64' } })),
      'MR_MODEL_SIGNATURE',
      /score is float32; the manifest says float64/,
    );
  });

  it('refuses a model that gives no finite score in the probe', async () => {
    await refused(join(fixtures, 'infinite-at-zero'), 'MR_MODEL_PROBE', /a row of zeros with Infinity/);
  });

  it('refuses a directory without what it needs, and a manifest that is none', async (t) => {
    const empty = temporaryDirectory(t);
    await refused(empty, 'MR_MODEL_MANIFEST', /no model\.json/);
    await refused(
      changed(t, 'damaged', () => ({ graph: 'absent.onnx' })),
      'MR_MODEL_MANIFEST',
      /no absent\.onnx/,
    );
    await refused(
      changed(t, 'damaged', () => ({ graph: '../damaged/model.onnx' })),
      'MR_MODEL_MANIFEST',
      /no \.\.\/damaged/,
    );
    const manifest = JSON.parse(
      readFileSync(join(fixtures, 'damaged/model.json'), 'utf8'),
    ) as ExternalManifest;
    const input = manifest.inputs[0];
    const wrong: readonly (readonly [Changes, RegExp])[] = [
      [{ format: 2 }, /format is 2; this build reads 1/],
      [{ name: '' }, /name is "", not a string/],
      [{ colour: 'red' }, /unknown field "colour"; known: format/],
      [{ views: { 'user-features': '2' } }, /views\.user-features is "2"/],
      [{ inputs: [] }, /inputs is empty/],
      [{ inputs: [input, input] }, /features appears twice/],
      [{ inputs: [{ ...input, type: 'bfloat16' }] }, /inputs\[0\]\.type is "bfloat16"/],
      [{ inputs: [{ ...input, features: ['events'] }] }, /has "events", not view\.feature/],
      [{ inputs: [{ ...input, missing: 'none' }] }, /inputs\[0\]\.missing is "none"/],
      [{ output: { ...manifest.output, shape: [5] } }, /output\.shape is \[5\]/],
      [{ output: { ...manifest.output, shape: ['rows', 2], column: 2 } }, /output\.column is 2/],
      [{ metrics: { auc: 'good' } }, /metrics\.auc is "good"/],
    ];
    for (const [changes, message] of wrong) {
      const bytes = Buffer.from(JSON.stringify({ ...manifest, ...changes }));
      assert.throws(() => parseExternalManifest(bytes), { code: 'MR_MODEL_MANIFEST', message });
    }
    assert.throws(() => parseExternalManifest(Buffer.from('{')), { message: /not JSON/ });
    assert.throws(() => parseExternalManifest(Buffer.from('[]')), { message: /not a JSON object/ });
  });
});
