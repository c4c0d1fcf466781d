/**
 * What traces cost the processors: the events of a world through the loop, on one core, without traces, and with one event
 * in a hundred traced to a collector on another. In turn, so that the ratio holds on a machine that others use.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { percentile, printFigure } from './figure.ts';
import { onOneCore, writeWorld } from './world-log.ts';

const EVENTS = 100_000;
const ROUNDS = 5;
const TRACED = 0.01;

export async function run(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const collector = fork(join(import.meta.dirname, 'tracing', 'collector.ts'));
  try {
    const [url] = (await once(collector, 'message')) as [string];
    const log = join(directory, 'log');
    await writeWorld(log, EVENTS, { traced: TRACED });
    const processed = (...to: readonly string[]) => {
      const copy = join(directory, 'copy');
      cpSync(log, copy, { recursive: true });
      const { cpuSeconds } = onOneCore(join(import.meta.dirname, 'loop', 'processing.ts'), copy, ...to);
      rmSync(copy, { recursive: true });
      return cpuSeconds;
    };
    const rounds = Array.from({ length: ROUNDS }, (_, round) => {
      if (round % 2 === 0) return { off: processed(), on: processed(url) };
      const on = processed(url);
      return { off: processed(), on };
    });
    const cpuSeconds = percentile(
      rounds.map((round) => round.off),
      0.5,
    );
    const ratio = percentile(
      rounds.map((round) => round.on / round.off),
      0.5,
    );
    printFigure({
      bench: 'tracing',
      case: 'no collector',
      metric: 'events_per_cpu_second',
      value: EVENTS / cpuSeconds,
      unit: 'events/cpu-s',
    });
    printFigure({ bench: 'tracing', case: '1% traced', metric: 'ratio', value: ratio, unit: '', aim: 1.02 });
  } finally {
    collector.disconnect();
    rmSync(directory, { recursive: true });
  }
}
