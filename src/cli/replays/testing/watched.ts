/** Seconds watched by user, as a topology of one's own counts them: rightly, and with a mistake. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { TopicReader, writeRecords } from '#engine';
import { json, jsonTopic } from '#engine/testing';
import { type EmbeddedLog, openEmbeddedLog } from '#log';
import { systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { type CommandLine, commandLine } from '../../testing/command-line.ts';

export type View = { readonly item: string; readonly seconds: number };
export type Total = { readonly seconds: number; readonly views: number };

export const views = jsonTopic<View>('views', 2);
export const totals = jsonTopic<Total>('watch-time', 2);

const [engine, testing] = ['engine/index.ts', 'engine/testing/index.ts'].map((path) =>
  JSON.stringify(join(import.meta.dirname, '../../..', path)),
);

/** `seconds`: how a view's are counted. */
function moduleOf(seconds: string): string {
  return `
    import { TopologyBuilder } from ${engine};
    import { json, jsonTopic } from ${testing};
    const builder = new TopologyBuilder({ name: 'watching', generation: 1 });
    builder
      .source(jsonTopic('views', 2))
      .aggregate('total', {
        initial: () => ({ seconds: 0, views: 0 }),
        add: (sum, { value }) => ({ seconds: sum.seconds + ${seconds}, views: sum.views + 1 }),
        value: json(),
      })
      .to(jsonTopic('watch-time', 2));
    export default builder.build();`;
}

export type Watched = CommandLine & {
  /** Runs until everything is processed, and stops. */
  settle(): Promise<void>;
  watch(...views: readonly (readonly [user: string, seconds: number, timestamp: number])[]): Promise<void>;
  /** The newest value of each key on a topic. */
  newest(topic: string): Promise<ReadonlyMap<string, Total | null>>;
  withLog<T>(work: (log: EmbeddedLog) => Promise<T>): Promise<T>;
};

/** `topology.ts` counts long views twice; `fixed/topology.ts` does not. */
export function watched(t: TestContext, configuration: object = {}): Watched {
  const command = commandLine(t, { http: { port: 0 }, ...configuration });
  mkdirSync(join(command.directory, 'fixed'));
  writeFileSync(join(command.directory, 'fixed/topology.ts'), moduleOf('value.seconds'));
  const mistaken = '(value.seconds > 60 ? 2 * value.seconds : value.seconds)';
  writeFileSync(join(command.directory, 'topology.ts'), moduleOf(mistaken));
  const withLog: Watched['withLog'] = async (work) => {
    const log = await openEmbeddedLog({
      directory: join(command.directory, '.millrace'),
      clock: systemClock,
    });
    try {
      return await work(log);
    } finally {
      await log.close();
    }
  };
  return {
    ...command,
    withLog,
    settle: async () => {
      const running = command.begin(['run', 'topology.ts', '--json']);
      await running.until(/"url"/);
      await withLog(async (log) => {
        const places = [0, 1].map((partition) => ({ topic: 'views', partition }));
        const [described] = await log.describeTopics(['views']);
        const isRead = async () =>
          (await log.committedOffsets('watching-1', places)).every(
            (each, p) => (each?.offset ?? 0) >= (described?.offsets[p]?.stable ?? 0),
          );
        await eventually(isRead);
      });
      await running.signal('SIGINT');
    },
    watch: (...all) =>
      withLog(async (log) => {
        await log.createTopics([views]);
        const records = all.map(([key, seconds, timestamp]) => ({
          key,
          value: { item: 'a', seconds },
          timestamp,
        }));
        await writeRecords(log, views, records);
      }),
    newest: (name) =>
      withLog(async (log) => {
        const newest = new Map<string, Total | null>();
        const topic = { ...jsonTopic<Total>(name, 2), value: json<Total>() };
        const reader = await TopicReader.open(log, topic, { from: 'start' });
        for await (const records of reader.untilEnd())
          for (const { key, value } of records) newest.set(key, value);
        await reader.close();
        return newest;
      }),
  };
}
