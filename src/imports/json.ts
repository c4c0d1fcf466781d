/** JSON from outside, whose integers may be names. */

declare global {
  interface JSON {
    /** https://github.com/tc39/proposal-json-parse-with-source, which the types of this TypeScript lack. */
    rawJSON(text: string): object;
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
  }
}

/** Shorter integers are exact as doubles. */
const MAY_BE_INEXACT = /\d{16}/;
const INTEGER = /^-?\d+$/;

/** As JSON.parse, but integers beyond 2^53 are bigints, with the digits that stand there. */
export function parseJson(text: string): unknown {
  // A reviver costs several times as much as the rest.
  return MAY_BE_INEXACT.test(text) ? JSON.parse(text, exactInteger) : JSON.parse(text);
}

function exactInteger(_: string, value: unknown, { source }: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  return source !== undefined && INTEGER.test(source) ? BigInt(source) : value;
}

/** JSON, with the digits of bigints as numbers; undefined where it has no form of the value. */
export function withDigits(value: unknown): string | undefined {
  return JSON.stringify(value, (_, each: unknown) => {
    return typeof each === 'bigint' ? JSON.rawJSON(String(each)) : each;
  });
}
