/** What the functions of the chains' operators do with values; engine and models share them. */

const MAX_LENGTH = 36;

/** Some number that depends on all of the text. */
export function weightOf(text: string): number {
  let weight = 0;
  for (let i = 0; i < text.length; i++) weight = (weight * 31 + text.charCodeAt(i)) % 9973;
  return weight;
}

/** The text, or its begin and a number in place of the rest: what chains make stays readable, and different. */
export function clip(text: string): string {
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH - 6)}~${weightOf(text)}`;
}

/** A pair of joined values; what is missing, as a dash. */
export function pairOf(left: string | null | undefined, right: string | null | undefined): string {
  return clip(`<${left ?? '-'} ${right ?? '-'}>`);
}

/** A fold that shows which values went in, and in which order. */
export type Fold = {
  readonly initial: () => string;
  readonly add: (state: string, value: string) => string | null;
  readonly merge: (earlier: string, later: string) => string;
};

const listing: Fold = {
  initial: () => '0',
  add: (state, value) => clip(`${state}+${value}`),
  merge: (earlier, later) => clip(`(${earlier}|${later})`),
};

/** A fold; where `removes`, some values take the row away. */
export function foldOf(removes: boolean): Fold {
  if (!removes) return listing;
  return {
    ...listing,
    add: (state, value) => (weightOf(value) % 5 === 0 ? null : listing.add(state, value)),
  };
}
