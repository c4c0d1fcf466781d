import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { kafkaServer, redisServer, registryServer } from '#servers';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';
import { movieLensCounts, writeMovieLens } from '../testing/movielens-directory.ts';

type Copied = {
  readonly copied: number;
  readonly source: { readonly records: number };
  readonly equal: boolean;
};
type Summary = { readonly world: object; readonly processed: { events: number }; readonly version: string };

const ready = /"url":"http/;

it('every command does on Kafka, with Redis, what it does on the embedded log', {
  timeout: 600_000,
}, async (t) => {
  const kafka = await kafkaServer(t);
  const registry = await registryServer(t);
  const redis = await redisServer(t);
  if (kafka === undefined || registry === undefined || redis === undefined) return;
  const prefix = `cli-${process.pid}-`;
  const log = `${kafka.url}?prefix=${prefix}`;
  const { begin, run, directory, print } = commandLine(t, {
    ...smallWorld,
    log,
    registry: `${registry.url}?prefix=${prefix}`,
    views: redis.url,
  });
  const ok = async (...args: string[]) => {
    const { code, out, err } = await run(args);
    assert.equal(code, 0, `${args.join(' ')}: ${err}`);
    return out;
  };

  const empty = await print(['topics']);
  assert.equal(empty.code, 2);
  assert.match(empty.err, /^error MR_DATA_EMPTY: There is no data on kafka:\/\/127/);
  const dataSet = writeMovieLens(join(directory, 'ml'));
  const expires = await run(['import', 'movielens', dataSet]);
  assert.equal(expires.code, 2);
  assert.match(expires.err, /^error MR_IMPORT_EXPIRES: .*\nhint: .*retention=none/m);

  const started = begin(['start', '--json']);
  await started.until(ready);
  const answer = await ok('recommend', 'u1', '-k', '3', '--json');
  const [asked] = jsonLines<{ version: string; items: { source: string }[] }>(answer);
  assert.equal(asked?.items[0]?.source, 'index', 'the row of the user was found in Redis');
  const { code, out, err } = await started.signal('SIGTERM');
  assert.equal(code, 0, err);
  const [summary] = jsonLines<Summary>(out);
  assert.equal(summary?.processed.events, smallWorld.simulation.events);
  assert.equal(asked?.version, summary?.version);

  const assertVerified = async (...args: string[]) => {
    const findings = jsonLines<{ result: string }>(await ok('verify', '--json', ...args));
    assert.ok(findings.length > 10 && findings.every(({ result }) => result === 'equal'));
  };
  await assertVerified();
  const topics = jsonLines<{ topic: string; records: number }>(await ok('topics', '--json'));
  assert.ok((topics.find(({ topic }) => topic === 'interactions-accepted')?.records ?? 0) >= 3_000);
  assert.equal(jsonLines(await ok('events', 'tail', 'interactions', '-n', '3')).length, 3);
  assert.equal(jsonLines(await ok('versions', '--json')).length, 1);

  // To the embedded log of the same data directory, where everything goes on as it was.
  const moved = jsonLines<Copied>(await ok('copy', '--from', 'kafka', '--to', 'embedded', '--json'));
  assert.ok(moved.every(({ equal }) => equal));
  const embedded = ['--set', 'log=embedded', '--set', 'registry=embedded'];
  await assertVerified(...embedded);
  const restarted = begin(['start', '--json', ...embedded]);
  await restarted.until(ready);
  const after = await restarted.signal('SIGTERM');
  const [onEmbedded] = jsonLines<Summary>(after.out);
  assert.deepEqual(onEmbedded?.world, { ...onEmbedded?.world, written: 0 });
  assert.equal(onEmbedded?.processed.events, 0, 'the places of the processors came along');
  assert.equal(onEmbedded?.version, summary?.version);

  await assertVerified(...embedded);

  // And back, to another place: an own prefix is a log of its own.
  const back = `${kafka.url}?prefix=${prefix}back-`;
  const killed = await run(['copy', '--from', 'embedded', '--to', back], {
    MILLRACE_FAILPOINTS: 'copy.commit.before=kill@5',
  });
  assert.equal(killed.signal, 'SIGKILL');
  const returned = jsonLines<Copied>(await ok('copy', '--from', 'embedded', '--to', back, '--json'));
  assert.ok(returned.every(({ equal }) => equal));
  assert.ok(
    returned.some(({ copied, source }) => copied < source.records),
    'some of it was there',
  );
  await assertVerified('--set', `log=${back}`);
  const trained = await ok('train', '--seed', '3', '--json', '--set', `log=${back}`);
  assert.equal(jsonLines<{ status: string }>(trained)[0]?.status, 'promoted');

  const history = `${kafka.url}?retention=none&prefix=${prefix}ml-`;
  const imported = await ok('import', 'movielens', dataSet, '--json', '--set', `log=${history}`);
  assert.equal(jsonLines<{ written: number }>(imported)[0]?.written, movieLensCounts.ratings);
});
