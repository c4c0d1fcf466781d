/** The commands of a document with the output that it shows for them. */
export type ShownCommand = {
  readonly command: string;
  /** Lines as shown; `...` stands for what was left out. */
  readonly output: readonly string[];
};

const block = /^```console\n([\s\S]*?)^```$/gm;

/** Each ```console block of a Markdown text: `$ ` begins a command, what follows is its output. */
export function consoleBlocks(markdown: string): readonly (readonly ShownCommand[])[] {
  return Array.from(markdown.matchAll(block), ([, text = '']) => {
    const commands: { command: string; output: string[] }[] = [];
    for (const line of text.trimEnd().split('\n')) {
      if (line.startsWith('$ ')) commands.push({ command: line.slice(2), output: [] });
      else commands.at(-1)?.output.push(line);
    }
    return commands;
  });
}

/**
 * Why `actual` has another shape than what is shown; undefined when it has the same. A shown line that begins with
 * words must have a line that begins so; one of JSON, a line with the same fields; a table's header, one with the same
 * columns; a table row, any row.
 */
export function shapeProblem({ output }: ShownCommand, actual: string): string | undefined {
  const lines = actual.split('\n');
  for (const shown of output) {
    const start = shapeOf(shown);
    if (start === undefined || lines.some((line) => shapeOf(line) === start)) continue;
    return `no line like ${JSON.stringify(shown)} in ${JSON.stringify(actual)}`;
  }
  return undefined;
}

/** What has to be alike in two lines; undefined for one that is all data. */
function shapeOf(line: string): string | undefined {
  if (line === '...' || line.trim() === '') return undefined;
  if (line.startsWith('{'))
    return [...line.matchAll(/"(\w+)":/g)]
      .map(([, name]) => name)
      .slice(0, 3)
      .join();
  if (/^[\s*]*\d+ /.test(line)) return undefined;
  if (/^[* ][0-9a-f]{12} /.test(line)) return 'a version';
  const cells = line.trim().split(/ {2,}/);
  // Three words or more in columns of their own, and no figure among them: the header of a table.
  if (cells.length >= 3 && cells.every((cell) => /^[a-z]/.test(cell))) return cells.join('  ');
  return line.match(/^ *[A-Za-z@]+/)?.[0];
}
