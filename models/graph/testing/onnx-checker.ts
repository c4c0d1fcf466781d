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

/** Checks files by the ONNX specification, with the shape that each operation must have, and not only by the runtime. */
export async function assertChecked(models: Readonly<Record<string, Uint8Array>>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-onnx-'));
  try {
    const paths: string[] = [];
    for (const [name, bytes] of Object.entries(models)) {
      paths.push(join(directory, `${name}.onnx`));
      await writeFile(paths.at(-1) as string, bytes);
    }
    const { status, stderr } = spawnSync(python, ['-c', CHECKER, ...paths], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  } finally {
    await rm(directory, { recursive: true });
  }
}
