/** Reads files as an import would, without a log. */
import { type DryRun, dryRun } from '../dry-run.ts';
import { findInput } from '../input/files.ts';
import type { Source } from '../source.ts';

const SHOWN = { events: 1_000, items: 1_000, rows: 1_000 };

export async function dryRunOf(
  source: Source,
  paths: readonly string[],
  mapping: object | string = {},
): Promise<DryRun> {
  const opened = source.open(typeof mapping === 'string' ? mapping : JSON.stringify(mapping));
  const { files } = await findInput(source, opened, paths);
  const { signal } = new AbortController();
  return dryRun({ identity: opened.identity, files, shown: SHOWN, onRead: () => {}, signal });
}

/** `file:line reason` of each malformed row. */
export function refusals({ shownRows }: DryRun): readonly string[] {
  return shownRows.map(({ file, line, reason }) => `${file}:${line} ${reason}`);
}
