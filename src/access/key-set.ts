/** The public keys of the issuer of tokens, as they are published now. */
import { readFile } from 'node:fs/promises';
import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose';
import { type Clock, ConfigurationError, isLoopback, type Logger, RetryableError } from '#platform';
import { jose } from './jose.ts';

export type KeySetOptions = {
  /** An address or a path. */
  readonly source: string;
  /** Called after each reading; `areOthers`: whether the keys have changed. */
  readonly onRead: (areOthers: boolean) => void;
  readonly clock: Clock;
  readonly logger: Logger;
};

/** Between two readings, and how soon an unknown key may cause one: whoever sends tokens chooses what they name. */
const EVERY_MS = { address: 60_000, file: 5_000 };
const COOLDOWN_MS = { address: 10_000, file: 1_000 };
const FETCH_WITHIN_MS = 5_000;
const MOST_CHARACTERS = 1_000_000;

/** Keeps the last keys while new ones cannot be read. */
export class KeySet {
  readonly #options: KeySetOptions;
  readonly #kind: 'address' | 'file';
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #text: string | undefined;
  #find: JWTVerifyGetKey | undefined;
  #readAt: number;
  #reading: Promise<void> | undefined;

  private constructor(options: KeySetOptions, kind: 'address' | 'file') {
    this.#options = options;
    this.#kind = kind;
    this.#readAt = options.clock.monotonic();
    this.#running = this.#run();
  }

  /**
   * Errors: ConfigurationError MR_ACCESS_JWKS for a source that is neither a file with keys nor an address that may be used. An
   * address that does not answer yet is asked again.
   */
  static async open(options: KeySetOptions): Promise<KeySet> {
    const kind = /^[a-z]+:\/\//i.test(options.source) ? 'address' : 'file';
    if (kind === 'address') requireConfidential(options.source);
    else parsed(await readText(options.source, kind));
    const opened = new KeySet(options, kind);
    await opened.refresh();
    return opened;
  }

  /** The keys as they were read last; undefined while none were. */
  get current(): JWTVerifyGetKey | undefined {
    return this.#find;
  }

  /** The keys to verify with. Errors: RetryableError MR_ACCESS_KEYS_AWAY while none can be read. */
  async find(): Promise<JWTVerifyGetKey> {
    if (this.#find === undefined) await this.refreshForUnknown();
    if (this.#find !== undefined) return this.#find;
    throw new RetryableError(
      'MR_ACCESS_KEYS_AWAY',
      'The keys of the issuer of tokens could not be read yet.',
      {
        hint: 'Retry in a moment.',
      },
    );
  }

  /** Reads the keys again, unless that was done a moment ago; returns whether they are others now. */
  async refreshForUnknown(): Promise<boolean> {
    const { clock } = this.#options;
    const before = this.#text;
    if (clock.monotonic() - this.#readAt >= COOLDOWN_MS[this.#kind] || this.#reading) await this.refresh();
    return this.#text !== before;
  }

  /** Reads the keys again; what fails is logged. */
  async refresh(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    await this.#reading;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    for (;;) {
      await clock.sleep(EVERY_MS[this.#kind], signal);
      if (signal.aborted) return;
      await this.refresh();
    }
  }

  async #read(): Promise<void> {
    const { source, onRead, clock, logger } = this.#options;
    this.#readAt = clock.monotonic();
    try {
      const text = await readText(source, this.#kind, this.#closing.signal);
      const areOthers = text !== this.#text;
      if (areOthers) this.#find = parsed(text);
      this.#text = text;
      onRead(areOthers);
    } catch (err) {
      if (!this.#closing.signal.aborted) logger.warn({ err }, 'the keys of jwt.jwks could not be read');
    }
  }
}

async function readText(source: string, kind: 'address' | 'file', closing?: AbortSignal): Promise<string> {
  try {
    if (kind === 'file') return await readFile(source, 'utf8');
    const late = AbortSignal.timeout(FETCH_WITHIN_MS);
    const signal = closing === undefined ? late : AbortSignal.any([late, closing]);
    const response = await fetch(source, { signal, redirect: 'error' });
    const text = await response.text();
    if (response.ok && text.length <= MOST_CHARACTERS) return text;
    throw new Error(`it answers ${response.status} with ${text.length} characters`);
  } catch (cause) {
    throw unusable(`${source} cannot be read`, cause);
  }
}

function parsed(text: string): JWTVerifyGetKey {
  try {
    return jose().createLocalJWKSet(JSON.parse(text) as JSONWebKeySet);
  } catch (cause) {
    throw unusable('it is not a JSON Web Key Set', cause);
  }
}

/** Whoever can change the keys on their way can sign tokens. */
function requireConfidential(source: string): void {
  const url = URL.parse(source);
  if (url?.protocol === 'https:') return;
  if (url?.protocol === 'http:' && isLoopback(url.hostname.replace(/^\[|\]$/g, ''))) return;
  throw unusable('its address is neither https nor of this machine');
}

function unusable(reason: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError('MR_ACCESS_JWKS', `jwt.jwks cannot be used: ${reason}.`, {
    hint: 'Name a file with a JSON Web Key Set, or an https address that serves one.',
    cause,
  });
}
