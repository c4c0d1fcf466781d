/**
 * How a room declares the codes of its errors, in its error-codes.ts: the first line of a text says what happened, the
 * rest what to do about it.
 *
 *     export const LOG_ERRORS = {
 *       MR_LOG_FENCED: giveUp`A newer producer took over the transactional id.
 *         Start over from the last commit.`,
 *     };
 *     declare module '#platform' {
 *       interface ErrorCodes extends CodesOf<typeof LOG_ERRORS> {}
 *     }
 *
 * The compiler puts the rooms together: throwing an undeclared code, or one with the class of another remedy, does not
 * compile. docs/ERRORS.md is generated from all of them. Outside of the repository, the module is `millrace/platform`.
 */

/** What the caller can do about an error; every error class of the product is one of these four. */
export type Remedy = 'retry' | 'give-up' | 'fix-input' | 'fix-configuration';

export type ErrorDescription<R extends Remedy = Remedy> = {
  readonly remedy: R;
  /** What has happened. */
  readonly meaning: string;
  /** What to do about it. */
  readonly action: string;
};

export type CodesOf<T extends Readonly<Record<string, ErrorDescription>>> = {
  readonly [C in keyof T]: T[C]['remedy'];
};

export const retry = declaredAs('retry');
export const giveUp = declaredAs('give-up');
export const fixInput = declaredAs('fix-input');
export const fixConfiguration = declaredAs('fix-configuration');

function declaredAs<R extends Remedy>(remedy: R) {
  return ([text = '']: TemplateStringsArray): ErrorDescription<R> => {
    const [meaning = '', ...action] = text.split('\n').map((line) => line.trim());
    return { remedy, meaning, action: action.join(' ') };
  };
}
