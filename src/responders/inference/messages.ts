/** What passes between a responder and the thread that computes user vectors. */
import type { UserInput, VersionContents } from '#models';

/** `model` as the manifest of its version names it; `files` those that its encoder reads. */
export type InferenceThreadData = { readonly model: string; readonly files: VersionContents };

export type ToThread =
  | { readonly kind: 'encode'; readonly inputs: readonly UserInput[] }
  /** Ends the thread once what was asked before is answered. */
  | { readonly kind: 'stop' };

export type ThreadError = { readonly code: string; readonly message: string };

/** Exactly one 'ready' or 'failed' at the start, then one 'vectors' or 'failed' for each 'encode', in order. */
export type FromThread =
  | { readonly kind: 'ready'; readonly dimension: number }
  | { readonly kind: 'vectors'; readonly vectors: Float32Array }
  | { readonly kind: 'failed'; readonly error: ThreadError };
