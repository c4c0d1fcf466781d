/** The syntax tree of a TypeScript file, without what is there for the compiler alone. */
import { parse } from '@babel/parser';

export type Syntax = {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
};

/** A type around an expression that runs. */
const TRANSPARENT = new Set([
  'TSAsExpression',
  'TSNonNullExpression',
  'TSSatisfiesExpression',
  'TSInstantiationExpression',
]);
const TYPES = new Set([
  'typeAnnotation',
  'returnType',
  'typeParameters',
  'typeArguments',
  'superTypeArguments',
]);

/** Errors: SyntaxError where the text is no TypeScript module. */
export function parseModule(source: string): Syntax {
  return parse(source, { sourceType: 'module', plugins: ['typescript'] }).program as unknown as Syntax;
}

export function isSyntax(value: unknown): value is Syntax {
  return typeof value === 'object' && value !== null && typeof (value as Syntax).type === 'string';
}

export function children(node: Syntax): readonly Syntax[] {
  if (node.type.startsWith('Import') && node.type !== 'ImportExpression') return [];
  if (node.type.startsWith('TS')) {
    return TRANSPARENT.has(node.type) && isSyntax(node.expression) ? [node.expression] : [];
  }
  return Object.entries(node).flatMap(([field, value]) => {
    if (TYPES.has(field) || field === 'loc') return [];
    if (Array.isArray(value)) return value.filter(isSyntax);
    return isSyntax(value) ? [value] : [];
  });
}

/** Visits every node that runs, outer ones first, each with those that it is in, nearest first. */
export function walk(
  node: Syntax,
  visit: (node: Syntax, outer: readonly Syntax[]) => void,
  outer: readonly Syntax[] = [],
): void {
  if (node.declare === true) return;
  visit(node, outer);
  const inside = [node, ...outer];
  for (const child of children(node)) walk(child, visit, inside);
}
