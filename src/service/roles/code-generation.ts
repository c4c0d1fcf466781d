import { acceptedGenerations } from '#engine';
import type { Log } from '#log';
import { type Clock, inPasses, type Logger, type Metrics } from '#platform';
import { LOOP_GENERATION } from '#topologies';

const LOOK_MS = 10_000;

export type CodeGenerationOptions = {
  readonly log: Log;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly intervalMs?: number;
  /** Ends the looking. */
  readonly signal: AbortSignal;
};

/**
 * Whether the processors run another generation of the loop than this process has the code of. A process that does not
 * process goes on then, since releases are exchanged one process after another; it says so until it is exchanged itself.
 */
export class CodeGeneration {
  #others: number | undefined;
  /** Resolves when `signal` has aborted. */
  readonly ended: Promise<void>;

  constructor({ log, intervalMs = LOOK_MS, ...environment }: CodeGenerationOptions) {
    const { logger, metrics } = environment;
    const failures = metrics.counter(
      'code_generation_failures_total',
      'Failed looks at which generation of the loop the processors run.',
    );
    const message = 'which release the processors run is unknown; looking again';
    this.ended = inPasses({ ...environment, intervalMs, failures, message }, async () => {
      const newest = (await acceptedGenerations(log, 'loop')).at(-1);
      const others = newest === LOOP_GENERATION ? undefined : newest;
      if (others !== undefined && others !== this.#others)
        logger.warn({ own: LOOP_GENERATION, others }, differing(others));
      this.#others = others;
    });
  }

  /** Undefined where there is no difference. */
  get difference(): string | undefined {
    return this.#others === undefined ? undefined : differing(this.#others);
  }
}

function differing(others: number): string {
  const which = others > LOOP_GENERATION ? 'this process' : 'the processors';
  return `the processors run generation ${others} of the loop, and this process has the code of ${LOOP_GENERATION}: upgrade ${which}`;
}
