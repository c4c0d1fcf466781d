export const KINDS = [
  'boundary',
  'off by one',
  'negated condition',
  'equality',
  'dropped statement',
  'dropped return',
  'swapped arguments',
  'arithmetic',
  'logical',
  'default dropped',
  'min/max',
  'true/false',
] as const;

export type Kind = (typeof KINDS)[number];

/** One change of one file: characters `start` to `end` become `text`. */
export type Mutant = {
  /** From the root of the repository. */
  readonly path: string;
  readonly kind: Kind;
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** Its first line as it stands and as the mutant has it, without the indentation. */
  readonly before: string;
  readonly after: string;
  /** Why no test can see it, if a comment beside the code says so. */
  readonly equivalent?: string;
};

export function mutated(
  source: string,
  { start, end, text }: Pick<Mutant, 'start' | 'end' | 'text'>,
): string {
  return source.slice(0, start) + text + source.slice(end);
}
