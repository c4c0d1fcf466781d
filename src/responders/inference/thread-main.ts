/**
 * The thread that runs a user tower: onnxruntime blocks whoever calls it. It ends by itself when told to stop;
 * terminating it during a run would abort the process.
 */
import { SequentialEncoder, UserEncoder } from '#models';
import { serveThread } from '#platform';

/** `model` as the manifest of its version names it; `tower` the bytes of its ONNX file. */
export type InferenceThreadData = { readonly model: string; readonly tower: Uint8Array };

/** One user as the model wants it; see UserEncoder. */
export type UserInput = {
  readonly user: number;
  readonly history: readonly number[];
  readonly profile: readonly number[];
  readonly context: readonly number[];
};

export type InferenceAnswers = {
  /** The users' vectors, one after the other. */
  encode(inputs: readonly UserInput[]): Promise<Float32Array>;
};

export type InferenceReady = { readonly dimension: number };

/** The sequential model knows histories alone, the two-tower users and their profiles too. */
async function load({ model, tower }: InferenceThreadData) {
  if (model === 'sequential') {
    const encoder = await SequentialEncoder.load(tower);
    const encode: InferenceAnswers['encode'] = (inputs) =>
      encoder.encode(inputs.map(({ history }) => history));
    return { encoder, encode };
  }
  const encoder = await UserEncoder.load(tower);
  const encode: InferenceAnswers['encode'] = (inputs) =>
    encoder.encode({
      users: Int32Array.from(inputs, ({ user }) => user),
      histories: inputs.map(({ history }) => history),
      profile: Int32Array.from(inputs.flatMap(({ profile }) => profile)),
      context: Int32Array.from(inputs.flatMap(({ context }) => context)),
    });
  return { encoder, encode };
}

await serveThread<InferenceThreadData, InferenceAnswers, InferenceReady>(async (data) => {
  const { encoder, encode } = await load(data);
  return { answers: { encode }, ready: { dimension: encoder.dim }, close: () => encoder.close() };
});
