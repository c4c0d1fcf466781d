/** What manifests of models from outside are read with: each says what is wrong, and where. */
import { InputError } from '#platform';

export const EXTERNAL_MANIFEST_NAME = 'model.json';

export type Fields = Readonly<Record<string, unknown>>;

/** The fields of a manifest of format 1. Errors: InputError MR_MODEL_MANIFEST. */
export function parseFields(bytes: Uint8Array): Fields {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString());
  } catch (cause) {
    throw wrong('it is not JSON', cause);
  }
  const fields = objectOf(parsed, 'it');
  if (fields.format !== 1) throw wrong(`format is ${shown(fields.format)}; this build reads 1`);
  return fields;
}

/** What every model from outside says of itself. */
export type CommonFields = {
  readonly format: 1;
  readonly name: string;
  /** The graph's file, beside the manifest, and what it must hash to. */
  readonly graph: string;
  readonly sha256: string;
  /** As measured where it was trained, and how. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly protocol: string;
};

export const COMMON_FIELDS = ['format', 'role', 'name', 'graph', 'sha256', 'metrics', 'protocol'] as const;

/** Errors: InputError MR_MODEL_MANIFEST, which says what is wrong and where. */
export function commonFields(manifest: Fields): CommonFields {
  return {
    format: 1,
    name: textOf(manifest.name, 'name'),
    graph: textOf(manifest.graph, 'graph'),
    sha256: textOf(manifest.sha256, 'sha256'),
    metrics: numbersOf(manifest.metrics ?? {}, 'metrics', Number.isFinite),
    protocol: manifest.protocol === undefined ? '' : textOf(manifest.protocol, 'protocol'),
  };
}

function objectOf(value: unknown, at: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(`${at} is not a JSON object`);
  return value as Fields;
}

export function fieldsOf(value: unknown, at: string, known: readonly string[]): Fields {
  const fields = objectOf(value, at);
  const unknown = Object.keys(fields).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw wrong(`${at} has an unknown field ${shown(unknown)}; known: ${known.join(', ')}`);
  return fields;
}

export function listOf(value: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(`${at} is ${shown(value)}, not a list`);
  return value;
}

export function textOf(value: unknown, at: string): string {
  if (typeof value !== 'string' || value === '') throw wrong(`${at} is ${shown(value)}, not a string`);
  return value;
}

export function numbersOf(
  value: unknown,
  at: string,
  isRight: (value: number) => boolean,
): Readonly<Record<string, number>> {
  for (const [name, each] of Object.entries(objectOf(value, at))) {
    if (typeof each !== 'number' || !isRight(each)) throw wrong(`${at}.${name} is ${shown(each)}`);
  }
  return value as Readonly<Record<string, number>>;
}

export function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value);
}

export function wrong(problem: string, cause?: unknown): InputError {
  return new InputError('MR_MODEL_MANIFEST', `${EXTERNAL_MANIFEST_NAME} can't be used: ${problem}.`, {
    hint: 'Write it as docs/MODELS.md describes.',
    ...(cause !== undefined && { cause }),
  });
}
