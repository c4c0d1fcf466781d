/** The topology that the examples about running, queries and verification share. */
import { type Topology, TopologyBuilder, tumbling } from '#engine';
import { json, jsonTopic } from '#engine/testing';
import type { View } from './setting.ts';

export const wideViews = jsonTopic<View>('wide-views', 4);
export const wideTotals = jsonTopic<number>('wide-totals', 4);

// example: watching
export function watching(): Topology {
  const builder = new TopologyBuilder({ name: 'watching', generation: 1 });
  const views = builder.source(wideViews);
  views
    .aggregate('total', {
      initial: () => 0,
      add: (sum, { value }) => sum + value.seconds,
      value: json<number>(),
    })
    .to(wideTotals);
  views
    .windowed(tumbling({ sizeMs: 60_000, graceMs: 10_000 }))
    .count('by-minute', { value: json<number>(), retentionMs: 24 * 3_600_000 });
  return builder.build();
}
// end
