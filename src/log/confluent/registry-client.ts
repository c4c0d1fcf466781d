import { Backoff, type Clock, ConfigurationError, errorCode, InputError, RetryableError } from '#platform';
import { logClosed } from '../errors.ts';
import type { ConfluentRegistryOptions } from './registry-options.ts';

/** An answer of the registry that is no failure of the call: the caller knows what its status and code mean. */
export type RegistryAnswer = {
  readonly status: number;
  readonly body: unknown;
  /** Confluent's `error_code`, such as 40401 for an unknown subject. */
  readonly errorCode: number | undefined;
  readonly message: string;
};

export type RegistryCall = {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Below the registry's address, percent-encoded. */
  readonly path: string;
  readonly body?: object;
};

const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json';
const REQUEST_TIMEOUT_MS = 5_000;
const LONGEST_ANSWER_BYTES = 16 * 1024 * 1024;
const BACKOFF = { firstMs: 50, longestMs: 2_000 };
/** Characters of an unexpected answer that an error shows. */
const LONGEST_EXCERPT = 200;

/**
 * Calls of Confluent's HTTP API (docs.confluent.io, "Schema Registry API Reference"), each over a connection of its
 * own: they are few, and none is left to be closed. Network errors, time-outs, 429 and 5xx are tried again with
 * exponential back-off and jitter until the options' time is up.
 */
export class RegistryClient {
  readonly #options: ConfluentRegistryOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #closing = new AbortController();

