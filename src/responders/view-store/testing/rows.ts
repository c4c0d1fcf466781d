/** Rows as the contract of view stores writes them, and what it looks for in a store. */
import assert from 'node:assert/strict';
import { type Topic, TopicWriter } from '#engine';
import { asOfRows, type FeatureView, type UserState, userFeaturesView } from '#features';
import type { Interaction, ItemFacts } from '#schemas';
import { interaction, type TestWorld } from '../../testing/world.ts';
import type { ViewStore } from '../port.ts';
import { type UserRows, userRows } from '../user-rows.ts';

export async function userOf(views: ViewStore, userId: string): Promise<UserRows> {
  const [rows] = await userRows(views, [userId]);
  return rows as UserRows;
}

/** What a store gives for a row of these events. */
export function liveState<State, Row>(view: FeatureView<State, Row>, events: readonly Interaction[]): State {
  const rows = asOfRows(view);
  return rows.live(events.reduce((row, event) => rows.insert(row, event), rows.empty()));
}

export function assertState({ state }: UserRows, events: readonly Interaction[]): void {
  assert.ok(state);
  const expected = liveState(userFeaturesView, events);
  assert.deepEqual(userFeaturesView.encode(state), userFeaturesView.encode(expected));
}

/** Two events, the same at each call. */
export function eventsOn(userId: string, itemId: string): Interaction[] {
  const event = { ...interaction(userId, itemId), item: facts('a') };
  return [1, 2].map((n) => ({ ...event, event_id: `e${n}`, ts: 1_700_000_000_000 + n }));
}

export function facts(category: string): ItemFacts {
  return { type: 'video', category, tags: [], duration_ms: null, difficulty: null, created: 0 };
}

export function seen({ state }: { readonly state: UserState | undefined }): readonly string[] {
  if (state === undefined) return [];
  return userFeaturesView.finish(state, Date.now()).recent_items;
}

export function user(userId: string, age: number) {
  return {
    user_id: userId,
    age,
    gender: 'unknown' as const,
    occupation: null,
    country: null,
    language: null,
    created: 0,
  };
}

export async function remove<V>(world: TestWorld, topic: Topic<string, V>, key: string): Promise<void> {
  const writer = await TopicWriter.open(world.log, topic);
  await writer.write([{ key, value: null, timestamp: 0 }]);
  await writer.close();
}
