/**
 * features: what is known of a user and of an item at a time, declared once for the live view, for training rows and
 * for replay. It promises that a view's state is a function of the set of events alone, byte for byte (commutative
 * aggregations over exact state in a canonical encoding), that `finish(state, now)` is the only way from a state to a
 * feature row, and that a row as of t knows the events strictly before t and no other. It does no input or output and
 * reads no clock: reading events, keeping rows and deciding what is late is left to processors and the engine.
 */
export { type AsOfRow, type AsOfRows, asOfRows } from './as-of.ts';
export { type ItemInteraction, interactionWeight, isPositive, isSeen } from './interest.ts';
export type { Entity, FeatureView } from './view.ts';
export { type ItemState, itemFeaturesView } from './views/item-features.ts';
export { seenItems, type UserState, userFeaturesView } from './views/user-features.ts';
export { worldNow } from './world-clock.ts';
