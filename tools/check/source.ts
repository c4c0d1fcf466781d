import { lineAt, type SourceFile } from './repository.ts';

/** 'call': of import() or require(), which is loaded when it is met. */
export type Import = {
  readonly specifier: string;
  readonly line: number;
  readonly kind: 'type' | 'value' | 'call';
};

// A string or template is kept, a comment goes. A slash begins a regular expression after what cannot end a value.
const token =
  /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<=[=(,:;!&|?{}[\n]\s*|return )\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/|\/\*[\s\S]*?\*\/|\/\/.*/g;

/** The text with comments blanked; every line keeps its number. */
export function withoutComments(text: string): string {
  return text.replace(token, (found) => (/^\/[*/]/.test(found) ? found.replace(/[^\n]/g, ' ') : found));
}

/** The text with comments blanked and what strings and templates hold taken out. */
export function withoutStrings(text: string): string {
  return withoutComments(text).replace(token, (found) => {
    const quote = found[0] ?? '';
    return quote === '/' ? found : quote + found.slice(1, -1).replace(/[^\n]/g, ' ') + quote;
  });
}

/** Strings, templates and regular expressions of a text, each with where it begins; a template with another in it comes in parts. */
export function literalsOf(text: string): readonly { readonly literal: string; readonly index: number }[] {
  return Array.from(withoutComments(text).matchAll(token), ({ 0: literal, index }) => ({ literal, index }));
}

const statement = /^[ \t]*(?:import|export)\b[^;'"`]*?\bfrom\s*(['"])([^'"\n]+)\1/gm;
const sideEffect = /^[ \t]*import\s*(['"])([^'"\n]+)\1/gm;
const call = /\b(?:import|require)\s*\(\s*(['"])([^'"\n]+)\1/g;

/** Every module that a file imports: types, re-exports and calls of import() included. */
export function importsOf({ text }: SourceFile): readonly Import[] {
  const code = withoutComments(text);
  return [statement, sideEffect, call].flatMap((pattern) =>
    [...code.matchAll(pattern)].map(
      (match): Import => ({
        specifier: match[2] ?? '',
        line: lineAt(code, match.index + match[0].length),
        kind: pattern === call ? 'call' : /^\s*(import|export)\s+type\b/.test(match[0]) ? 'type' : 'value',
      }),
    ),
  );
}
