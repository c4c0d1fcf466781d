/** `millrace import SOURCE PATH...`: data from outside, one subcommand per source of the catalogue. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import {
  findInput,
  type Input,
  inputBytes,
  type OpenedSource,
  publishSorted,
  recordCount,
  type SortedInput,
  type Source,
  sortInput,
  sources,
} from '#imports';
import { lockDirectory, type Progress, type ProgressStep, systemClock } from '#platform';
import {
  type Installation,
  Interrupted,
  openInstallation,
  readRecordFile,
  withShutdown,
  writeRecordFile,
} from '#service';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { commandProgress, grouped, notice, type Output, seconds } from '../output.ts';
import { printDryRun } from './print-dry-run.ts';
import { reportMalformed } from './report-malformed.ts';

export type ImportCommandOptions = {
  readonly mapping?: string;
  readonly as?: string;
  readonly dryRun?: boolean;
};

export function importCommand(command: Command): Command {
  for (const source of sources) command.addCommand(sourceCommand(source));
  return command;
}

function sourceCommand(source: Source): Command {
  const command = new Command(source.name)
    .description(source.does)
    .argument('<paths...>', 'files or folders, plain or gzipped; - for standard input')
    .option('--dry-run', 'publish nothing: show the first events, and the rows that are refused')
    .option('--as <name>', 'read standard input as a file of this name');
  if (source.isMapped) command.requiredOption('--mapping <file>', 'what the columns are, as JSON');
  return defineCommand<ImportCommandOptions>({
    command,
    examples: source.examples,
    notes: `
${wrapped(source.expected)}
${source.notes ?? ''}
A malformed row is reported with its file and line and put in topic dead-letters, and the import continues.
Events are published in the order of their time, once all of the input was read. The same command continues an
interrupted import where it was; a completed one is not repeated.
It may run while "millrace start" runs on the same data directory.`,
    run: (invocation, paths) => importFrom(source, invocation, paths),
  });
}

async function importFrom(
  source: Source,
  invocation: Invocation<ImportCommandOptions>,
  paths: readonly string[],
): Promise<number> {
  const { configuration, output, options } = invocation;
  const opened = source.open(await mappingOf(options));
  const input = await findInput(source, opened, paths, options.as);
  if (input.leftOut.length > 0) notice(output, `Left out: ${shownNames(input.leftOut)}`);
  if (options.dryRun === true) return printDryRun({ opened, input }, invocation);
  return withShutdown(configuration, async (shutdown) => {
    const lock = lockDirectory(join(configuration.data, 'imports'), 'import');
    shutdown.add('import lock', async () => lock.release());
    const installation = await openInstallation(configuration, shutdown);
    const { signal } = shutdown;
    const progress = commandProgress(output, signal);
    const importing = { installation, opened, input, progress, signal, output };
    return run(source, importing).catch((error: unknown) => {
      if (signal.aborted || error instanceof Interrupted) tellHowToContinue(output, input);
      throw error;
    });
  });
}

type Importing = {
  readonly installation: Installation;
  readonly opened: OpenedSource;
  readonly input: Input;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly output: Output;
};

async function run(source: Source, importing: Importing): Promise<number> {
  const { installation, output } = importing;
  const startedAt = systemClock.monotonic();
  const work = join(installation.directory, 'import-work');
  const sorted = await sort(importing, work);
  reportMalformed(sorted, output);
  const recordPath = join(installation.directory, 'imports', `${sorted.id}.json`);
  const isRepeated = readRecordFile(recordPath) !== undefined;
  let written = 0;
  if (!isRepeated) {
    written = await publish(importing, sorted);
    const { events, items, users, answers, malformed } = sorted;
    const summary = { dataSet: source.name, events, items, users, answers, malformed };
    writeRecordFile(recordPath, { ...summary, at: systemClock.now() });
  }
  await rm(work, { recursive: true, force: true });
  report(source, sorted, { written, isRepeated, elapsedMs: systemClock.monotonic() - startedAt }, output);
  return EXIT.done;
}

async function sort(
  { installation, opened, input, progress, signal }: Importing,
  directory: string,
): Promise<SortedInput> {
  const { topics } = installation;
  const sorted = await sortInput({
    identity: opened.identity,
    files: input.files,
    directory,
    topics,
    pseudonyms: await installation.pseudonyms(),
    clock: systemClock,
    step: progress.start('Reading, bytes', inputBytes(input)),
    signal,
  });
  return sorted;
}

async function publish({ installation, progress, signal }: Importing, sorted: SortedInput): Promise<number> {
  const { log, topics, expiresByWallClock, configuration } = installation;
  const step: ProgressStep = progress.start('Publishing', recordCount(sorted));
  const { events } = await publishSorted(sorted, {
    log,
    topics,
    clock: systemClock,
    expiresByWallClock,
    dedupHorizonMs: configuration.admission.dedupHorizonMs,
    step,
    signal,
  });
  step.done();
  return events;
}

async function mappingOf({ mapping }: ImportCommandOptions): Promise<string> {
  if (mapping === undefined) return '';
  return readFile(mapping, 'utf8').catch((cause: unknown) => {
    throw usageError(
      `${mapping} cannot be read: ${cause instanceof Error ? cause.message : cause}.`,
      'Name the mapping file.',
    );
  });
}

function tellHowToContinue(output: Output, { files }: Input): void {
  const isStdin = files.some(({ path }) => path === undefined);
  const how = isStdin ? 'The same command, given the same input, continues' : 'The same command continues';
  notice(output, `\nInterrupted. ${how} where this import was; nothing is published twice.`);
}

type Result = { readonly written: number; readonly isRepeated: boolean; readonly elapsedMs: number };

function report(
  source: Source,
  sorted: SortedInput,
  { written, isRepeated, elapsedMs }: Result,
  output: Output,
): void {
  const { events, items, users, answers, malformed } = sorted;
  if (output.json) {
    const counts = { users, items, answers, events, malformed };
    output.value({
      dataSet: source.name,
      ...counts,
      written,
      repeated: isRepeated,
      seconds: elapsedMs / 1000,
    });
    return;
  }
  if (isRepeated) {
    output.line('This data set was imported before: nothing to do.');
    return;
  }
  const parts = [counted(users, 'user'), counted(items, 'item'), counted(answers, 'ranking')].filter(
    (part) => part !== '',
  );
  const tables = parts.length === 0 ? '' : `${parts.join(', ')} and `;
  const what = `${tables}${grouped(events)} event${events === 1 ? '' : 's'}`;
  output.line(
    `Imported ${what} in ${seconds(elapsedMs)}; ` +
      `${malformed === 0 ? 'no row was malformed' : `malformed rows: ${grouped(malformed)}`}.`,
  );
  output.line('Next: millrace train, then millrace recommend USER (with the same --data).');
}

/** Lines of help, which are not longer than this. */
const HELP_WIDTH = 110;

function wrapped(text: string): string {
  return text.replace(new RegExp(`(.{1,${HELP_WIDTH}})(?: |$)`, 'g'), '$1\n').trimEnd();
}

function counted(count: number, name: string): string {
  return count === 0 ? '' : `${grouped(count)} ${name}${count === 1 ? '' : 's'}`;
}

function shownNames(names: readonly string[]): string {
  const more = names.length - 10;
  return names.slice(0, 10).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
