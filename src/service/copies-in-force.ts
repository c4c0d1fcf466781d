/** What `millrace start` does about swaps: answers follow the record of what is in force, and replays in force go on. */
import { isDeepStrictEqual } from 'node:util';
import { ConfigurationError, type Gauge, type Logger, type Shutdown, systemClock } from '#platform';
import { type InForce, readInForce } from '#replays';
import type { Responder } from '#responders';
import type { Installation } from './installation.ts';
import { KeptReplays } from './kept-replays.ts';
import { rowsInForce } from './responder-options.ts';

/** Between two looks at what is in force, ms: a swap shows so long after it was written, and after the rows were read. */
const LOOK_MS = 500;

/** What a process has answered from since it read the records: by the live topology. */
type Shown = Readonly<Record<string, InForce['topics']>>;

/** What of this process has to do with swaps. */
type Followers = {
  /** What answers here; undefined where others answer. */
  readonly responder: Responder | undefined;
  /** Whether replays in force are run here, as where the live topologies are. */
  readonly keepsReplays: boolean;
};

/**
 * Follows swaps until `shutdown`: answers come from what is in force as soon as its rows are read, and until then from what
 * was before. Replays that are in force, or are kept to be swapped back to, are run here unless another process does.
 */
export class CopiesInForce {
  readonly #installation: Installation;
  readonly #responder: Responder | undefined;
  readonly #replays: KeptReplays | undefined;
  readonly #logger: Logger;
  readonly #gauge: Gauge<'of' | 'shadow'>;
  #shown: Shown;

  private constructor(installation: Installation, { responder, keepsReplays }: Followers, opened: Shown) {
    const { logger, metrics } = installation;
    this.#installation = installation;
    this.#responder = responder;
    this.#replays = keepsReplays ? new KeptReplays(installation) : undefined;
    this.#logger = logger;
    this.#shown = opened;
    const help = '1 for the copy of a topology that answers come from; shadow is empty for the live one.';
    this.#gauge = metrics.gauge('copy_in_force', help, ['of', 'shadow']);
  }

  /** `opened`: what was in force when the responder was opened. */
  static follow(
    installation: Installation,
    followers: Followers,
    opened: ReadonlyMap<string, InForce>,
    shutdown: Shutdown,
  ): void {
    const copies = new CopiesInForce(installation, followers, topicsOf(opened));
    copies.#count(new Map(), opened);
    const following = copies.#run(opened, shutdown.signal);
    shutdown.add('copies in force', async () => {
      await following;
      await copies.#replays?.stop();
    });
  }

  async #run(opened: ReadonlyMap<string, InForce>, signal: AbortSignal): Promise<void> {
    let before = opened;
    while (!signal.aborted) {
      try {
        const now = await readInForce(this.#installation.log);
        await this.#show(now);
        this.#count(before, now);
        before = now;
        await this.#replays?.keep(now, signal);
      } catch (err) {
        if (signal.aborted) return;
        this.#logger.error({ err }, 'what is in force can’t be followed; trying again');
      }
      await systemClock.sleep(LOOK_MS, signal);
    }
  }

  async #show(inForce: ReadonlyMap<string, InForce>): Promise<void> {
    if (this.#responder === undefined) return;
    const wanted = topicsOf(inForce);
    if (isDeepStrictEqual(wanted, this.#shown)) return;
    this.#logger.info({ inForce: [...inForce.values()] }, 'rows of another copy are read');
    await this.#responder.readFrom(await rowsInForce(this.#installation, inForce));
    this.#shown = wanted;
    this.#logger.info({ inForce: [...inForce.values()] }, 'answers come from another copy');
  }

  #count(before: ReadonlyMap<string, InForce>, now: ReadonlyMap<string, InForce>): void {
    for (const { of, shadow } of before.values()) this.#gauge.set({ of, shadow: shadow ?? '' }, 0);
    for (const { of, shadow } of now.values()) this.#gauge.set({ of, shadow: shadow ?? '' }, 1);
  }
}

function topicsOf(inForce: ReadonlyMap<string, InForce>): Shown {
  const shadows = [...inForce].filter(([, { shadow }]) => shadow !== null);
  return Object.fromEntries(shadows.map(([of, { topics }]) => [of, topics]));
}

/** For rows in Redis, which are those of the live copies. Errors: ConfigurationError MR_SWAP_REDIS. */
export async function requireNoCopyInForce(log: Installation['log']): Promise<void> {
  for (const { of, shadow } of (await readInForce(log)).values()) {
    if (shadow === null) continue;
    const what = `The replay ${shadow} of ${of} is in force, and Redis has the rows of the live copy alone.`;
    throw new ConfigurationError('MR_SWAP_REDIS', what, {
      hint: 'Set views to in-process, or swap back first: "millrace swap LIVE --back".',
    });
  }
}