  constructor(options: ConfluentRegistryOptions, clock: Clock, random: () => number) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * Errors: RetryableError MR_SCHEMA_REGISTRY_UNAVAILABLE, ConfigurationError MR_SCHEMA_REGISTRY_REFUSED and
   * MR_SCHEMA_REGISTRY_ANSWER, FatalError MR_LOG_CLOSED.
   */
  async call(call: RegistryCall): Promise<RegistryAnswer> {
    const until = this.#clock.monotonic() + this.#options.timeoutMs;
    const backoff = new Backoff(this.#clock, { ...BACKOFF, random: this.#random });
    for (;;) {
      this.#assertOpen();
      const failure = await this.#try(call, until - this.#clock.monotonic());
      if (failure.answer !== undefined) return failure.answer;
      const pauseMs = backoff.failed();
      if (this.#clock.monotonic() + pauseMs >= until) throw this.#unavailable(call, failure.reason);
      await this.#clock.sleep(pauseMs, this.#closing.signal);
    }
  }

  /** Ends the calls that are waiting, with MR_LOG_CLOSED. */
  close(): void {
    this.#closing.abort();
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw logClosed();
  }

  async #try(
    call: RegistryCall,
    remainingMs: number,
  ): Promise<{ readonly answer: RegistryAnswer } | { readonly answer: undefined; readonly reason: unknown }> {
    const timeoutMs = Math.min(REQUEST_TIMEOUT_MS, Math.max(1, remainingMs));
    const timer = new AbortController();
    const late = new AbortController();
    void this.#clock.sleep(timeoutMs, timer.signal).then(() => late.abort());
    try {
      const { status, text } = await this.#send(call, AbortSignal.any([late.signal, this.#closing.signal]));
      if (status === 429 || status >= 500) {
        return { answer: undefined, reason: `status ${status}: ${excerpt(text)}` };
      }
      return { answer: this.#read(status, text) };
    } catch (error) {
      this.#assertOpen();
      if (isUntrusted(error)) throw this.#untrusted(error);
      if (error instanceof ConfigurationError) throw error;
      return { answer: undefined, reason: late.signal.aborted ? `no response in ${timeoutMs} ms` : error };
    } finally {
      timer.abort();
    }
  }

  #send(
    { method, path, body }: RegistryCall,
    signal: AbortSignal,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const { url, username, password, ca } = this.#options;
    const sent = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
      // Imported above, it would load the whole of fetch with each start of a thread.
      const { request } = url.startsWith('https:')
        ? process.getBuiltinModule('node:https')
        : process.getBuiltinModule('node:http');
      const outgoing = request(
        `${url}${path}`,
        {
          method,
          signal,
          agent: false,
          headers: {
            accept: `${CONTENT_TYPE}, application/json`,
            ...(sent && { 'content-type': CONTENT_TYPE, 'content-length': sent.length }),
          },
          ...(username !== undefined && { auth: `${username}:${password}` }),
          ...(ca !== undefined && { ca }),
        },
        (response) => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
            if (bytes > LONGEST_ANSWER_BYTES) outgoing.destroy(this.#strange('a schema of over 16 MiB'));
            else chunks.push(chunk);
          });
          response.on('error', reject);
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(sent);
    });
  }

  #read(status: number, text: string): RegistryAnswer {
    if (status === 401 || status === 403) throw this.#refused(status);
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      throw this.#strange(`status ${status}, without JSON: ${excerpt(text)}`);
    }
    const { error_code: code, message } = (body ?? {}) as { error_code?: unknown; message?: unknown };
    const isError = typeof code === 'number';
    // Whatever is no registry has no error codes of one: a wrong path must not look like an unknown subject.
    if (status >= 300 && !isError) throw this.#strange(`status ${status}: ${excerpt(text)}`);
    return {
      status,
      body,
      errorCode: isError ? code : undefined,
      message: typeof message === 'string' ? message : '',
    };
  }

  /** What the registry says is wrong with a schema, or its answer to something that we should not have asked. */
  failed(call: RegistryCall, { status, errorCode, message }: RegistryAnswer): Error {
    if (status === 422) {
      return new InputError('MR_SCHEMA_INVALID', `The schema registry rejects this schema: ${message}`, {
        hint: 'Compare it with the Avro specification, section "Schema Declaration".',
      });
    }
    return this.#strange(`status ${status}, code ${errorCode} to ${call.method} ${call.path}: ${message}`);
  }

  #unavailable({ method, path }: RegistryCall, reason: unknown): RetryableError {
    const { url, timeoutMs } = this.#options;
    const why = reason instanceof Error ? reason.message || (errorCode(reason) ?? reason.name) : reason;
    return new RetryableError(
      'MR_SCHEMA_REGISTRY_UNAVAILABLE',
      `The schema registry at ${url} did not respond to ${method} ${path} in ${timeoutMs} ms (${why}).`,
      {
        hint: 'Check the address of option registry, and that it runs and is reachable; running processes keep using the schemas that they know.',
        ...(reason instanceof Error && { cause: reason }),
      },
    );
  }

  #refused(status: number): ConfigurationError {
    const { url, username } = this.#options;
    const who = username === undefined ? 'a caller without a user' : `user ${username}`;
    return new ConfigurationError(
      'MR_SCHEMA_REGISTRY_REFUSED',
      `The schema registry at ${url} refuses ${who} with status ${status}.`,
      { hint: 'Correct user and password for the registry, or the permissions of that user.' },
    );
  }

  #untrusted(cause: unknown): ConfigurationError {
    return new ConfigurationError(
      'MR_SCHEMA_REGISTRY_REFUSED',
      `The certificate of the schema registry at ${this.#options.url} is not trusted: ${errorCode(cause)}.`,
      {
        hint: 'Set the file with its certificate authority, and use the host name in the certificate.',
        cause,
      },
    );
  }

  #strange(what: string): ConfigurationError {
    return new ConfigurationError(
      'MR_SCHEMA_REGISTRY_ANSWER',
      `${this.#options.url} does not respond like a schema registry: ${what}`,
      { hint: 'Correct the address: its path is /apis/ccompat/v7 on Apicurio, and empty on Confluent.' },
    );
  }
}

const untrusted = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

function isUntrusted(error: unknown): boolean {
  return untrusted.has(errorCode(error) ?? '');
}

function excerpt(text: string): string {
  return text.length > LONGEST_EXCERPT ? `${text.slice(0, LONGEST_EXCERPT)}...` : text;
}
