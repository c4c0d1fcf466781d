/**
 * The domain's stateful steps, one a file: admission of events, the two feature views with the examples that they
 * give rise to, and the decisions over versions. Each says what it reads, keeps and emits, and nothing of where its
 * records come from: wiring is the topologies' business, recovery and exactness the engine's.
 */
export { type AdmissionOptions, admission } from './admission.ts';
export { itemFeatures } from './item-features.ts';
export { userFeatures } from './user-features.ts';
export { invalidReason } from './validity.ts';
export { type GateOptions, versions } from './versions.ts';
