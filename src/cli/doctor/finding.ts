/** What a check of "millrace doctor" has found. */
import { MillraceError } from '#platform';

export type Finding = {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'problem';
  readonly says: string;
  /** What to do about it. */
  readonly todo?: string;
};

export const ok = (check: string, says: string): Finding => ({ check, state: 'ok', says });

export const warning = (check: string, says: string, todo: string): Finding => {
  return { check, state: 'warning', says, todo };
};

export const problem = (check: string, says: string, todo: string): Finding => {
  return { check, state: 'problem', says, todo };
};

/** The finding for an error that a check has thrown. */
export function failure(check: string, error: unknown): Finding {
  const { code, hint } = error instanceof MillraceError ? error : { code: undefined, hint: undefined };
  const message = error instanceof Error ? error.message : String(error);
  return problem(check, code === undefined ? message : `${code}: ${message}`, hint ?? 'See docs/ERRORS.md.');
}

/** A text without any of these values, however they got into it. */
export function without(secrets: readonly string[], text: string): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, '(secret)'), text);
}
