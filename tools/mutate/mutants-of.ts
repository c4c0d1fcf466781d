/**
 * The mutants of a source text: small mistakes of the kinds that people make. What the compiler would refuse is left
 * out where the syntax tells; so are messages of errors and of logs, which no caller relies on.
 */
import { equivalentsOf } from './equivalents.ts';
import { type Kind, type Mutant, mutated } from './mutant.ts';
import { parseModule, type Syntax, walk } from './syntax.ts';

type Change = Pick<Mutant, 'kind' | 'start' | 'end' | 'text'>;

const BOUNDARY: Readonly<Record<string, string>> = { '<': '<=', '<=': '<', '>': '>=', '>=': '>' };
const EQUALITY: Readonly<Record<string, string>> = { '===': '!==', '!==': '===' };
const ARITHMETIC: Readonly<Record<string, string>> = {
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '%': '*',
  '+=': '-=',
  '-=': '+=',
  '*=': '/=',
  '/=': '*=',
  '++': '--',
  '--': '++',
};
const LOGICAL: Readonly<Record<string, string>> = { '&&': '||', '||': '&&' };
const EXTREMES: Readonly<Record<string, string>> = { min: 'max', max: 'min' };

/** Greater ones are sizes and times, where one more or less is nobody's concern. */
const GREATEST_LITERAL = 64;
const LOGGING = /\b(?:log|logger)\.(?:trace|debug|info|warn|error)$/;

/** In the order of the text. */
export function mutantsOf(path: string, source: string): readonly Mutant[] {
  const changes: Change[] = [];
  const skipped: Syntax[] = [];
  walk(parseModule(source), (node, outer) => {
    if (skipped.some(({ start, end }) => node.start >= start && node.end <= end)) return;
    if (isMessage(node, source)) skipped.push(node);
    else changes.push(...changesAt(node, outer, source));
  });
  const equivalentAt = equivalentsOf(source);
  return changes
    .toSorted((a, b) => a.start - b.start || a.end - b.end)
    .map((change) => {
      const lineStart = source.lastIndexOf('\n', change.start - 1) + 1;
      const line = source.slice(0, lineStart).split('\n').length;
      const equivalent = equivalentAt(line, change.kind);
      return {
        path,
        ...change,
        line,
        column: change.start - lineStart + 1,
        before: lineFrom(source, lineStart),
        after: lineFrom(mutated(source, change), lineStart),
        ...(equivalent !== undefined && { equivalent }),
      };
    });
}

function changesAt(node: Syntax, outer: readonly Syntax[], source: string): readonly Change[] {
  switch (node.type) {
    case 'BinaryExpression':
      return binary(node, outer, source);
    case 'AssignmentExpression':
      return operator(node, node.left as Syntax, ARITHMETIC, 'arithmetic', source);
    case 'LogicalExpression':
      return logical(node, source);
    case 'UpdateExpression':
      return update(node);
    case 'UnaryExpression':
      return node.operator === '-'
        ? [replace('arithmetic', node, textOf(node.argument as Syntax, source))]
        : [];
    case 'NumericLiteral':
      return offByOne(node, outer);
    case 'MemberExpression':
      return lengths(node, outer, source);
    case 'BooleanLiteral':
      return isLoopTest(node, outer) ? [] : [replace('true/false', node, String(node.value !== true))];
    case 'IfStatement':
    case 'ConditionalExpression':
    case 'WhileStatement':
      return [...negation(node, source), ...droppedReturn(node)];
    case 'ExpressionStatement':
      return isNeeded(node, outer) ? [] : [replace('dropped statement', node, ';')];
    case 'CallExpression':
    case 'NewExpression':
      return [...swapped(node, source), ...extreme(node, source)];
    default:
      return [];
  }
}

