import facts from './join-semantics.json' with { type: 'json' };

/** A record fed in: key null is no key, value null is none (a tombstone to a table). */
export type Input = {
  readonly side: 'L' | 'R';
  readonly key: string | null;
  readonly value: string | null;
  readonly timestamp: number;
};

/** `key value timestamp`, with `null` for what is none. */
export type Row = string;

type Join =
  | { readonly kind: 'self' | 'inner' | 'left' | 'outer'; readonly of: 'streams'; readonly window: Window }
  | {
      readonly kind: 'inner' | 'left';
      readonly of: 'stream-table';
      readonly versioned: boolean;
      readonly graceMs: number | undefined;
    }
  | {
      readonly kinds: readonly string[];
      readonly of: 'tables';
      readonly versioned: { readonly left: boolean; readonly right: boolean };
    };
type Window = { readonly beforeMs: number; readonly afterMs: number; readonly graceMs: number };

export type JoinCase = {
  readonly id: string;
  readonly join: Join;
  readonly joiner: (left: unknown, right: unknown) => string;
  /** What goes in together, and all that comes of it. */
  readonly steps: readonly { readonly in: readonly Input[]; readonly out: readonly Row[] }[];
};

type Fact = (typeof facts.cases)[number];
type InputRow = readonly (string | number | null)[];

const text = (value: string | number | null | undefined) =>
  value === null || value === undefined ? null : String(value);

export const rowOf = (key: string | null, value: string | null, timestamp: number): Row =>
  `${key} ${value} ${timestamp}`;

const outputOf = ([key, value, timestamp]: InputRow): Row => rowOf(text(key), text(value), Number(timestamp));

function inputOf([side, key, value, timestamp]: InputRow): Input {
  return { side: side as 'L' | 'R', key: text(key), value: text(value), timestamp: Number(timestamp) };
}

function joinOf(fact: Fact): Join {
  const { kind, join, graceMs, versioned } = fact;
  if (kind === 'stream-stream') {
    const { before: beforeMs = 0, after: afterMs = 0 } = fact.windowMs ?? {};
    return { of: 'streams', kind: join as 'self', window: { beforeMs, afterMs, graceMs: graceMs ?? 0 } };
  }
  if (kind.startsWith('stream-table')) {
    return { of: 'stream-table', kind: join as 'inner', versioned: versioned?.right === true, graceMs };
  }
  const { left = false, right = false } = versioned ?? {};
  return { of: 'tables', kinds: join.split('+'), versioned: { left, right } };
}

/** Every case of Kafka Streams' own tests of joins. */
export const joinCases: readonly JoinCase[] = [
  ...facts.cases.map((fact): JoinCase => {
    const inputs = facts.inputs[fact.input as 'ooo'] as readonly InputRow[];
    return {
      id: fact.id,
      join: joinOf(fact),
      joiner: (left, right) => `${left}-${right}`,
      steps: inputs.map((row, i) => ({
        in: [inputOf(row)],
        out: (fact.expect[i] as readonly InputRow[]).map(outputOf),
      })),
    };
  }),
  ...facts.outerJoins.map(({ id, join: { beforeMs, afterMs, graceMs }, steps }): JoinCase => {
    return {
      id,
      join: { of: 'streams', kind: 'outer', window: { beforeMs, afterMs, graceMs } },
      joiner: (left, right) => `${left}+${right}`,
      steps: steps.map((step) => ({ in: step.in.map(inputOf), out: step.out.map(outputOf) })),
    };
  }),
];
