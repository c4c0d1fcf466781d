import { FencedWriter, type Log, type ProducerRecord } from '#log';
import { Backoff, type Clock, errorCode, RetryableError } from '#platform';
import type { VaultView } from './vault-view.ts';

/** Every writer of the vault, in whatever process, writes under this id: of two at once one is fenced. */
const TRANSACTIONAL_ID = 'vault';
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 500;

export type VaultWriterOptions = {
  readonly log: Log;
  readonly topic: string;
  readonly view: VaultView;
  readonly clock: Clock;
  readonly patienceMs: number;
  /** Resolves with the end of the topic when the view has all that was readable at the call. */
  readonly catchUp: () => Promise<number>;
  readonly signal: AbortSignal;
};

/** What became durable, and the offsets that it is known to be between: nobody else wrote there. */
export type Written = { readonly baseOffset: number; readonly from: number; readonly next: number };

/**
 * Changes of the vault, one after another over all processes: whoever writes has fenced every other writer and then read
 * the topic to its end, so that a change is decided upon all that was before it. As long as nobody else takes over, the
 * next change costs one transaction and no reading.
 */
export class VaultWriter {
  readonly #options: VaultWriterOptions;
  #writer: FencedWriter | undefined;
  /** Up to here the view has everything, while the writer is not fenced. */
  #end = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: VaultWriterOptions) {
    this.#options = options;
  }

  /**
   * Writes what `decide` makes of the view as it then is; it may be called several times, until what it decided on counts.
   * `applied` puts it into the view. Errors: RetryableError MR_PRIVACY_VAULT_BUSY; those of `decide`.
   */
  change(decide: () => readonly ProducerRecord[], applied: (written: Written) => void): Promise<void> {
    const changing = this.#last.then(() => this.#attempts(decide, applied));
    this.#last = changing.catch(() => {});
    return changing;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#drop();
  }

  async #attempts(
    decide: () => readonly ProducerRecord[],
    applied: (written: Written) => void,
  ): Promise<void> {
    const { clock, patienceMs, signal } = this.#options;
    const backoff = new Backoff(clock, {
      firstMs: FIRST_PAUSE_MS,
      longestMs: LONGEST_PAUSE_MS,
      random: Math.random,
    });
    const until = clock.monotonic() + patienceMs;
    for (;;) {
      try {
        return await this.#attempt(decide, applied);
      } catch (error) {
        await this.#drop();
        const isFenced = errorCode(error) === 'MR_LOG_FENCED';
        if (!isFenced && !(error instanceof RetryableError)) throw error;
        if (signal.aborted || clock.monotonic() > until) throw busy(error);
        await backoff.wait(signal);
      }
    }
  }

  async #attempt(
    decide: () => readonly ProducerRecord[],
    applied: (written: Written) => void,
  ): Promise<void> {
    const { log, topic, catchUp } = this.#options;
    if (this.#writer === undefined) {
      [this.#writer, this.#end] = await FencedWriter.openAndRead(log, TRANSACTIONAL_ID, catchUp);
    } else if (this.#options.view.position < this.#end) {
      // Another process of the directory has begun the view again.
      this.#end = await catchUp();
    }
    const records = decide();
    if (records.length === 0) return;
    const [appended] = await this.#writer.write({ appends: [{ topic, partition: 0, records }] });
    const { baseOffset = 0, nextOffset = 0 } = appended ?? {};
    const from = this.#end;
    this.#end = nextOffset;
    applied({ baseOffset, from, next: nextOffset });
  }

  async #drop(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.close().catch(() => {});
  }
}

function busy(cause: unknown): RetryableError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new RetryableError(
    'MR_PRIVACY_VAULT_BUSY',
    `The vault on the log can't be written just now: ${why}`,
    {
      hint: 'Retry; users who are known are served meanwhile.',
      cause,
    },
  );
}
