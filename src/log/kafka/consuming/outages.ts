import type { Cluster } from '../wire/cluster.ts';

/** Tells the operator once when something can't be read any more, and once when it can again. */
export class Outages {
  readonly #cluster: Cluster;
  readonly #since = new Map<string, number>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  began(what: string, error: unknown): void {
    if (this.#since.has(what)) return;
    const { clock, logger } = this.#cluster;
    this.#since.set(what, clock.monotonic());
    logger?.warn({ err: error }, `${what} can't be read; retrying until it can`);
  }

  ended(what: string): void {
    if (this.#since.size === 0) return;
    const since = this.#since.get(what);
    if (since === undefined) return;
    this.#since.delete(what);
    const { clock, logger } = this.#cluster;
    logger?.info({ outageMs: Math.round(clock.monotonic() - since) }, `${what} can be read again`);
  }
}
