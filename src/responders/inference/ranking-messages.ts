/** What passes between a responder and the thread that runs a model from outside. */
import type { ExternalManifest, FeatureValues } from '#models';
import type { ThreadError } from './messages.ts';

export type RankingThreadData = { readonly graph: Uint8Array; readonly manifest: ExternalManifest };

export type ToRanking =
  | { readonly kind: 'score'; readonly rows: readonly FeatureValues[] }
  /** Ends the thread once what was asked before is answered. */
  | { readonly kind: 'stop' };

/** Exactly one 'ready' or 'failed' at the start, then one 'scores' or 'failed' for each 'score', in order. */
export type FromRanking =
  | { readonly kind: 'ready' }
  | { readonly kind: 'scores'; readonly scores: Float64Array }
  | { readonly kind: 'failed'; readonly error: ThreadError };
