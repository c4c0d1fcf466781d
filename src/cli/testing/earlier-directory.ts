import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import { type CommandLine, commandLine } from './command-line.ts';

/** See earlier-data/README.md. */
const earlierData = join(import.meta.dirname, 'earlier-data/generation-4.tar.br');

/** A working directory with the data of an earlier release. */
export function earlierDirectory(t: TestContext, configuration: object): CommandLine {
  const line = commandLine(t, configuration);
  const data = join(line.directory, '.millrace');
  mkdirSync(data);
  const tar = brotliDecompressSync(readFileSync(earlierData));
  assert.equal(spawnSync('tar', ['-xf', '-', '-C', data], { input: tar }).status, 0);
  return line;
}

/** The environment of processes that load modules of this folder before all others. */
export function preloaded(...modules: readonly string[]): Readonly<Record<string, string>> {
  const urls = modules.map((name) => pathToFileURL(join(import.meta.dirname, name)));
  return { NODE_OPTIONS: urls.map((url) => `--import ${url}`).join(' ') };
}
