/** What the addresses of servers have in common. The reasons that are given to `wrong` show no password. */
import { readFileSync } from 'node:fs';
import type { ConfigurationError } from './errors.ts';

/** What should not stand in an address; each counts before what the address says. */
export type Credentials = {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
};

/** Makes the error of an address. */
type Wrong = (reason: string, cause?: unknown) => ConfigurationError;

/** `address` has them percent-encoded, and '' for what it does not say. */
export function credentialsOf(
  address: { readonly username: string; readonly password: string },
  apart: Credentials,
  wrong: Wrong,
): Credentials {
  const decoded = (part: string): string | undefined => {
    try {
      return part === '' ? undefined : decodeURIComponent(part);
    } catch {
      throw wrong('its user or password is not percent-encoded, in which a % is %25');
    }
  };
  return {
    username: apart.username ?? decoded(address.username),
    password: apart.password ?? decoded(address.password),
  };
}

/** Names none: after a password with a ? in it, what looks like a parameter is the rest of the password. */
export function refuseOtherParameters(
  given: URLSearchParams,
  parameters: readonly string[],
  wrong: Wrong,
): void {
  if ([...given.keys()].every((name) => parameters.includes(name))) return;
  throw wrong(`it has other parameters than ${parameters.join(', ')}`);
}

/** Certificates of the authorities to trust, PEM. */
export function readAuthorities(path: string, wrong: Wrong): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw wrong(`the certificates in ${path} can't be read`, cause);
  }
}
