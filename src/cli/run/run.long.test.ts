import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type StoreAnswer, TopicReader, type TopicRecord, writeRecords } from '#engine';
import { json, jsonTopic } from '#engine/testing';
import { openEmbeddedLog } from '#log';
import { systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { type CommandLine, commandLine, jsonLines, type Running } from '../testing/command-line.ts';

type View = { readonly item: string; readonly seconds: number };

const views = jsonTopic<View>('views', 2);
const totals = jsonTopic<number>('watch-time', 2);
const [engine, testing] = ['engine/index.ts', 'engine/testing/index.ts'].map((path) =>
  JSON.stringify(join(import.meta.dirname, '../..', path)),
);

/** A module with the imports that all of them need before its own text. */
function moduleOf(text: string): string {
  return `
    import { avroSerde, deadLetterTopic, TopologyBuilder } from ${engine};
    import { json, jsonTopic } from ${testing};
    const views = jsonTopic('views', 2);
    const totals = jsonTopic('watch-time', 2);
    const declare = (name = 'watching', source = views, sink = totals) => {
      const builder = new TopologyBuilder({ name, generation: 1 });
      builder
        .source(source)
        .filter(({ seconds }) => {
          if (seconds < 0) throw new Error('nobody watches backwards');
          return seconds >= 10;
        })
        .aggregate('total', { initial: () => 0, add: (sum, { value }) => sum + value.seconds, value: json() })
        .to(sink);
      return builder.build();
    };
    ${text}`;
}

function project(t: TestContext, configuration: object = {}) {
  const command = commandLine(t, { http: { port: 0 }, ...configuration });
  const write = (name: string, text: string) => writeFileSync(join(command.directory, name), moduleOf(text));
  return { ...command, write };
}

async function begun(running: Running): Promise<string> {
  const [, url = ''] = await running.until(/"url":"(http:[^"]+)"/);
  return url;
}

async function withLog<T>(
  { directory }: Pick<CommandLine, 'directory'>,
  work: (log: Awaited<ReturnType<typeof openEmbeddedLog>>) => Promise<T>,
): Promise<T> {
  const log = await openEmbeddedLog({ directory: join(directory, '.millrace'), clock: systemClock });
  try {
    return await work(log);
  } finally {
    await log.close();
  }
}

const watch = (command: Pick<CommandLine, 'directory'>, key: string, ...seconds: readonly number[]) =>
  withLog(command, (log) =>
    writeRecords(
      log,
      views,
      seconds.map((each) => ({ key, value: { item: 'a', seconds: each }, timestamp: 1 })),
    ),
  );

async function read<V>(command: CommandLine, topic: ReturnType<typeof jsonTopic<V>>) {
  const records: TopicRecord<string, V>[] = [];
  await withLog(command, async (log) => {
    const reader = await TopicReader.open(log, topic, { from: 'start' });
    for await (const some of reader.untilEnd()) records.push(...some);
    await reader.close();
  });
  return records.map(({ key, value }) => [key, value]);
}

/** Asks until the store has this for `key`. */
async function untilTotal(url: string, key: string, total: number): Promise<void> {
  await eventually(async () => {
    const response = await fetch(`${url}/stores/total/state?key=${key}`);
    const { entries = [] } = (await response.json()) as Partial<StoreAnswer>;
    return entries[0]?.value === total;
  });
}

