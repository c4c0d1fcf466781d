/** The secrets of a process that serves: read again on SIGHUP, and handed to those who use them. */
import type { ConfiguredSecrets } from '#access';
import type { Logger, Metrics, Shutdown } from '#platform';
import type { ConfigurationSources } from '#platform/configuration';
import { type Configuration, configuredSecrets, rereadSecrets } from './configuration.ts';

type Renewal = {
  readonly sources: ConfigurationSources;
  readonly shutdown: Shutdown;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

/** The values as the process uses them now, by option. */
type Values = Readonly<Record<string, unknown>>;

export class RunningSecrets implements ConfiguredSecrets {
  #values: Values;
  readonly #listeners: ((secrets: ConfiguredSecrets) => void)[] = [];

  constructor(configuration: Configuration) {
    this.#values = configuredSecrets(configuration);
  }

  get adminToken(): string | undefined {
    return this.#text('admin.token');
  }

  get peerSecret(): string | undefined {
    return this.#text('http.peerSecret') ?? this.adminToken;
  }

  /** Receiver of notifications; its URL is '' if none is configured. */
  get receiver(): { readonly url: string; readonly secret: string | undefined } {
    return { url: this.#text('notifications.url') ?? '', secret: this.#text('notifications.secret') };
  }

  /** Called when any has changed. */
  onRenewal(listener: (secrets: ConfiguredSecrets) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Rereads the secrets on each SIGHUP until `shutdown`. A secret stays as it was if it cannot be read or is invalid, if it
   * was newly set or unset, or if its user cannot change it at run time. Each outcome is logged, by option. On a terminal,
   * SIGHUP means that the terminal closed: the process then ends as usual.
   */
  renewOnHangup({ sources, shutdown, logger, metrics }: Renewal): void {
    if (process.stdin.isTTY) return;
    const help =
      'Secrets read again on SIGHUP that were others than before or could not be read, by outcome.';
    const outcomes = metrics.counter('secret_renewals_total', help, ['outcome']);
    let renewing = Promise.resolve();
    const renew = async () => {
      try {
        for (const [outcome, { path, error }] of await this.#renewed(sources)) {
          outcomes.inc({ outcome });
          if (outcome === 'renewed') logger.warn({ option: path }, 'a secret was renewed');
          else if (outcome === 'failed') logger.error({ err: error, option: path }, KEPT);
          else logger.error({ option: path }, 'a secret has changed, which takes effect at a restart');
        }
      } catch (err) {
        outcomes.inc({ outcome: 'failed' });
        logger.error({ err }, 'secrets cannot be read again: all stay as they were');
      }
    };
    const listener = () => {
      renewing = renewing.then(renew);
    };
    process.on('SIGHUP', listener);
    shutdown.add('renewal of secrets', async () => {
      process.off('SIGHUP', listener);
      await renewing;
    });
  }

  /** What has become of each that is not as before. Errors: those of rereadSecrets. */
  async #renewed(sources: ConfigurationSources): Promise<readonly Renewed[]> {
    const now = await rereadSecrets(sources);
    const outcomes = now.flatMap((secret): readonly Renewed[] => {
      const { path, value, error, isRenewed } = secret;
      const before = this.#values[path];
      if (error !== undefined) return [['failed', secret]];
      if (value === before) return [];
      const isTaken = isRenewed && value !== undefined && before !== undefined;
      return [[isTaken ? 'renewed' : 'restart', secret]];
    });
    const renewed = outcomes.filter(([outcome]) => outcome === 'renewed');
    if (renewed.length === 0) return outcomes;
    const values = renewed.map(([, { path, value }]) => [path, value] as const);
    this.#values = { ...this.#values, ...Object.fromEntries(values) };
    for (const listener of this.#listeners) listener(this);
    return outcomes;
  }

  #text(path: string): string | undefined {
    const value = this.#values[path];
    return typeof value === 'string' ? value : undefined;
  }
}

type Renewed = readonly [
  outcome: 'renewed' | 'restart' | 'failed',
  secret: Awaited<ReturnType<typeof rereadSecrets>>[number],
];

const KEPT = 'a secret cannot be read again: it stays as it was';
