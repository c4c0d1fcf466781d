/** `millrace import ... --dry-run`: what would be published and refused. Opens no log and makes no data directory. */
import { dryRun, type Input, inputBytes, NOT_SAID, type OpenedSource } from '#imports';
import { withShutdown } from '#service';
import { EXIT, type Invocation } from '../command.ts';
import { commandProgress, grouped } from '../output.ts';
import type { ImportCommandOptions } from './import.ts';
import { reportMalformed } from './report-malformed.ts';

/** How many are shown one by one. */
const SHOWN = { events: 5, items: 2, rows: 100 };

export async function printDryRun(
  { opened, input }: { readonly opened: OpenedSource; readonly input: Input },
  { configuration, output }: Invocation<ImportCommandOptions>,
): Promise<number> {
  return withShutdown(configuration, async ({ signal }) => {
    const step = commandProgress(output, signal).start('Reading, bytes', inputBytes(input));
    const onRead = (bytes: number) => step.advance(bytes);
    const { files } = input;
    const found = await dryRun({ identity: opened.identity, files, shown: SHOWN, onRead, signal });
    step.done();
    reportMalformed(found, output, '');
    const { events, items, users, answers, malformed, firstEvents, firstItems } = found;
    if (output.json) {
      output.value({ dryRun: true, events, items, users, answers, malformed, firstEvents, firstItems });
      return EXIT.done;
    }
    for (const each of [...firstItems, ...firstEvents]) output.line(JSON.stringify(each, shownField));
    output.line(
      `Would import ${grouped(users)} users, ${grouped(items)} items, ${grouped(answers)} rankings and ` +
        `${grouped(events)} events; malformed rows: ${grouped(malformed)}. Nothing was published.`,
    );
    return EXIT.done;
  });
}

/** Without what has no value: a line stays short. */
function shownField(name: string, value: unknown): unknown {
  if (value === null || (name === 'created' && value === NOT_SAID)) return undefined;
  return value;
}
