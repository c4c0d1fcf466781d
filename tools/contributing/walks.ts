/** The walks of docs/CONTRIBUTING.md: the edits that a page shows in its code blocks. */

/** A block whose first line names a file: the file's text, or with `diff` the lines that it gains and loses. */
export type Edit = { readonly path: string; readonly isDiff: boolean; readonly text: string };

export type Walk = { readonly title: string; readonly edits: readonly Edit[] };

const block = /^```(ts|diff) (\S+)\n([\s\S]*?)^```$/gm;

/** The sections of a page that show edits. */
export function walksOf(page: string): readonly Walk[] {
  return page
    .split(/^## /m)
    .map((section) => ({
      title: section.slice(0, section.indexOf('\n')),
      edits: Array.from(section.matchAll(block), ([, kind, path = '', text = '']) => {
        return { path, isDiff: kind === 'diff', text };
      }),
    }))
    .filter(({ edits }) => edits.length > 0);
}

/** The files that a walk touches, without its tests. */
export function touchedBy({ edits }: Walk): ReadonlySet<string> {
  return new Set(edits.map(({ path }) => path).filter((path) => !path.endsWith('.test.ts')));
}

/** A file's text after an edit. Throws where the lines that a diff begins from are not there, or are there twice. */
export function edited(before: string | undefined, { path, isDiff, text }: Edit): string {
  if (!isDiff) {
    if (before !== undefined) throw new Error(`${path} is there already`);
    return text;
  }
  const lines = text.trimEnd().split('\n');
  const side = (sign: string) => {
    return lines
      .flatMap((line) => (line[0] === sign || line[0] === ' ' ? [`${line.slice(1)}\n`] : []))
      .join('');
  };
  const parts = (before ?? '').split(side('-'));
  if (parts.length !== 2) throw new Error(`the lines before are in ${path} ${parts.length - 1} times`);
  return parts.join(side('+'));
}
