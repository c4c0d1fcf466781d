import {
  type Clock,
  freeBytes,
  type Logger,
  type Metrics,
  type MillraceError,
  RetryableError,
} from '#platform';

export type IntakeOptions = {
  /** Directory on the disk that takes the events; undefined if the log is elsewhere. */
  readonly directory: string | undefined;
  /** Bytes of that disk that events leave free; 0 for none. */
  readonly reserveBytes: number;
  /** Events on the log that wait for admission, above which no more are taken; 0 for any number. */
  readonly maxLag: number;
  readonly lag: () => number;
  /** Whether the simulated world is being written: its events are of the past, and late behind any of now. */
  readonly isMakingWorld: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

const LOOK_EVERY_MS = 500;

/** Says when events from outside have to wait, so that those which were taken can be processed. */
export class Intake {
  readonly #options: IntakeOptions;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #free = Number.POSITIVE_INFINITY;
  #isLow = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#lowDisk();
  }

  /** Why no events are taken; undefined when they are. Looks at the disk twice a second at most. */
  refusal(): MillraceError | undefined {
    const { maxLag, lag, isMakingWorld } = this.#options;
    if (isMakingWorld()) return makingWorld();
    return this.#lowDisk() ?? (maxLag > 0 && lag() > maxLag ? lagging(lag(), maxLag) : undefined);
  }

  /** For the ready check of the disk: a lag is no reason to ask another one. */
  notReady(): string | undefined {
    const low = this.#lowDisk();
    return low && `has no space for events: ${low.message.slice(0, -1)}`;
  }

  #lowDisk(): MillraceError | undefined {
    const { directory, reserveBytes, logger } = this.#options;
    if (directory === undefined) return undefined;
    const free = this.#look();
    const isLow = free < reserveBytes;
    if (isLow !== this.#isLow) {
      this.#isLow = isLow;
      if (isLow)
        logger.error({ directory, free, reserveBytes }, 'the disk is nearly full; no events are accepted');
      else logger.info({ directory, free }, 'the disk has free space again');
    }
    return isLow ? lowDisk(directory, free, reserveBytes) : undefined;
  }

  #look(): number {
    const { directory = '', clock, metrics } = this.#options;
    const now = clock.monotonic();
    if (now - this.#lookedAtMs < LOOK_EVERY_MS) return this.#free;
    this.#lookedAtMs = now;
    this.#free = freeBytes(directory);
    metrics.gauge('disk_free_bytes', 'Bytes free on the disk of the data directory.').set(this.#free);
    return this.#free;
  }
}

function makingWorld(): RetryableError {
  return new RetryableError('MR_EVENTS_STARTING', 'The simulated world is being written.', {
    hint: 'Send them again in a moment with the same event_id.',
  });
}

function lowDisk(directory: string, free: number, reserve: number): RetryableError {
  const text = `The disk of ${directory} has ${megabytes(free)} MB free, and ${megabytes(reserve)} MB are reserved.`;
  return new RetryableError('MR_DISK_LOW', text, {
    hint: 'Free space on it, or lower disk.reserveMb; send the events again with the same event_id.',
  });
}

function lagging(lag: number, most: number): RetryableError {
  return new RetryableError('MR_EVENTS_LAG', `${lag} events await processing; the limit is ${most}.`, {
    hint: 'Send them again later with the same event_id, or raise gateway.maxLag.',
  });
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / 1_000_000);
}
