import type { InferenceSession } from 'onnxruntime-node';
import { InputError } from '#platform';
import type { ExternalInput, ExternalManifest } from './manifest.ts';

type Metadata = InferenceSession['inputMetadata'][number];

/** Holds what the manifest says against what the graph declares. Errors: InputError MR_MODEL_SIGNATURE. */
export function checkSignature(
  { inputMetadata, outputMetadata }: Pick<InferenceSession, 'inputMetadata' | 'outputMetadata'>,
  { inputs, output }: ExternalManifest,
): void {
  const wanted = new Set(inputs.map(({ name }) => name));
  const unfilled = inputMetadata.find(({ name }) => !wanted.has(name));
  if (unfilled !== undefined)
    throw differs(`the graph requires an input ${unfilled.name}, which the manifest lacks`);
  for (const input of inputs) checkInput(input, inputMetadata);
  const declared = outputMetadata.find(({ name }) => name === output.name);
  if (declared === undefined) {
    const names = outputMetadata.map(({ name }) => name).join(', ');
    throw differs(`the manifest names output ${output.name}; the graph has ${names}`);
  }
  if (!declared.isTensor) throw differs(`the output ${output.name} is not a tensor: export without ZipMap`);
  if (declared.type !== output.type) {
    throw differs(`the output ${output.name} is ${declared.type}; the manifest says ${output.type}`);
  }
  const shape = output.columns === undefined ? ['rows'] : ['rows', output.columns];
  if (!fits(declared.shape, shape)) {
    throw differs(
      `the output ${output.name} is ${listed(declared.shape)}; the manifest says ${listed(shape)}`,
    );
  }
}

function checkInput({ name, type, features }: ExternalInput, declared: readonly Metadata[]): void {
  const metadata = declared.find((each) => each.name === name);
  if (metadata === undefined) {
    const names = declared.map((each) => each.name).join(', ');
    throw differs(`the manifest names input ${name}; the graph has ${names}`);
  }
  if (!metadata.isTensor || metadata.type !== type) {
    throw differs(
      `the input ${name} is ${metadata.isTensor ? metadata.type : 'not a tensor'}; the manifest says ${type}`,
    );
  }
  const shape = ['rows', features.length];
  const isColumn = features.length === 1 && metadata.shape.length === 1;
  if (!fits(metadata.shape, isColumn ? ['rows'] : shape)) {
    throw differs(
      `the input ${name} is ${listed(metadata.shape)}; the manifest has ${features.length} features for it`,
    );
  }
  if (typeof metadata.shape[0] === 'number' && metadata.shape[0] >= 0) {
    throw differs(
      `the input ${name} takes exactly ${metadata.shape[0]} rows: export it with a variable number`,
    );
  }
}

/** A dimension with a name, or without any, takes every number. */
function fits(declared: readonly (number | string)[], wanted: readonly (number | string)[]): boolean {
  // Exporters leave out the whole shape of some outputs; the probe finds what it is.
  if (declared.length === 0) return true;
  if (declared.length !== wanted.length) return false;
  return wanted.every((size, place) => {
    const is = declared[place];
    return typeof size === 'string' || typeof is === 'string' || is === size || Number(is) < 0;
  });
}

function listed(shape: readonly (number | string)[]): string {
  return `[${shape.join(', ')}]`;
}

function differs(problem: string): InputError {
  return new InputError('MR_MODEL_SIGNATURE', `The manifest does not match the graph: ${problem}.`, {
    hint: 'Correct inputs and output in model.json; docs/MODELS.md shows how exports of PyTorch and scikit-learn are described.',
  });
}
