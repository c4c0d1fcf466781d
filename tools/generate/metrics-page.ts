/** The metrics of all rooms, as the calls that declare them say. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { isSyntax, parseModule, type Syntax, walk } from '../mutate/syntax.ts';

export type DeclaredMetric = {
  /** With its prefix. */
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
};

const KINDS: ReadonlySet<unknown> = new Set(['counter', 'gauge', 'histogram']);
/** For what is known only when it runs. */
const UNKNOWN = '…';

export function metricsCatalogue(root: string): readonly DeclaredMetric[] {
  const paths = globSync('{src,features,processors,topologies,models}/**/*.ts', { cwd: root });
  const product = paths.filter(
    (path) => !/\.test\.ts$|\/testing\//.test(path) && !path.endsWith('platform/metrics.ts'),
  );
  const declared = product.flatMap((path) => metricsIn(readFileSync(join(root, path), 'utf8')));
  const byName = new Map([...declared, ...metricsOfProcess()].map((metric) => [metric.name, metric]));
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What `Metrics.observeProcess` adds: the library declares it. */
function metricsOfProcess(): readonly DeclaredMetric[] {
  const register = new Registry();
  collectDefaultMetrics({ register, prefix: 'millrace_' });
  const known = register.getMetricsAsArray() as unknown as readonly (Pick<DeclaredMetric, 'name' | 'help'> & {
    readonly type: DeclaredMetric['kind'];
    readonly labelNames: readonly string[];
  })[];
  return known.map(({ name, type, help, labelNames }) => ({ name, kind: type, help, labels: labelNames }));
}

/** The metrics that a module declares: `metrics.counter('name', 'help', ['label'])`, its constants filled in. */
export function metricsIn(source: string): readonly DeclaredMetric[] {
  if (!/\b(counter|gauge|histogram)\b/.test(source)) return [];
  const program = parseModule(source);
  const constants = new Map<string, Syntax>();
  const calls: Syntax[] = [];
  walk(program, (node) => {
    if (node.type === 'VariableDeclarator' && isSyntax(node.init) && nameOf(node.id) !== undefined)
      constants.set(nameOf(node.id) as string, node.init);
    if (/^(Optional)?CallExpression$/.test(node.type)) calls.push(node);
  });
  return calls.flatMap((call) => declaredBy(call, constants));
}

type Constants = ReadonlyMap<string, Syntax>;

function declaredBy({ callee, arguments: given }: Syntax, constants: Constants): readonly DeclaredMetric[] {
  const kind = isSyntax(callee) ? (nameOf(callee.property) ?? nameOf(callee)) : undefined;
  const [name, help, labels] = given as readonly Syntax[];
  if (!KINDS.has(kind) || name?.type !== 'StringLiteral' || help === undefined) return [];
  return [
    {
      name: `millrace_${String(name.value)}`,
      kind: kind as DeclaredMetric['kind'],
      help: textOf(help, constants),
      labels: labelsOf(labels ?? labelsWithin(callee, constants), constants),
    },
  ];
}

/** Those that a short form of the module's own, `const gauge = (name, help) => metrics.gauge(name, help, [...])`, adds. */
function labelsWithin(callee: unknown, constants: Constants): Syntax | undefined {
  const body = isSyntax(callee) ? constants.get(nameOf(callee) ?? '')?.body : undefined;
  return isSyntax(body) ? (body.arguments as readonly Syntax[] | undefined)?.[2] : undefined;
}

function textOf(node: Syntax, constants: Constants): string {
  const { type } = node;
  if (type === 'StringLiteral') return String(node.value);
  if (type === 'TemplateLiteral') {
    const texts = (node.quasis as readonly Syntax[]).map(({ value }) => (value as { cooked: string }).cooked);
    const filled = (node.expressions as readonly Syntax[]).map((each) => textOf(each, constants));
    return texts.map((text, i) => text + (filled[i] ?? '')).join('');
  }
  const constant = type === 'Identifier' ? constants.get(nameOf(node) ?? '') : undefined;
  return constant === undefined ? UNKNOWN : textOf(constant, constants);
}

function labelsOf(node: Syntax | undefined, constants: Constants): readonly string[] {
  if (node === undefined) return [];
  if (node.type === 'ArrayExpression')
    return (node.elements as readonly Syntax[]).flatMap((each) => labelsOf(each, constants));
  if (node.type === 'StringLiteral') return [String(node.value)];
  if (node.type === 'SpreadElement') return labelsOf(node.argument as Syntax, constants);
  if (node.type === 'TSAsExpression') return labelsOf(node.expression as Syntax, constants);
  const constant = constants.get(nameOf(node) ?? '');
  return constant === undefined ? [UNKNOWN] : labelsOf(constant, constants);
}

function nameOf(node: unknown): string | undefined {
  return isSyntax(node) && node.type === 'Identifier' ? String(node.name) : undefined;
}

/** A page's part between its marks, as a table of these metrics. */
export function withMetrics(page: string, metrics: readonly DeclaredMetric[]): string {
  const rows = metrics.map(({ name, kind, help, labels }) => {
    const shown = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${kind} | ${shown} | ${help.replace(/\.?$/, '.')} |`;
  });
  const table = ['| metric | kind | labels | |', '|---|---|---|---|', ...rows].join('\n');
  const marks = /(<!-- metrics: generated by `npm run generate` -->\n)[\s\S]*?(\n<!-- \/metrics -->)/;
  return page.replace(marks, (_, begin: string, end: string) => `${begin}${table}${end}`);
}
