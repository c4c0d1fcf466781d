/** One instruction of a Dockerfile, its continued lines joined. */
export type Instruction = { readonly name: string; readonly argument: string };

/** The instructions of a Dockerfile in their order; comments are left out. */
export function instructionsOf(text: string): readonly Instruction[] {
  const lines = text.replace(/^\s*#.*\n/gm, '').replace(/\\\n\s*/g, '');
  return Array.from(lines.matchAll(/^([A-Z]+)\s+(.+)$/gm), ([, name = '', argument = '']) => ({
    name,
    argument,
  }));
}

/** What COPY takes from the build's context: paths from its root. */
export function copiedPaths(instructions: readonly Instruction[]): readonly string[] {
  return instructions
    .filter(({ name }) => name === 'COPY')
    .flatMap(({ argument }) => argument.split(/\s+/).slice(0, -1));
}

/** The variables that ENV sets. */
export function variablesOf(instructions: readonly Instruction[]): Readonly<Record<string, string>> {
  const pairs = instructions
    .filter(({ name }) => name === 'ENV')
    .flatMap(({ argument }) => argument.split(/\s+/));
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
}
