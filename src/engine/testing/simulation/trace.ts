import { createHash } from 'node:crypto';
import type { Logger } from '#platform';
import type { Scheduler } from './scheduler.ts';

const KEPT = 4_000;

/** Trace of a run for debugging failures, and a hash to compare runs by. */
export class Trace {
  readonly #scheduler: Scheduler;
  readonly #lines: string[] = [];
  readonly #hash = createHash('sha256');

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  note(line: string): void {
    const timed = `${(this.#scheduler.now / 1000).toFixed(3).padStart(9)} s  ${line}`;
    this.#hash.update(timed);
    this.#lines.push(timed);
    if (this.#lines.length > KEPT) this.#lines.shift();
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  digest(): string {
    return this.#hash.copy().update(String(this.#scheduler.fired)).digest('hex');
  }

  /** A logger whose lines are notes. */
  logger(name: string): Logger {
    const write = (fields: object | string, message?: string) => {
      const err = typeof fields === 'object' && 'err' in fields ? ` (${String(fields.err)})` : '';
      this.note(`${name} says: ${typeof fields === 'string' ? fields : (message ?? '')}${err}`);
    };
    return { debug: () => {}, info: () => {}, warn: write, error: write, child: () => this.logger(name) };
  }
}
