import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const python = process.env.PYTHON ?? 'python3';
const found = spawnSync(python, ['-c', 'import onnx'], { encoding: 'utf8' });
/** Why a test of the checker is skipped; false where it can run. */
export const skipWithoutChecker = found.status !== 0 && `${python} has no package onnx: pip install onnx`;

const CHECKER = `
import sys, onnx
for path in sys.argv[1:]:
    onnx.checker.check_model(path, full_check=True)
`;

/** Reads rows of float32 from standard input, writes the scores of ONNX's own implementation of the operators. */
const REFERENCE = `
import sys, numpy, onnx
from onnx.reference import ReferenceEvaluator
rows = numpy.frombuffer(sys.stdin.buffer.read(), dtype=numpy.float32).reshape(-1, int(sys.argv[1]))
[output] = ReferenceEvaluator(onnx.load(sys.argv[2])).run(None, {sys.argv[3]: rows})
sys.stdout.buffer.write(output.astype(numpy.float32).tobytes())
`;

/** Checks files by the ONNX specification, with the shape that each operation must have, and not only by the runtime. */
export function assertChecked(models: Readonly<Record<string, Uint8Array>>): Promise<void> {
  return withFiles(models, (paths) => {
    const { status, stderr } = spawnSync(python, ['-c', CHECKER, ...paths], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });
}

/** The only output of a model for rows [rows, width] of its only input, by ONNX's reference implementation. */
export function referenceOutput(
  model: Uint8Array,
  input: string,
  rows: Float32Array,
  width: number,
): Promise<Float32Array> {
  return withFiles({ model }, ([path]) => {
    const program = ['-c', REFERENCE, `${width}`, path as string, input];
    const { status, stdout, stderr } = spawnSync(python, program, { input: new Uint8Array(rows.buffer) });
    assert.equal(status, 0, stderr.toString());
    return new Float32Array(Uint8Array.from(stdout).buffer);
  });
}

async function withFiles<T>(
  models: Readonly<Record<string, Uint8Array>>,
  use: (paths: readonly string[]) => T,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-onnx-'));
  try {
    const paths: string[] = [];
    for (const [name, bytes] of Object.entries(models)) {
      paths.push(join(directory, `${name}.onnx`));
      await writeFile(paths.at(-1) as string, bytes);
    }
    return use(paths);
  } finally {
    await rm(directory, { recursive: true });
  }
}
