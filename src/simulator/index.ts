/**
 * Where events come from when no users are at hand: a seeded world of agents and a catalogue.
 *
 * It promises that a seed gives the same world and the same events, in order of event time and in memory that does
 * not grow with them; that live agents react to the answers they get by the same tastes; and that a failing
 * responder or log never ends them. It hands out typed objects: encoding, topics and HTTP are the caller's.
 */

export { worldEvents } from './events.ts';
export { LiveAgents, type LiveOptions } from './live.ts';
export type { LiveCounts } from './live-tally.ts';
export { Oracle } from './oracle.ts';
export { createWorld, type World, type WorldOptions } from './world.ts';
