/** `millrace import movielens DIR`: real ratings instead of the simulated world. */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Command } from 'commander';
import { writeRecords } from '#engine';
import { isExpired } from '#log';
import { ConfigurationError, InputError, lockDirectory, type Progress, systemClock } from '#platform';
import { withPseudonyms } from '#privacy';
import {
  eventsOnTopic,
  type Installation,
  loadEvents,
  openInstallation,
  readRecordFile,
  withShutdown,
  writeRecordFile,
} from '#service';
import { type MalformedRow, type MovieLens, openMovieLens } from '#simulator';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { commandProgress, grouped, notice, type Output, seconds } from '../output.ts';

/** Malformed rows that are shown one by one. */
const SHOWN_ROWS = 20;
const EVENT_MARK = 'ml-';
const DAY_MS = 86_400_000;

export function importCommand(command: Command): Command {
  const movielens = defineCommand({
    command: new Command('movielens')
      .description('Import MovieLens 100K: users and items, then the ratings in order of time.')
      .argument('<dir>', 'directory with u.data, u.item and u.user, plain or gzipped'),
    examples: [
      ['millrace import movielens ml-100k --data .movielens', 'into a separate data directory'],
      ['millrace train --data .movielens', 'then: train on it'],
      ['millrace recommend 42 --data .movielens', 'and ask'],
    ],
    notes: `
A malformed row is reported with its file and line and put in topic dead-letters, and the import continues.
The same command resumes an interrupted import; a completed one is not repeated.
It may run while "millrace start" runs on the same data directory.`,
    run: (invocation, [directory = '']) => importMovieLens(invocation, directory),
  });
  return command.addCommand(movielens);
}

async function importMovieLens(
  { configuration, output }: Invocation<object>,
  directory: string,
): Promise<number> {
  const startedAt = systemClock.monotonic();
  const dataSet = await openMovieLens(directory);
  reportMalformed(dataSet.malformed, output);
  const imports = join(configuration.data, 'imports');
  const summary = {
    dataSet: 'movielens',
    users: dataSet.users().length,
    items: dataSet.items().length,
    ratings: dataSet.ratingCount,
    malformed: dataSet.malformed.length,
  };
  return withShutdown(configuration, async (shutdown) => {
    const lock = lockDirectory(imports, 'import movielens');
    shutdown.add('import lock', async () => lock.release());
    const installation = await openInstallation(configuration, shutdown);
    const recordPath = join(installation.directory, 'imports', `${hashOf(dataSet)}.json`);
    const isRepeated = readRecordFile(recordPath) !== undefined;
    let written = 0;
    if (!isRepeated) {
      refuseExpired(installation, dataSet);
      const progress = commandProgress(output, shutdown.signal);
      written = await write(installation, dataSet, { progress, signal: shutdown.signal });
      writeRecordFile(recordPath, { ...summary, at: systemClock.now() });
    }
    const elapsedMs = systemClock.monotonic() - startedAt;
    if (output.json) output.value({ ...summary, written, repeated: isRepeated, seconds: elapsedMs / 1000 });
    else if (isRepeated) output.line('This data set was imported before: nothing to do.');
    else {
      const { users, items, malformed } = summary;
      output.line(
        `Imported ${grouped(users)} users, ${grouped(items)} items and ${grouped(written)} ratings in ` +
          `${seconds(elapsedMs)}; ${malformed === 0 ? 'no row was malformed' : `malformed rows: ${grouped(malformed)}`}.`,
      );
      output.line('Next: millrace train, then millrace recommend 42 (with the same --data).');
    }
    return EXIT.done;
  });
}

/** What is past its retention by the wall clock is deleted by the brokers within minutes, unread or not. */
function refuseExpired({ expiresByWallClock, topics }: Installation, { tablesAt }: MovieLens): void {
  const { cleanup } = topics.interactions;
  if (!expiresByWallClock || !isExpired(cleanup, tablesAt, systemClock.now())) return;
  const day = new Date(tablesAt).toISOString().slice(0, 10);
  throw new ConfigurationError(
    'MR_IMPORT_EXPIRES',
    `The ratings begin on ${day}, and the brokers keep topic interactions for ${Math.round(cleanup.retentionMs / DAY_MS)} days by their clock: they would delete the ratings.`,
    {
      hint: 'Add ?retention=none to the address of the log, and a prefix that has no topics yet, such as kafka://host:9092?retention=none&prefix=movielens-.',
    },
  );
}

