/**
 * The thread that computes vectors of users, which blocks whoever does it. It ends by itself when told to stop;
 * terminating it during a run would abort the process.
 */
import { loadModelModules, servingOf, type UserInput, type VersionContents } from '#models';
import { invariant, serveThread } from '#platform';

/** `model` as the manifest of its version names it; `files` those that its encoder reads. */
export type InferenceThreadData = {
  readonly model: string;
  readonly files: VersionContents;
  /** What the process has loaded of modelModules; none by default. */
  readonly modules?: readonly string[];
};

export type InferenceAnswers = {
  /** The users' vectors, one after the other. */
  encode(inputs: readonly UserInput[]): Promise<Float32Array>;
};

export type InferenceReady = { readonly dimension: number };

await serveThread<InferenceThreadData, InferenceAnswers, InferenceReady>(
  async ({ model, files, modules }) => {
    await loadModelModules(modules ?? []);
    const serving = servingOf(model);
    invariant(serving?.kind === 'vectors', `${model} computes vectors of users`);
    const encoder = await serving.encoder(files);
    return {
      answers: { encode: (inputs) => encoder.encode(inputs) },
      ready: { dimension: encoder.dim },
      close: () => encoder.close(),
    };
  },
);
