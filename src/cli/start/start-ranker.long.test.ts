import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { eventually } from '#platform/testing';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';
import { writeMovieLens } from '../testing/movielens-directory.ts';

const configuration = { ...smallWorld, training: { ...smallWorld.training, rankers: ['stacked'] } };

/** Resolves once answers name the ranker. */
async function untilRankedBy(url: string | undefined, ranker: string | undefined): Promise<void> {
  await eventually(async () => {
    const response = await fetch(`${url}/recommend/u1?k=3`, { headers: { connection: 'close' } });
    const answer = (await response.json()) as { readonly ranker: string | null; readonly items: object[] };
    assert.equal(answer.items.length, 3);
    return answer.ranker === ranker;
  });
}

it('a start answers, then trains a ranker behind its first version, which answers name; once', async (t) => {
  const { begin, print } = commandLine(t, configuration);
  const first = begin(['start']);
  let isRanked = false;
  const trained = first.until(
    /^Ranker ([0-9a-f]{16}) \(stacked\) promoted: ndcg@10 of lists shown \d\.\d{4}, in the order of retrieval alone \d\.\d{4}$/m,
  );
  trained.then(
    () => {
      isRanked = true;
    },
    () => {},
  );
  const [, url] = await first.until(/Serving +(http:\S+),/);
  assert.ok(!isRanked, 'it answers before there is a ranker');
  const [, ranker] = await trained;
  await untilRankedBy(url, ranker);
  assert.equal((await first.signal('SIGTERM')).code, 0);

  const second = begin(['start']);
  await second.until(/Serving +http:/);
  await setTimeout(2000);
  const again = await second.signal('SIGTERM');
  assert.doesNotMatch(again.out + again.err, /^Ranker /m);
  const versions = jsonLines<{ version: string }>((await print(['versions', '--json'])).out);
  assert.equal(versions.length, 2, 'one that finds items and one that ranks them');
  assert.ok(versions.some(({ version }) => version === ranker));
  const { out } = await print(['versions', 'show', ranker ?? '']);
  assert.match(out, /^## Importance of columns$/m);
});

it('a ranker that is trained here learns from the view of a module, and is served its rows', async (t) => {
  const modules = [join(import.meta.dirname, '../../view-builds/fixtures/watched-trends.ts')];
  const training = { ...smallWorld.training, rankers: ['trees'] };
  const { begin, print } = commandLine(t, { ...smallWorld, training, features: { modules } });
  const started = begin(['start']);
  const [, url] = await started.until(/Serving +(http:\S+),/);
  const [, ranker = ''] = await started.until(/^Ranker ([0-9a-f]{16}) \(trees\) promoted/m);
  await untilRankedBy(url, ranker);
  const { out } = await print(['versions', 'show', ranker]);
  assert.match(out, /watched-trends\.events/);
  const explained = await print(['evaluate', ranker.slice(0, 8), '--json']);
  assert.equal(explained.code, 0, explained.err);
  const [evaluated] = jsonLines<{ metrics: Record<string, number> }>(explained.out);
  const listed = jsonLines<{ version: string; model: Record<string, number> }>(
    (await print(['versions', '--json'])).out,
  );
  assert.deepEqual(evaluated?.metrics, listed.find(({ version }) => version === ranker)?.model);
  assert.equal((await started.signal('SIGTERM')).code, 0);
});

for (const model of ['neumf', 'dlrm']) {
  it(`${model} is trained behind the first version, gated, served, trained again, and rolled back`, async (t) => {
    const training = { ...smallWorld.training, rankers: [model] };
    const models = { [model]: { epochs: 3 } };
    const { begin, run } = commandLine(t, { ...smallWorld, training, models });
    const started = begin(['start']);
    const [, url] = await started.until(/Serving +(http:\S+),/);
    const [, first = ''] = await started.until(
      new RegExp(`^Ranker ([0-9a-f]{16}) \\(${model}\\) promoted: ndcg@10 of lists shown \\d`, 'm'),
    );
    await untilRankedBy(url, first);
    const again = await run(['train', '--model', model, '--with', '{"epochs": 2}', '--json']);
    const [line] = jsonLines<{ readonly version: string }>(again.out);
    const second = line?.version ?? assert.fail(again.err);
    assert.notEqual(second, first);
    await untilRankedBy(url, second);
    const { out } = await run(['versions', 'show', second]);
    assert.match(out, /^## Held-out lists$/m);
    assert.match(out, new RegExp(`over ${first.slice(0, 12)}`), 'it was judged beside the one before');
    const { out: shown } = await run(['versions', 'show', first]);
    assert.match(shown, /epochs = 3[,\n]/, 'as the configuration says');
    const { out: rolledBack } = await run(['rollback', second]);
    assert.match(rolledBack, new RegExp(`version ${first} is in force again`));
    await untilRankedBy(url, first);
    assert.equal((await started.signal('SIGTERM')).code, 0);
  });
}

it('imported data without impressions is served without a ranker', async (t) => {
  const { begin, run, directory } = commandLine(t, configuration);
  assert.equal((await run(['import', 'movielens', writeMovieLens(join(directory, 'ml'))])).code, 0);
  const started = begin(['start', '--log-level', 'info']);
  const [, url] = await started.until(/Serving +(http:\S+),/);
  await started.until(/no ranker was trained/);
  const response = await fetch(`${url}/recommend/1?k=3`, { headers: { connection: 'close' } });
  assert.equal(((await response.json()) as { ranker: string | null }).ranker, null);
  const { code, out, err } = await started.signal('SIGTERM');
  assert.equal(code, 0);
  assert.doesNotMatch(out + err, /^(Ranker|error) /m);
});
