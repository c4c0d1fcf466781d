/**
 * What the long suite takes from Python: other frameworks, models that they have just exported, the S3 server and
 * schemathesis. Environments are kept in the user's cache, PyTorch with 5 GB, until what they require changes.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../servers/downloads.ts';
import { runToEnd } from '../servers/programs.ts';

const root = join(import.meta.dirname, '../..');
const FRAMEWORKS = ['models/external/testing', 'models/index/testing'];
const EXPORTERS = ['models/external/testing', 'models/text-encoder/testing'];

/** The variables by which tests find them, set in this process's environment where they are not set yet. */
export async function preparePython(): Promise<void> {
  await Promise.all([
    provide('MOTO_SERVER', () => environment('s3-server', ['tools/servers'], 'moto_server')),
    provide('SCHEMATHESIS', () => environment('schemathesis', ['tools/fuzz'], 'schemathesis')),
    provide('PYTHON', () => environment('frameworks', FRAMEWORKS, 'python')),
  ]);
  await provide('EXPORTED_MODELS', exportedModels);
}

/** Tests without what they want are skipped, and say so: a machine may not reach PyPI. */
async function provide(variable: string, make: () => Promise<string>): Promise<void> {
  if (process.env[variable] !== undefined) return;
  try {
    process.env[variable] = await make();
  } catch (error) {
    console.error(`no ${variable}: ${(error as Error).message}`);
  }
}

/** Returns the path of `program` in an environment with the packages of each folder's requirements.txt. */
async function environment(name: string, folders: readonly string[], program: string): Promise<string> {
  const requirements = folders.map((folder) => join(root, folder, 'requirements.txt'));
  const path = join(cacheFolder(), `python-${name}-${hashOf(requirements)}`);
  // Environments hold their own path, so they are made in place, and marked when they are whole.
  const mark = join(path, 'installed');
  if (!existsSync(mark)) {
    console.error(`fetching ${name} from PyPI into ${path}, once`);
    await rm(path, { recursive: true, force: true });
    await runToEnd('python3', ['-m', 'venv', path]);
    const wanted = requirements.flatMap((file) => ['-r', file]);
    await runToEnd(join(path, 'bin/pip'), ['install', '--quiet', '--no-cache-dir', ...wanted]);
    await mkdir(mark);
  }
  return join(path, 'bin', program);
}

async function exportedModels(): Promise<string> {
  const { PYTHON } = process.env;
  if (PYTHON === undefined) throw new Error('no frameworks that export models');
  const scripts = EXPORTERS.map((folder) => join(root, folder, 'make-fixtures.py'));
  const path = join(cacheFolder(), `exported-models-${hashOf(scripts)}`);
  if (!existsSync(path)) {
    const making = `${path}-making`;
    for (const script of scripts) await runToEnd(PYTHON, ['-W', 'ignore', script, making]);
    await rename(making, path);
  }
  return path;
}

function hashOf(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest('hex').slice(0, 12);
}
