import { existsSync } from 'node:fs';
import type { InferenceSession, Tensor as OnnxTensor } from 'onnxruntime-node';
import { FatalError, InputError } from '#platform';
import { onnxruntime } from './onnxruntime.ts';

export type Provider = 'cpu' | 'webgpu' | 'cuda';
/** Floats, ids, or a mask of 0 and 1 for a bool input. */
export type Feed = {
  readonly data: Float32Array | BigInt64Array | Uint8Array;
  readonly shape: readonly number[];
};
export type Outputs = Readonly<Record<string, Float32Array>>;

export type SessionOptions = {
  /** 'auto' takes the first of cuda, webgpu and cpu that starts. */
  readonly provider?: Provider | 'auto';
};

/**
 * A loaded ONNX graph. `run` computes on the thread that calls it and blocks it: keep sessions in worker threads
 * wherever anything else has to go on, and let a worker finish its run before it ends.
 */
export class Session {
  readonly provider: Provider;
  /** Why the provider is not the requested one, or not that of a device which is there; undefined if it is. */
  readonly fallbackReason: string | undefined;
  readonly #session: InferenceSession;

  private constructor(session: InferenceSession, provider: Provider, fallbackReason: string | undefined) {
    this.#session = session;
    this.provider = provider;
    this.fallbackReason = fallbackReason;
  }

  /**
   * From the bytes of an ONNX file. A provider that fails to start is replaced by the next one, the CPU in the end, and the
   * reason kept if it was requested by name or its device is there, which `isThere` tells of paths.
   */
  static async create(
    model: Uint8Array,
    options: SessionOptions = {},
    isThere = existsSync,
  ): Promise<Session> {
    const { provider = 'cpu' } = options;
    let fallbackReason: string | undefined;
    for (const candidate of provider === 'auto' ? likelyProviders(isThere) : [provider]) {
      if (candidate === 'cpu') break;
      try {
        return new Session(await openGraph(model, { provider: candidate }), candidate, fallbackReason);
      } catch (error) {
        if (provider !== 'auto' || isThere(DEVICES[candidate]))
          fallbackReason ??= `${candidate}: ${(error as Error).message}`;
      }
    }
    try {
      return new Session(await openGraph(model), 'cpu', fallbackReason);
    } catch (error) {
      throw new FatalError(
        'MR_MODEL_UNREADABLE',
        `onnxruntime rejects the graph: ${(error as Error).message}`,
        {
          hint: 'The file is damaged, or is not an ONNX model of opset 17 or lower.',
          cause: error,
        },
      );
    }
  }

  get inputs(): readonly string[] {
    return this.#session.inputNames;
  }

  get outputs(): readonly string[] {
    return this.#session.outputNames;
  }

  /** The declared shape of an input or output; MR_MODEL_UNREADABLE when the graph has none of that name. */
  shapeOf(name: string): readonly (number | string)[] {
    const { inputMetadata, outputMetadata } = this.#session;
    const found = [...inputMetadata, ...outputMetadata].find((value) => value.name === name);
    if (found?.isTensor) return found.shape;
    throw new FatalError('MR_MODEL_UNREADABLE', `the graph has no ${name}`, {
      hint: `It has the inputs ${this.inputs.join(', ')} and the outputs ${this.outputs.join(', ')}.`,
    });
  }

  /** Float outputs by name. Inputs that are missing or of the wrong shape fail with MR_MODEL_INPUT. */
  async run(feeds: Readonly<Record<string, Feed>>): Promise<Outputs> {
    const { Tensor } = onnxruntime();
    const inputs: Record<string, OnnxTensor> = {};
    for (const [name, { data, shape }] of Object.entries(feeds)) {
      inputs[name] = data instanceof Uint8Array ? new Tensor('bool', data, shape) : new Tensor(data, shape);
    }
    try {
      const results = await this.#session.run(inputs);
      return Object.fromEntries(this.outputs.map((name) => [name, results[name]?.data as Float32Array]));
    } catch (error) {
      throw new InputError('MR_MODEL_INPUT', `the graph could not be run: ${(error as Error).message}`, {
        hint: `It requires the inputs ${this.inputs.join(', ')}.`,
        cause: error,
      });
    }
  }

  /** Frees the native session; a run afterwards fails. */
  async close(): Promise<void> {
    await this.#session.release();
  }
}

/** What Linux has where a processor of the kind is. */
const DEVICES = { cuda: '/dev/nvidiactl', webgpu: '/dev/dri' } as const;

/** Those of other processors than the CPU that may start here: without a graphics device WebGPU writes to standard error why it does not. */
function likelyProviders(isThere: typeof existsSync): Provider[] {
  const hasGraphics = process.platform !== 'linux' || isThere(DEVICES.webgpu);
  return hasGraphics ? ['cuda', 'webgpu'] : ['cuda'];
}

/** Weights that lie outside of the graph, under the path that it has for them. */
export type ExternalData = { readonly path: string; readonly data: Uint8Array };

/** A graph of our own or of somebody else's, from the bytes of its ONNX file. Errors: what onnxruntime throws. */
export function openGraph(
  model: Uint8Array,
  { provider = 'cpu', weights = [] }: { provider?: Provider; weights?: readonly ExternalData[] } = {},
): Promise<InferenceSession> {
  return onnxruntime().InferenceSession.create(model, {
    executionProviders: [provider],
    externalData: weights,
    // Several threads inside of one operation need not give the same bytes on each run.
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
  });
}

/** Ids as ONNX wants them. Writes the 32-bit halves directly, which is ten times faster than BigInt by BigInt. */
export function toInt64(ids: Int32Array): BigInt64Array {
  const wide = new BigInt64Array(ids.length);
  const halves = new Int32Array(wide.buffer);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    halves[2 * i] = id;
    halves[2 * i + 1] = id >> 31;
  }
  return wide;
}
