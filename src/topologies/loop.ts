import { avroSerde, type Topology, TopologyBuilder } from '#engine';
import type { SchemaRegistry } from '#engine/log';
import {
  type AdmissionOptions,
  admission,
  type GateOptions,
  itemFeatures,
  userFeatures,
  versions,
} from '#processors';
import { avroSchema, type ExampleRequest, type RecentEvents } from '#schemas';
import type { Topics } from './topics.ts';

export type LoopOptions = {
  readonly admission: AdmissionOptions & {
    /** How far out of order producers' events may be. */
    readonly latenessMs: number;
  };
  readonly gate: GateOptions;
};

/**
 * From events to features, examples and versions:
 *
 *   interactions -> admission -> interactions-accepted -> user-features -> (profile) -> examples-by-item
 *                                                      -> events-by-item -> item-features -> examples
 *   commands -> versions
 */
export async function loopTopology(
  topics: Topics,
  registry: SchemaRegistry,
  options: LoopOptions,
): Promise<Topology> {
  const internal = <T>(name: string, schema: Parameters<typeof avroSchema>[0]) =>
    avroSerde<T>(registry, `loop-1-${name}-value`, avroSchema(schema));
  const recentEvents = await internal<RecentEvents>('recent-events', 'RecentEvents');
  const requestValue = await internal<ExampleRequest>('example-request', 'ExampleRequest');
  const loop = new TopologyBuilder({ name: 'loop', generation: 1 });

  const interactions = loop.source(topics.interactions, {
    watermark: { outOfOrderMs: options.admission.latenessMs, futureMs: options.admission.futureMs },
    future: 'pass',
  });
  const { accepted } = loop.process('admission', admission(options.admission, recentEvents), {
    interactions,
  });
  accepted.to(topics['interactions-accepted'], { partitioning: 'same', heartbeat: true });

  const events = loop.source(topics['interactions-accepted'], { watermark: 'carried' });
  const profiles = loop.table(topics.users);
  const { requests } = loop.process('user-features', userFeatures(topics['user-features-1']), { events });
  const examplesByItem = requests
    .join('with-profile', profiles, (request, user) =>
      user === undefined ? request : { ...request, profile: user },
    )
    .keyBy('examples-by-item', ({ event }) => event.item_id ?? '', {
      value: requestValue,
      release: 'at-watermark',
    });
  const eventsByItem = events
    .filter(({ item_id }) => item_id !== null)
    .keyBy('events-by-item', ({ item_id }) => item_id ?? '', { value: topics.interactions.value });

  const { examples } = loop.process('item-features', itemFeatures(topics['item-features-1']), {
    events: eventsByItem,
    requests: examplesByItem,
  });
  examples.to(topics.examples, { heartbeat: true });

  const commands = loop.source(topics.commands);
  const decisions = loop.process('versions', versions(options.gate, topics.versions.value), { commands });
  decisions.versions.to(topics.versions);

  return loop.build();
}
