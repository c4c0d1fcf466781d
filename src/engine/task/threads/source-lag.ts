import type { Log } from '#log';
import type { StreamsRuntime } from '../runtime.ts';

/** Records of each source topic that are readable and that the running tasks have not taken yet. */
export async function sourceLag(
  log: Log,
  { tasks }: Pick<StreamsRuntime, 'tasks'>,
): Promise<Record<string, number>> {
  const lag: Record<string, number> = {};
  const names = new Set(tasks.flatMap(({ input }) => input.partitions.map(({ node }) => node.topic.name)));
  const descriptions = await log.describeTopics([...names]);
  const stable = new Map(descriptions.map(({ name, offsets }) => [name, offsets.map((each) => each.stable)]));
  for (const { input, partition } of tasks) {
    for (const { node, position } of input.partitions) {
      const end = stable.get(node.topic.name)?.[partition] ?? 0;
      lag[node.topic.name] = (lag[node.topic.name] ?? 0) + Math.max(0, end - position);
    }
  }
  return lag;
}
