/** What a test does with the code as it stands: whether it passes, in which time, and what it runs. Kept by content. */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Coverage, readCoverage } from './coverage.ts';
import type { ImportGraph } from './import-graph.ts';
import { runTest } from './test-process.ts';

export type Baseline = {
  /** Absent: it failed, or took longer than allowed, and proves nothing. */
  readonly ms?: number;
  readonly coverage: Coverage;
};

export class Baselines {
  readonly #root: string;
  readonly #graph: ImportGraph;
  readonly #limitMs: number;
  readonly #signal: AbortSignal;
  readonly #known = new Map<string, Promise<Baseline>>();

  constructor(root: string, graph: ImportGraph, limitMs: number, signal: AbortSignal) {
    this.#root = root;
    this.#graph = graph;
    this.#limitMs = limitMs;
    this.#signal = signal;
  }

  of(test: string): Promise<Baseline> {
    const known = this.#known.get(test) ?? this.#find(test);
    this.#known.set(test, known);
    return known;
  }

  async #find(test: string): Promise<Baseline> {
    const cache = join(this.#root, 'node_modules/.cache/mutate');
    // Servers change what a test does.
    const servers = process.env.MILLRACE_SERVERS === '1' ? '-servers' : '';
    const file = join(cache, `${this.#graph.contentHash(test)}-${process.version}${servers}.json`);
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as Baseline;
    } catch {
      // Not run yet.
    }
    const baseline = await this.#run(test);
    // A failure may have its cause outside of the files.
    if (baseline.ms !== undefined) {
      mkdirSync(cache, { recursive: true });
      writeFileSync(`${file}.${process.pid}`, JSON.stringify(baseline));
      renameSync(`${file}.${process.pid}`, file);
    }
    return baseline;
  }

  async #run(test: string): Promise<Baseline> {
    const folder = mkdtempSync(join(tmpdir(), 'mc-'));
    try {
      const { outcome, ms } = await runTest(test, {
        root: this.#root,
        limitMs: this.#limitMs,
        signal: this.#signal,
        // Functions from the compile cache are covered less precisely.
        environment: { NODE_V8_COVERAGE: folder, NODE_COMPILE_CACHE: undefined },
      });
      const coverage = outcome === 'passed' ? readCoverage(folder, this.#root) : {};
      return outcome === 'passed' ? { ms, coverage } : { coverage };
    } finally {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}
