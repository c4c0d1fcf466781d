import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { type StoreAnswer, writeRecords } from '#engine';
import { jsonTopic } from '#engine/testing';
import { openLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { kafkaServer, registryServer } from '#servers';
import { loadConfiguration } from '#service/configuration';
import { commandLine } from '../testing/command-line.ts';

const views = jsonTopic<number>('views', 2);
const [engine, testing] = ['engine/index.ts', 'engine/testing/index.ts'].map((path) =>
  JSON.stringify(join(import.meta.dirname, '../..', path)),
);
const topology = `
  import { TopologyBuilder } from ${engine};
  import { json, jsonTopic } from ${testing};
  const builder = new TopologyBuilder({ name: 'watching', generation: 1 });
  builder.source(jsonTopic('views', 2)).count('views-of-user', { value: json() });
  export default builder.build();`;

type Member = { memberId: string; tasks: { name: string; state: string }[] };

it('two processes share the tasks of a topology, with a copy of each where engine.standbys asks for it', {
  timeout: 600_000,
}, async (t) => {
  const kafka = await kafkaServer(t);
  const registry = await registryServer(t);
  if (kafka === undefined || registry === undefined) return;
  const prefix = `run-${process.pid}-`;
  const configuration = {
    log: `${kafka.url}?prefix=${prefix}`,
    registry: `${registry.url}?prefix=${prefix}`,
    engine: { standbys: 1 },
  };
  const { directory, begin } = commandLine(t, configuration);
  writeFileSync(join(directory, 'topology.ts'), topology);
  const start = async (data: string) => {
    const running = begin(['run', 'topology.ts', '--json', '--data', data, '--port', '0']);
    const [, url = ''] = await running.until(/"url":"(http:[^"]+)"/);
    const members = async () =>
      ((await (await fetch(`${url}/tasks`)).json()) as { members: Member[] }).members;
    const names = async (state: string) =>
      (await members()).flatMap(({ tasks }) =>
        tasks.filter((each) => each.state === state).map(({ name }) => name),
      );
    return { running, url, names };
  };
  const first = await start('one');
  const second = await start('two');
  const both = ['views-0', 'views-1'];
  const all = async (state: string) => [...(await first.names(state)), ...(await second.names(state))];
  await eventually(
    async () =>
      (await first.names('running')).length === 1 && (await all('running')).sort().join() === both.join(),
  );
  await eventually(async () => (await all('standby')).sort().join() === both.join());

  const logger = createLogger({ level: 'silent', name: 'test' });
  const loaded = loadConfiguration({ flags: {}, environment: {}, directory });
  const opened = await openLog(loaded, { clock: systemClock, random: Math.random, logger });
  const users = Array.from({ length: 20 }, (_, n) => `u${n}`);
  await writeRecords(
    opened.log,
    views,
    users.map((key) => ({ key, value: 1, timestamp: 1 })),
  );
  await opened.close();
  const counted = async (user: string) => {
    const response = await fetch(`${second.url}/stores/views-of-user/state?key=${user}&staleness=standby`);
    return ((await response.json()) as Partial<StoreAnswer>).entries?.[0]?.value === 1;
  };
  // Neither has told the other an address: it answers from its own task and its copy of the other's.
  for (const user of users) await eventually(() => counted(user));
  assert.equal((await first.running.signal('SIGINT')).code, 0);
  await eventually(async () => (await second.names('running')).sort().join() === both.join());
  assert.equal((await second.running.signal('SIGINT')).code, 0);
});
