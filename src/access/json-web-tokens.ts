/** Tokens that an issuer has signed. */
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { type Caller, type Clock, type Counter, InputError, type Logger, type Metrics } from '#platform';
import { callerOf } from './grants.ts';
import { jose } from './jose.ts';
import { KeySet } from './key-set.ts';
import { VerifiedTokens } from './verified-tokens.ts';

export type JwtOptions = {
  readonly issuer: string;
  readonly audience: string;
  readonly jwks: string;
  readonly rolesClaim: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Verified tokens that are remembered; 10,000 where nothing is said. */
  readonly remembered?: number;
};

/** For public keys alone: a public key must not serve as the secret of an HMAC. */
const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];
const CLOCK_SKEW_S = 5;
const REMEMBERED = 10_000;
const LONGEST_SUBJECT = 128;

export class JsonWebTokens {
  readonly #options: JwtOptions;
  readonly #keys: KeySet;
  readonly #verified: VerifiedTokens;
  readonly #outcomes: Counter<'outcome'>;

  private constructor(options: JwtOptions, keys: KeySet, verified: VerifiedTokens) {
    this.#options = options;
    this.#keys = keys;
    this.#verified = verified;
    const help = 'JSON web tokens, by outcome: cached, verified, refused.';
    this.#outcomes = options.metrics.counter('access_tokens_total', help, ['outcome']);
  }

  /** Errors: ConfigurationError MR_ACCESS_JWKS. */
  static async open(options: JwtOptions): Promise<JsonWebTokens> {
    const { jwks: source, clock, logger } = options;
    const verified = new VerifiedTokens(options.remembered ?? REMEMBERED);
    const onRead = (areOthers: boolean) =>
      areOthers ? verified.clear() : verified.removeExpired(clock.now());
    return new JsonWebTokens(options, await KeySet.open({ source, onRead, clock, logger }), verified);
  }

  /** Verified tokens that are remembered now. */
  get remembered(): number {
    return this.#verified.size;
  }

  /**
   * Whose token it is; at once for one that was verified before. Errors: InputError MR_ACCESS_TOKEN, MR_ACCESS_TOKEN_EXPIRED;
   * RetryableError MR_ACCESS_KEYS_AWAY.
   */
  callerOf(token: string): Caller | Promise<Caller> {
    const known = this.#verified.get(token, this.#options.clock.now());
    if (known === undefined) return this.#verify(token);
    this.#outcomes.inc({ outcome: 'cached' });
    return known;
  }

  /** Reads the issuer's keys again. */
  async refreshKeys(): Promise<void> {
    await this.#keys.refresh();
  }

  async close(): Promise<void> {
    await this.#keys.close();
  }

  async #verify(token: string): Promise<Caller> {
    const { rolesClaim } = this.#options;
    const keys = await this.#keys.find();
    try {
      const { payload, by } = await this.#payload(token, keys);
      const caller = callerOf(subjectOf(payload), grantsIn(payload[rolesClaim]));
      // A token that was verified with keys that have gone in the meantime is verified again the next time.
      if (by === this.#keys.current) {
        this.#verified.put(token, caller, ((payload.exp ?? 0) + CLOCK_SKEW_S) * 1_000);
      }
      this.#outcomes.inc({ outcome: 'verified' });
      return caller;
    } catch (error) {
      this.#outcomes.inc({ outcome: 'refused' });
      throw refusalOf(error);
    }
  }

  /** The claims, and the keys that they were verified by: newer ones where the token names one that is not there. */
  async #payload(
    token: string,
    keys: JWTVerifyGetKey,
  ): Promise<{ payload: JWTPayload; by: JWTVerifyGetKey }> {
    const { issuer, audience, clock } = this.#options;
    const verify = async (by: JWTVerifyGetKey) => {
      const { payload } = await jose().jwtVerify(token, by, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: CLOCK_SKEW_S,
        currentDate: new Date(clock.now()),
      });
      return { payload, by };
    };
    try {
      return await verify(keys);
    } catch (error) {
      const mayBeNew = error instanceof jose().errors.JWKSNoMatchingKey;
      if (!mayBeNew || !(await this.#keys.refreshForUnknown())) throw error;
      return verify(await this.#keys.find());
    }
  }
}

function subjectOf({ sub }: JWTPayload): string {
  if (typeof sub === 'string' && sub !== '' && sub.length <= LONGEST_SUBJECT) return sub;
  throw refused('its claim "sub" is no id of 1 to 128 characters');
}

function grantsIn(claim: unknown): readonly string[] {
  if (typeof claim === 'string') return claim.split(' ');
  return Array.isArray(claim) ? claim.filter((each) => typeof each === 'string') : [];
}

/** Errors of jose in our words; others as they are. */
function refusalOf(error: unknown): unknown {
  if (error instanceof jose().errors.JWTExpired) {
    return new InputError('MR_ACCESS_TOKEN_EXPIRED', 'The token has expired.', {
      hint: 'Get a new one from its issuer.',
    });
  }
  if (error instanceof jose().errors.JWTClaimValidationFailed)
    return refused(`its claim "${error.claim}" is wrong`);
  if (error instanceof jose().errors.JOSEAlgNotAllowed) return refused('its algorithm is not allowed');
  if (error instanceof jose().errors.JWKSNoMatchingKey) return refused('no key of the issuer fits it');
  if (error instanceof jose().errors.JWSSignatureVerificationFailed) return refused('its signature is wrong');
  return error instanceof jose().errors.JOSEError ? refused('it is malformed') : error;
}

function refused(reason: string): InputError {
  return new InputError('MR_ACCESS_TOKEN', `The token is not accepted: ${reason}.`, {
    hint: 'Send a token of the issuer and for the audience that this server is configured with.',
  });
}
