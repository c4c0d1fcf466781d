import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';
import { writeMovieLens } from '../testing/movielens-directory.ts';

const configuration = { ...smallWorld, training: { ...smallWorld.training, rankers: ['trees'] } };

it('a start answers, then trains a ranker behind its first version, which answers name; once', async (t) => {
  const { begin, run } = commandLine(t, configuration);
  const first = begin(['start']);
  let isRanked = false;
  const trained = first.until(/^Ranker ([0-9a-f]{16}) \(trees\) promoted: ndcg@10 of lists shown \d/m);
  trained.then(
    () => {
      isRanked = true;
    },
    () => {},
  );
  const [, url] = await first.until(/Serving +(http:\S+),/);
  assert.ok(!isRanked, 'it answers before there is a ranker');
  const [, ranker] = await trained;
  const answered = async () => {
    const response = await fetch(`${url}/recommend/u1?k=3`, { headers: { connection: 'close' } });
    return (await response.json()) as { readonly ranker: string | null; readonly items: readonly object[] };
  };
  while ((await answered()).ranker !== ranker) await setTimeout(50);
  assert.equal((await answered()).items.length, 3);
  assert.equal((await first.signal('SIGTERM')).code, 0);

  const second = begin(['start']);
  await second.until(/Serving +http:/);
  await setTimeout(2000);
  const again = await second.signal('SIGTERM');
  assert.doesNotMatch(again.out + again.err, /^Ranker /m);
  const versions = jsonLines<{ version: string }>((await run(['versions', '--json'])).out);
  assert.equal(versions.length, 2, 'one that finds items and one that ranks them');
  assert.ok(versions.some(({ version }) => version === ranker));
});

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