describe('run', { concurrency: 2, timeout: 600_000 }, () => {
  it('runs a module’s topology, serves its stores, and goes on where Ctrl-C stopped it', async (t) => {
    const command = project(t);
    command.write('topology.ts', 'export default declare();');
    const first = command.begin(['run', 'topology.ts', '--json']);
    const url = await begun(first);
    await watch(command, 'ann', 30, 5, 12);
    await untilTotal(url, 'ann', 42);
    const { status } = (await (await fetch(`${url}/health/ready`)).json()) as { status: string };
    assert.equal(status, 'ready');
    assert.match(await (await fetch(`${url}/metrics`)).text(), /millrace_engine_/);
    const { members } = (await (await fetch(`${url}/tasks`)).json()) as { members: { tasks: object[] }[] };
    assert.equal(members.flatMap(({ tasks }) => tasks).length, 2);

    const second = await command.run(['run', 'topology.ts']);
    assert.equal(second.code, 2);
    assert.match(
      second.err,
      new RegExp(`^error MR_DATA_LOCKED: .* process ${first.pid} \\(run .*\nhint: .*\n$`),
    );

    const stopped = await first.signal('SIGINT');
    assert.deepEqual([stopped.code, stopped.err], [0, '']);
    assert.deepEqual(await read(command, totals), [
      ['ann', 30],
      ['ann', 42],
    ]);
    await watch(command, 'ann', 100);
    const third = command.begin(['run', 'topology.ts', '--json', '--set', 'engine.threads=2']);
    await untilTotal(await begun(third), 'ann', 142);
    assert.equal((await third.signal('SIGTERM')).code, 0);
  });

  it('builds a topology over the product’s topics, and applies migrations', async (t) => {
    const command = project(t);
    command.write(
      'over.ts',
      `export default async ({ topics, registry }) => {
        const { interactions, ...all } = await topics();
        const letters = await deadLetterTopic(registry);
        const builder = new TopologyBuilder({ name: 'over', generation: 1 });
        builder.source(all['interactions-accepted']).count('events', { value: json() });
        builder.source(letters).count('letters', { value: json() });
        return builder.build();
      };`,
    );
    const over = command.begin(['run', 'over.ts', '--json']);
    const url = await begun(over);
    const { stores } = (await (await fetch(`${url}/stores`)).json()) as { stores: { name: string }[] };
    assert.deepEqual(stores.map(({ name }) => name).sort(), ['events/state', 'letters/state']);
    assert.equal((await over.signal('SIGINT')).code, 0);

    command.write(
      'other.ts',
      `const builder = new TopologyBuilder({ name: 'over', generation: 1 });
      builder.source(views).count('seen', { value: json() });
      export default builder.build();
      export const migrations = JSON.parse(process.env.CHOICE ?? '{}');`,
    );
    const refused = await command.run(['run', 'other.ts']);
    assert.equal(refused.code, 2);
    assert.match(refused.err, /^error MR_TOPOLOGY_STATE_CHANGED: .*events\/state.*\nhint: .*\n$/);
    const CHOICE = JSON.stringify({ drop: ['events/state', 'letters/state'] });
    const migrated = command.begin(['run', 'other.ts', '--json'], { CHOICE });
    await begun(migrated);
    assert.equal((await migrated.signal('SIGINT')).code, 0);
  });

  it('sends what a handler throws over where engine.onRecordError says', async (t) => {
    const command = project(t, { engine: { guarantee: 'at-least-once' } });
    command.write('topology.ts', 'export default declare();');
    const skipping = command.begin(['run', 'topology.ts', '--json', '--set', 'engine.onRecordError=skip']);
    const url = await begun(skipping);
    await watch(command, 'ann', -1, 30);
    await untilTotal(url, 'ann', 30);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, /millrace_engine_rejected_records_total\{.*MR_PROCESSOR_THREW.*\} 1/);
    assert.equal((await skipping.signal('SIGINT')).code, 0);

    const letters = { ...jsonTopic<object>('dead-letters'), value: json<object>() };
    assert.deepEqual(await read(command, letters), []);
    const failing = command.begin(['run', 'topology.ts', '--json', '--set', 'engine.onRecordError=fail']);
    await begun(failing);
    await watch(command, 'bob', -1);
    const { code, err } = await failing.ended;
    assert.equal(code, 1);
    const [failure] = jsonLines<{ error?: { code: string; message: string } }>(err).filter(
      ({ error }) => error,
    );
    assert.equal(failure?.error?.code, 'MR_PROCESSING_FAILED');
    assert.match(failure.error.message, /nobody watches backwards/);
  });

  it('says in one line what is wrong with a module', async (t) => {
    const command = project(t);
    command.write('none.ts', 'export const topology = declare();');
    command.write('first.ts', 'export default declare();');
    // It fails in the thread alone.
    command.write('cut.ts', `export default declare('cut', jsonTopic('views', 3), jsonTopic('cuts', 3));`);
    const refused = async (args: readonly string[], problem: RegExp) => {
      const { code, out, err } = await command.run(['run', ...args]);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, /^error .*\nhint: .*\n$/);
      assert.match(err, problem);
    };
    await refused([], /MR_USAGE/);
    await refused(['missing.ts'], /MR_TOPOLOGY_MODULE: .*missing.ts does not exist/);
    await refused(['none.ts'], /MR_TOPOLOGY_MODULE: .*none.ts has no topology as its default export/);
    const first = command.begin(['run', 'first.ts', '--json']);
    await begun(first);
    assert.equal((await first.signal('SIGINT')).code, 0);
    await refused(['cut.ts'], /MR_TOPOLOGY_INVALID: views has 2 partitions /);
  });
});
