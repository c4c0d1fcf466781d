/** What passes between a responder and the thread that computes user vectors. */

/** One user as the model wants it; see UserEncoder. */
export type UserInput = {
  readonly user: number;
  readonly history: readonly number[];
  readonly profile: readonly number[];
  readonly context: readonly number[];
};

/** `model` as the manifest of its version names it; `tower` the bytes of its ONNX file. */
export type InferenceThreadData = { readonly model: string; readonly tower: Uint8Array };

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
