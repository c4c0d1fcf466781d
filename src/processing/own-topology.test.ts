import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { openSimulatedLog } from '#log';
import { systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { openTopologyOfModule } from './own-topology.ts';

const [engine, testing] = ['engine/index.ts', 'engine/testing/index.ts'].map((path) =>
  JSON.stringify(join(import.meta.dirname, '..', path)),
);

function declaring(t: TestContext) {
  const directory = temporaryDirectory(t);
  const log = openSimulatedLog({ clock: systemClock, random: () => 0 });
  t.after(() => log.close());
  let modules = 0;
  const open = (text: string) => {
    const path = join(directory, `${modules++}.ts`);
    const imports = `
      import { TopologyBuilder } from ${engine};
      import { json, jsonTopic } from ${testing};
      const builder = (name = 'mine') => new TopologyBuilder({ name, generation: 1 });
      const topic = jsonTopic('numbers', 3);
      const copied = (to, name) => {
        const own = builder(name);
        own.source(topic).to(to);
        return own.build();
      };`;
    writeFileSync(path, `${imports}\n${text}`);
    return openTopologyOfModule(path, { log, registry: log.registry });
  };
  return { log, open };
}

it('makes the topics that a topology names and the log lacks, and leaves others as they are', async (t) => {
  const { log, open } = declaring(t);
  const kept = { name: 'numbers', partitions: 3, cleanup: { policy: 'delete', retentionMs: 5_000 } } as const;
  await log.createTopics([kept]);
  const { name } = await open(`
    export default async () => {
      const own = builder();
      const stream = own.source(topic);
      stream.to(jsonTopic('copies', 3));
      stream.keyBy('other', ({ other }) => other, { value: topic.value }).count('of-other', { value: json() });
      stream.joinGlobal('with-names', own.globalTable(jsonTopic('names')), (value, { key }) => key, (value, row) => row)
        .to(jsonTopic('copies', 3));
      return own.build();
    };`);
  assert.equal(name, 'mine');
  const topics = await log.describeTopics();
  assert.deepEqual(topics.map((each) => [each.name, each.partitions]).sort(), [
    ['copies', 3],
    ['dead-letters', 1],
    ['names', 1],
    ['numbers', 3],
  ]);
  assert.deepEqual(topics.find((each) => each.name === 'numbers')?.cleanup, kept.cleanup);
});

const refused: readonly (readonly [text: string, code: string, message: RegExp])[] = [
  ['export const own = copied(topic);', 'MR_TOPOLOGY_MODULE', /has no topology as its default export/],
  ['export default builder();', 'MR_TOPOLOGY_MODULE', /has no topology as its default export/],
  ['export default builder().build();', 'MR_TOPOLOGY_MODULE', /reads nothing/],
  [`throw new Error('no such\\nthing');`, 'MR_TOPOLOGY_MODULE', /cannot be loaded: no such\.$/],
  [`export default async () => { throw 'nothing'; };`, 'MR_TOPOLOGY_MODULE', /throws: nothing\.$/],
  ['export default {', 'MR_TOPOLOGY_MODULE', /cannot be loaded: /],
  [`export default copied(topic, 'Bad Name');`, 'MR_TOPOLOGY_INVALID', /Bad Name/],
  [`export default () => copied(topic, 'Bad Name');`, 'MR_TOPOLOGY_INVALID', /Bad Name/],
  [`export default copied(jsonTopic('copies', 3), 'loop');`, 'MR_TOPOLOGY_CLASH', /is called loop/],
  [`export default copied(jsonTopic('copies', 3), 'view-taps');`, 'MR_TOPOLOGY_CLASH', /is called view-taps/],
  [`export default copied(jsonTopic('versions'));`, 'MR_TOPOLOGY_CLASH', /mine writes to versions/],
  [
    `export default copied(jsonTopic('loop-4-timers', 3));`,
    'MR_TOPOLOGY_CLASH',
    /mine writes to loop-4-timers/,
  ],
];

it('refuses a module that declares nothing that can run, and makes no topic for it', async (t) => {
  const { log, open } = declaring(t);
  for (const [text, code, message] of refused) await assert.rejects(open(text), { code, message }, text);
  const path = join(import.meta.dirname, 'no-such-file.ts');
  const missing = { code: 'MR_TOPOLOGY_MODULE', message: /no-such-file.ts does not exist/ };
  await assert.rejects(openTopologyOfModule(path, { log, registry: log.registry }), missing);
  assert.deepEqual(await log.describeTopics(), []);
  // Whoever produces events may be a topology.
  await open(`export default copied({ ...topic, name: 'interactions' }, 'events');`);
});