function binary(node: Syntax, outer: readonly Syntax[], source: string): readonly Change[] {
  const left = node.left as Syntax;
  const changes = [...operator(node, left, BOUNDARY, 'boundary', source)];
  // As a whole condition it is negated already.
  if (outer[0]?.test !== node) changes.push(...operator(node, left, EQUALITY, 'equality', source));
  const isText = [left, node.right as Syntax].some(({ type }) => /^(String|Template)Literal$/.test(type));
  if (!isText && !/\+\s*['"`]|['"`]\s*\+/.test(textOf(node, source))) {
    changes.push(...operator(node, left, ARITHMETIC, 'arithmetic', source));
  }
  return changes;
}

/** Replaces the operator that comes after the left operand. */
function operator(
  node: Syntax,
  left: Syntax,
  replacements: Readonly<Record<string, string>>,
  kind: Kind,
  source: string,
): readonly Change[] {
  const symbol = String(node.operator);
  const text = replacements[symbol];
  if (text === undefined) return [];
  const start = source.indexOf(symbol, left.end);
  return [{ kind, start, end: start + symbol.length, text }];
}

function logical(node: Syntax, source: string): readonly Change[] {
  if (node.operator === '??') {
    return [replace('default dropped', node, `(${textOf(node.left as Syntax, source)})`)];
  }
  return operator(node, node.left as Syntax, LOGICAL, 'logical', source);
}

function update(node: Syntax): readonly Change[] {
  const symbol = String(node.operator);
  const start = node.prefix === true ? node.start : node.end - symbol.length;
  return [{ kind: 'arithmetic', start, end: start + symbol.length, text: ARITHMETIC[symbol] ?? symbol }];
}

function offByOne(node: Syntax, outer: readonly Syntax[]): readonly Change[] {
  const value = node.value as number;
  const [around] = outer;
  if (!Number.isInteger(value) || value > GREATEST_LITERAL || isKey(node, around)) return [];
  const changes = [replace('off by one', node, String(value + 1))];
  // -0 is no mistake that people make, and below 1 lie the counts that nothing has.
  if (value > 0 && around?.type !== 'UnaryExpression')
    changes.push(replace('off by one', node, String(value - 1)));
  return changes;
}

function lengths(node: Syntax, outer: readonly Syntax[], source: string): readonly Change[] {
  const [around] = outer;
  const name = (node.property as Syntax).name;
  if (node.computed === true || !['length', 'byteLength', 'size'].includes(String(name))) return [];
  if (around === undefined || !/^(Binary|Call|New|Conditional|Return|VariableDecl|Arrow)/.test(around.type))
    return [];
  if (around.callee === node) return [];
  return [replace('off by one', node, `(${textOf(node, source)} - 1)`)];
}

function negation(node: Syntax, source: string): readonly Change[] {
  const test = node.test as Syntax;
  if (test.type === 'BooleanLiteral') return [];
  if (test.type === 'UnaryExpression' && test.operator === '!') {
    return [replace('negated condition', test, `(${textOf(test.argument as Syntax, source)})`)];
  }
  return [replace('negated condition', test, `!(${textOf(test, source)})`)];
}

/** An early `return`, `continue` or `break`, with or without more statements before it. */
function droppedReturn({ type, alternate, consequent }: Syntax): readonly Change[] {
  if (type !== 'IfStatement' || alternate !== null) return [];
  const { type: form, body } = consequent as Syntax;
  const last = form === 'BlockStatement' ? (body as Syntax[]).at(-1) : (consequent as Syntax);
  const isEarly = last !== undefined && /^(Return|Continue|Break)Statement$/.test(last.type);
  return isEarly ? [replace('dropped return', last, ';')] : [];
}

/** Neighbours of one form, which alone are likely to have one type. */
function swapped(node: Syntax, source: string): readonly Change[] {
  const args = node.arguments as readonly Syntax[];
  return args.flatMap((first, at) => {
    const second = args[at + 1];
    if (second === undefined || formOf(first) === undefined || formOf(first) !== formOf(second)) return [];
    const [a, b] = [textOf(first, source), textOf(second, source)];
    if (a === b) return [];
    const text = b + source.slice(first.end, second.start) + a;
    return [{ kind: 'swapped arguments' as const, start: first.start, end: second.end, text }];
  });
}

function formOf({ type }: Syntax): string | undefined {
  if (type === 'Identifier' || type === 'MemberExpression') return 'name';
  return type === 'NumericLiteral' || type === 'StringLiteral' ? type : undefined;
}

function extreme(node: Syntax, source: string): readonly Change[] {
  const callee = node.callee as Syntax;
  const text = /^Math\.(\w+)$/.exec(textOf(callee, source));
  const other = EXTREMES[text?.[1] ?? ''];
  return other === undefined ? [] : [replace('min/max', callee, `Math.${other}`)];
}

function replace(kind: Kind, { start, end }: Syntax, text: string): Change {
  return { kind, start, end, text };
}

function textOf({ start, end }: Syntax, source: string): string {
  return source.slice(start, end);
}

function lineFrom(text: string, start: number): string {
  const end = text.indexOf('\n', start);
  return text.slice(start, end === -1 ? undefined : end).trim();
}

function isKey(node: Syntax, around: Syntax | undefined): boolean {
  return around?.key === node && around.computed !== true;
}

function isLoopTest(node: Syntax, [around]: readonly Syntax[]): boolean {
  return around?.test === node;
}

/** What the compiler does not let go: a call of the super constructor, and what makes a field definite. */
function isNeeded({ expression }: Syntax, outer: readonly Syntax[]): boolean {
  const { type, callee, left } = expression as Syntax;
  if (type === 'CallExpression' && (callee as Syntax).type === 'Super') return true;
  const isOwnField =
    type === 'AssignmentExpression' && ((left as Syntax).object as Syntax)?.type === 'ThisExpression';
  return isOwnField && outer[1]?.type === 'ClassMethod' && outer[1].kind === 'constructor';
}

function isMessage(node: Syntax, source: string): boolean {
  if (node.type === 'ThrowStatement') return true;
  const { type, callee } = node.type === 'ExpressionStatement' ? (node.expression as Syntax) : node;
  return type === 'CallExpression' && LOGGING.test(textOf(callee as Syntax, source));
}
