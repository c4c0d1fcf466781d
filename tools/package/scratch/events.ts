import { TopologyBuilder } from 'millrace/engine';
import { json } from 'millrace/engine/testing';
import type { TopologyContext } from 'millrace/topologies';

export default async ({ topics }: TopologyContext) => {
  const { 'interactions-accepted': accepted } = await topics();
  const builder = new TopologyBuilder({ name: 'events-of-users', generation: 1 });
  builder.source(accepted).count('events', { value: json<number>() });
  return builder.build();
};