type Writing = { readonly progress: Progress; readonly signal: AbortSignal };

async function write(
  installation: Installation,
  dataSet: MovieLens,
  { progress, signal }: Writing,
): Promise<number> {
  const pseudonyms = await installation.pseudonyms();
  const present = await presentIds(installation, dataSet);
  await writeTables(installation, dataSet);
  const step = progress.start('Importing ratings', dataSet.ratingCount);
  const { written } = await loadEvents(installation, {
    events: dataSet.ratings((userId) => pseudonyms.pseudonymOf(userId)),
    alreadyWritten: ({ event_id }) => present.has(event_id),
    completeUntil: (lastTs) => lastTs + 1 + installation.configuration.examples.outcomeWindowMs,
    step,
    signal,
  });
  step.done();
  await writeDeadLetters(installation, dataSet.malformed);
  return written;
}

/**
 * The ids of what an import that was cut off has written. InputError MR_IMPORT_TOO_OLD where the log's time is past
 * the data set's already: admission would refuse every one of its events as too late.
 */
async function presentIds(installation: Installation, dataSet: MovieLens): Promise<ReadonlySet<string>> {
  const present = new Set<string>();
  let newest = Number.NEGATIVE_INFINITY;
  for await (const { event } of eventsOnTopic(installation)) {
    if (event.event_id.startsWith(EVENT_MARK)) present.add(event.event_id);
    else newest = Math.max(newest, event.ts);
  }
  const { admission } = installation.configuration;
  if (newest > dataSet.tablesAt + admission.dedupHorizonMs) {
    const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
    throw new InputError(
      'MR_IMPORT_TOO_OLD',
      `The ratings begin on ${day(dataSet.tablesAt)}, and the log has events up to ${day(newest)}: they would all be too late.`,
      { hint: 'Import into a separate data directory with --data DIR.' },
    );
  }
  return present;
}

async function writeTables(installation: Installation, dataSet: MovieLens): Promise<void> {
  const { log, topics } = installation;
  const timestamp = dataSet.tablesAt;
  const named = withPseudonyms(await installation.pseudonyms(), dataSet.users());
  const users = Array.from(named, (value) => ({ key: value.user_id, value, timestamp }));
  await writeRecords(log, topics.users, users);
  const items = dataSet.items().map((value) => ({ key: value.item_id, value, timestamp }));
  await writeRecords(log, topics.items, items);
}

/** Rows that may name a user are told by their place alone: what they say is in the file. */
async function writeDeadLetters(
  { log, topics, pseudonyms }: Installation,
  malformed: readonly MalformedRow[],
): Promise<void> {
  const timestamp = systemClock.now();
  const { forgets } = await pseudonyms();
  const letters = malformed.map(({ file, line, text, reason }) => {
    const shown = !forgets || file.startsWith('u.item');
    const value = {
      topic: file,
      partition: 0,
      offset: line,
      operator: 'import',
      reason: 'MR_IMPORT_MALFORMED',
      message: `${file}:${line}: ${shown ? reason : 'the row cannot be read'}`,
      timestamp,
      key: null,
      value: shown ? Buffer.from(text) : null,
    };
    return { key: file, timestamp, value };
  });
  await writeRecords(log, topics['dead-letters'], letters);
}

/** On standard error with --json as well: there they are JSON lines. */
function reportMalformed(malformed: readonly MalformedRow[], output: Output): void {
  for (const { file, line, reason } of malformed.slice(0, SHOWN_ROWS)) {
    const row = { code: 'MR_IMPORT_MALFORMED', file, line, reason };
    process.stderr.write(
      output.json ? `${JSON.stringify({ malformed: row })}\n` : `malformed ${file}:${line}: ${reason}\n`,
    );
  }
  const more = malformed.length - SHOWN_ROWS;
  if (more > 0)
    notice(output, `... and ${grouped(more)} more malformed rows, all of them in topic dead-letters`);
}

function hashOf(dataSet: MovieLens): string {
  const hash = createHash('sha256');
  for (const rows of [dataSet.users(), dataSet.items(), dataSet.ratings(), dataSet.malformed]) {
    for (const row of rows) hash.update(JSON.stringify(row));
  }
  return hash.digest('hex').slice(0, 32);
}
