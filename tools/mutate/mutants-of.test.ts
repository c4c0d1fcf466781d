import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Kind, mutated } from './mutant.ts';
import { mutantsOf } from './mutants-of.ts';

/** The texts that mutants of one kind, or of all, make of `source`. */
function made(source: string, kind?: Kind): readonly string[] {
  return mutantsOf('src/x.ts', source)
    .filter((mutant) => kind === undefined || mutant.kind === kind)
    .map((mutant) => mutated(source, mutant));
}

it('boundaries take in or leave out their limit', () => {
  assert.deepEqual(made('f(a < b, a >= c);', 'boundary'), ['f(a <= b, a >= c);', 'f(a < b, a > c);']);
});

it('small whole numbers and lengths are off by one', () => {
  assert.deepEqual(made('f(0);', 'off by one'), ['f(1);']);
  assert.deepEqual(made('f(7);', 'off by one'), ['f(8);', 'f(6);']);
  assert.deepEqual(made('f(1_800_000, 0.5);', 'off by one'), []);
  assert.deepEqual(made('f(rows.length);', 'off by one'), ['f((rows.length - 1));']);
  assert.deepEqual(made('rows.length = n;', 'off by one'), []);
});

it('conditions are negated, and a negated one is not negated twice', () => {
  assert.deepEqual(made('const x = a ? b : c;', 'negated condition'), ['const x = !(a) ? b : c;']);
  assert.deepEqual(made('if (!a) f();', 'negated condition'), ['if ((a)) f();']);
  assert.deepEqual(made('while (true) f();', 'negated condition'), []);
});

it('an equality is turned round, except where it is the whole condition', () => {
  assert.deepEqual(made('const x = a === b;', 'equality'), ['const x = a !== b;']);
  assert.deepEqual(made('if (a === b) f();', 'equality'), []);
  assert.deepEqual(made('if (a === b) f();', 'negated condition'), ['if (!(a === b)) f();']);
});

it('statements are dropped: calls, assignments, not what the compiler insists on', () => {
  assert.deepEqual(made('f(); x = y;', 'dropped statement'), ['; x = y;', 'f(); ;']);
  const definite = 'class A extends B { constructor(x) { super(x); this.x = x; this.x.f(); } }';
  assert.deepEqual(made(definite, 'dropped statement'), [definite.replace('this.x.f();', ';')]);
});

it('an early return is dropped, the last one is not', () => {
  const early = 'function f() { if (a) { g; return; } if (b) return 5; return h; }';
  assert.deepEqual(made(early, 'dropped return'), [
    early.replace('return;', ';'),
    early.replace('return 5;', ';'),
  ]);
  assert.deepEqual(made('function f() { if (a) return b; else return c; }', 'dropped return'), []);
});

it('arguments of one form are swapped', () => {
  assert.deepEqual(made('f(a, b.c, 5);', 'swapped arguments'), ['f(b.c, a, 5);']);
  assert.deepEqual(made('f(a, a); f(a, () => b); f(...a, b);', 'swapped arguments'), []);
});

it('signs and operators of numbers change, joined texts do not', () => {
  assert.deepEqual(made('f(a + b * c);', 'arithmetic'), ['f(a - b * c);', 'f(a + b / c);']);
  assert.deepEqual(made('n += d; n--; --n;', 'arithmetic'), [
    'n -= d; n--; --n;',
    'n += d; n++; --n;',
    'n += d; n--; ++n;',
  ]);
  assert.deepEqual(made('f(-x);', 'arithmetic'), ['f(x);']);
  assert.deepEqual(made("f('a' + b + c);", 'arithmetic'), []);
});

it('an operator is found after the left operand, whatever that holds', () => {
  assert.deepEqual(made('f((a - b) - c);', 'arithmetic'), ['f((a + b) - c);', 'f((a - b) + c);']);
});

it('and becomes or, defaults are dropped, extremes are swapped, truth is turned round', () => {
  assert.deepEqual(made('f(a && b || c);', 'logical'), ['f(a || b || c);', 'f(a && b && c);']);
  assert.deepEqual(made('f(a ?? b);', 'default dropped'), ['f((a));']);
  assert.deepEqual(made('f(Math.min(x, ...xs));', 'min/max'), ['f(Math.max(x, ...xs));']);
  assert.deepEqual(made('f(true);', 'true/false'), ['f(false);']);
});

it('types, imports and messages are left alone', () => {
  const source = [
    "import { a } from 'b' with { type: 'json' };",
    'type T = { n: 1 | 2; is: true };',
    'interface I { f(a: 1): true }',
    'declare const d: 1;',
    'if (x as 1 | 2) throw new Error(f(1, 2) + g(true));',
    'log.info(f(1), 2);',
  ].join('\n');
  assert.deepEqual(
    mutantsOf('src/x.ts', source).map(({ kind, line }) => ({ kind, line })),
    [{ kind: 'negated condition', line: 5 }],
  );
});

it('a mutant tells where it is and how its line reads before and after', () => {
  const [mutant] = mutantsOf('src/x.ts', 'const a = b;\n  if (a) {\n    f\n  }\n');
  assert.deepEqual(mutant, {
    path: 'src/x.ts',
    kind: 'negated condition',
    start: 19,
    end: 20,
    text: '!(a)',
    line: 2,
    column: 7,
    before: 'if (a) {',
    after: 'if (!(a)) {',
  });
});

it('a mark on the line before makes mutants equivalent, of all kinds or of the one it names', () => {
  const reasons = (...lines: string[]) =>
    mutantsOf('src/x.ts', lines.join('\n')).map(({ kind, equivalent }) => [kind, equivalent]);
  assert.deepEqual(
    reasons('// equivalent mutant: both are one', 'const x = a < 0.5;', 'const y = a > 0.5;'),
    [
      ['boundary', 'both are one'],
      ['boundary', undefined],
    ],
  );
  assert.deepEqual(
    reasons('// equivalent mutant (min/max): one element', '// or none', 'const x = Math.min(a, 1);'),
    [
      ['min/max', 'one element'],
      ['off by one', undefined],
      ['off by one', undefined],
    ],
  );
  assert.deepEqual(reasons('// equivalent mutant:', 'const x = a < 0.5;'), [['boundary', undefined]]);
});
