/** Malformed rows on standard error: the first ones, and how many there are. */
import type { MalformedRow } from '#imports';
import { grouped, notice, type Output } from '../output.ts';

type Found = { readonly shownRows: readonly MalformedRow[]; readonly malformed: number };

/** With --json as well: there they are JSON lines. `elsewhere`: where all of them are. */
export function reportMalformed(
  { shownRows, malformed }: Found,
  output: Output,
  elsewhere = ', all of them in topic dead-letters',
): void {
  for (const { file, line, reason } of shownRows) {
    const row = { code: 'MR_IMPORT_MALFORMED', file, line, reason };
    process.stderr.write(
      output.json ? `${JSON.stringify({ malformed: row })}\n` : `malformed ${file}:${line}: ${reason}\n`,
    );
  }
  const more = malformed - shownRows.length;
  if (more > 0) notice(output, `... and ${grouped(more)} more malformed rows${elsewhere}`);
}
