import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serversSkip, sharedKafka } from '#servers';
import { Clients, joining } from './testing/clients.ts';

/** The rows of a table that a tool prints, by the names of its columns. */
function rows(printed: string): Record<string, string>[] {
  const [head = [], ...body] = printed
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([first]) => first !== '' && first !== undefined);
  return body.map((cells) => Object.fromEntries(head.map((name, i) => [name, cells[i] ?? ''])));
}

test("Java's kafka-consumer-groups lists a group, shows members and lag, and resets the offsets of a stopped one", {
  skip: serversSkip,
  timeout: 300_000,
}, async (t) => {
  const kafka = await sharedKafka();
  const clients = (await Clients.shared(t)) as Clients;
  if (kafka === undefined) return;
  const groups = (...args: string[]) => kafka.run('kafka-consumer-groups', args);
  const [topic, group] = [`${clients.prefix}in`, `${clients.prefix}workers`];
  await clients.createTopic('in', 2);
  await kafka.run('kafka-console-producer', ['--topic', topic], 'a\nb\nc\nd\n');
  const client = await clients.open();
  const member = await client.groups.join(
    joining({ memberId: 'static', topics: ['in'], sessionTimeoutMs: 60_000 }),
  );
  await client.groups.commit(member, [
    { topic: 'in', partition: 0, offset: 0 },
    { topic: 'in', partition: 1, offset: 0 },
  ]);

  assert.ok((await groups('--list')).split('\n').includes(group));
  const lags = rows(await groups('--describe', '--group', group)).map(({ LAG }) => Number(LAG));
  assert.equal(lags.length, 2);
  assert.equal(
    lags.reduce((sum, lag) => sum + lag, 0),
    4,
  );
  const [described] = rows(await groups('--describe', '--group', group, '--members', '--verbose'));
  assert.equal(described?.['CONSUMER-ID'], member.kafkaMemberId);
  assert.equal(described?.['GROUP-INSTANCE-ID'], 'static');
  const [state] = rows(await groups('--describe', '--group', group, '--state'));
  assert.ok(JSON.stringify(state).includes('millrace'), JSON.stringify(state));
  assert.ok(JSON.stringify(state).includes('Stable'), JSON.stringify(state));

  await member.leave();
  await groups('--reset-offsets', '--group', group, '--topic', topic, '--to-latest', '--execute');
  const offsets = await client.groups.committed('workers', [
    { topic: 'in', partition: 0 },
    { topic: 'in', partition: 1 },
  ]);
  assert.equal(
    offsets.reduce((sum, commit) => sum + (commit?.offset ?? 0), 0),
    4,
  );
});
