import { type DeadLetter, shadowOf, type Topic, type Topology } from '#engine';
import type { Bounds } from './bounded-log.ts';

/** How a topology runs beside itself: see shadowOf and boundedLog. */
export type ShadowRun = {
  readonly name: string;
  readonly withArrival: boolean;
} & Pick<Bounds, 'ends' | 'share'>;

export function shadowTopology(live: Topology, { name, withArrival }: ShadowRun): Topology {
  return shadowOf(live, { name, withArrival }).topology;
}

/** A record that fails again must not be reported again as one that has failed. */
export function shadowDeadLetters(
  { name, generation }: Topology,
  topic: Topic<string, DeadLetter>,
): Topic<string, DeadLetter> {
  return { ...topic, name: `${name}-${generation}-dead-letters` };
}
