import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import {
  Backoff,
  type Clock,
  ConfigurationError,
  FatalError,
  type Metrics,
  MillraceError,
  RetryableError,
} from '#platform';
import { type ErrorAnswer, errorIn } from './answers.ts';
import type { S3Place } from './place.ts';
import { isOfFileSystem, type S3Request, SignedRequests, StalledError } from './signed-requests.ts';

export type S3Environment = {
  readonly clock: Clock;
  readonly random: () => number;
  readonly metrics?: Metrics | undefined;
};

/** What a request came to where the store said no, and whether an earlier attempt of it may have been carried out. */
export type Refusal = ErrorAnswer & { readonly isAfterUnanswered: boolean };

const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
/** What a store says when it has no room: S3's own has always some, others do not. */
const FULL =
  /^(QuotaExceeded|XMinioStorageFull|InsufficientStorage|NoSpaceLeft|ServiceQuotaExceeded\w*|HTTP 507)$/i;
const BUCKET =
  /^(NoSuchBucket|PermanentRedirect|TemporaryRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException)$/;
const CLOCK = /^(RequestTimeTooSkewed|RequestExpired|RequestInTheFuture)$/;
/** Errors that may not come again when the request is sent again. */
const isPassing = ({ status, code }: ErrorAnswer) =>
  [408, 409, 429].includes(status) ||
  (status >= 500 && status !== 501 && status !== 507) ||
  code === 'SlowDown';

/** Sends a request until the store has answered it, five times at most, with growing pauses. */
export class S3Client {
  readonly place: S3Place;
  readonly #requests: SignedRequests;
  readonly #environment: S3Environment;

  constructor(place: S3Place, stallMs: number, environment: S3Environment) {
    this.place = place;
    this.#requests = new SignedRequests(place, stallMs);
    this.#environment = environment;
  }

  /**
   * What `read` makes of an answer of success, or the refusal that `isExpected` takes. Errors: those of ObjectStore, and those
   * of `read` that are the product's.
   */
  async send<T>(
    request: S3Request,
    read: (answer: IncomingMessage) => Promise<T>,
    isExpected: (refusal: ErrorAnswer) => boolean = () => false,
  ): Promise<T | Refusal> {
    const { clock, random } = this.#environment;
    const backoff = new Backoff(clock, { firstMs: FIRST_PAUSE_MS, longestMs: LONGEST_PAUSE_MS, random });
    let isAfterUnanswered = false;
    for (;;) {
      const outcome = await this.#attempt(request, read);
      if ('value' in outcome) return outcome.value;
      const { refusal, failure } = outcome;
      if (refusal !== undefined && isExpected(refusal)) return { ...refusal, isAfterUnanswered };
      if (refusal !== undefined && !isPassing(refusal)) throw this.#refused(request, refusal);
      isAfterUnanswered ||= refusal === undefined || refusal.status >= 500;
      if (backoff.failures === ATTEMPTS - 1) throw this.#away(request, refusal, failure);
      this.#count(refusal, failure);
      await backoff.wait(undefined);
    }
  }

  close(): void {
    this.#requests.close();
  }

  async #attempt<T>(request: S3Request, read: (answer: IncomingMessage) => Promise<T>): Promise<Outcome<T>> {
    try {
      return await this.#requests.send(request, async (answer) => {
        const { statusCode: status = 0 } = answer;
        if (status >= 200 && status < 300) return { value: await read(answer) };
        const body = request.method === 'HEAD' ? '' : (await buffer(answer)).toString();
        return { refusal: errorIn(status, body) };
      });
    } catch (failure) {
      // A full disk, a file that is gone: nothing that the store could help with.
      if (failure instanceof MillraceError || isOfFileSystem(failure)) throw failure;
      return { failure };
    }
  }

  #count(refusal: ErrorAnswer | undefined, failure: unknown): void {
    const reason = refusal?.code ?? (failure instanceof StalledError ? 'stalled' : 'connection');
    this.#environment.metrics
      ?.counter('storage_retries_total', 'Requests to the object store that were sent again, by reason.', [
        'reason',
      ])
      .inc({ reason });
  }

  #away(request: S3Request, refusal: ErrorAnswer | undefined, cause: unknown): RetryableError {
    const why =
      refusal === undefined
        ? (cause as Error).message
        : `${refusal.code}${refusal.message === '' ? '' : `, ${refusal.message}`}`;
    const { name, endpoint } = this.place;
    const said = `The object store ${name} at ${endpoint.origin} failed ${ATTEMPTS} times at ${described(request)}: ${why}.`;
    return new RetryableError('MR_STORAGE_AWAY', said, {
      hint: 'Check that it runs, and options storage and objectStore.endpoint.',
      cause,
    });
  }

  #refused(request: S3Request, { status, code, message }: ErrorAnswer): MillraceError {
    const { name, endpoint } = this.place;
    const said = `The object store ${name} at ${endpoint.origin} refuses ${described(request)}: ${code}${message === '' ? '' : `, ${message}`}.`;
    if (FULL.test(code) || status === 507)
      return new RetryableError('MR_STORAGE_FULL', said, {
        hint: 'Make room in the store that option storage names.',
      });
    if (BUCKET.test(code) || (status >= 300 && status < 400))
      return new ConfigurationError('MR_STORAGE_BUCKET', said, {
        hint: 'Correct options storage, objectStore.region and objectStore.endpoint, or create the bucket.',
      });
    if (CLOCK.test(code))
      return new ConfigurationError('MR_STORAGE_CLOCK', said, {
        hint: 'Set the clock of this machine, or that of the store: each request is signed with its time.',
      });
    if (status === 401 || status === 403)
      return new ConfigurationError('MR_STORAGE_DENIED', said, {
        hint: 'Correct objectStore.accessKeyId and objectStore.secretAccessKey, or grant the permission.',
      });
    return new FatalError('MR_STORAGE_REFUSED', said, {
      hint: 'Check option objectStore.endpoint: it must speak S3.',
    });
  }
}

type Outcome<T> = { readonly value: T } | { readonly refusal?: ErrorAnswer; readonly failure?: unknown };

const described = ({ method, object }: S3Request) => `${method} ${object ?? 'of the list of objects'}`;
