/** `millrace sql`: one SELECT over the archive. */

import { once } from 'node:events';
import type { Command } from 'commander';
import { type AnyView, withTtls } from '#features';
import { type ArchiveOptions, archiveNow, openOffline, type QueryResult, queryOffline } from '#offline';
import { type DirectoryLock, errorCode, lockDirectory } from '#platform';
import { archiveOptions, withInstallation } from '#service';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { commandProgress, grouped, notice, type Output, right } from '../output.ts';

type Options = { readonly csv?: boolean };
type Result = QueryResult<unknown>;

/** A table is printed when its widths are known: more rows are for --csv and --json. */
const TABLE_ROWS = 1_000;

export function sqlCommand(command: Command): Command {
  return defineCommand<Options>({
    command: command
      .argument('<query>', 'one SELECT, in the SQL of DuckDB')
      .option('--csv', 'print comma-separated values'),
    examples: [
      ['millrace sql "show tables"', 'the tables; "describe events" for columns'],
      ['millrace sql "select kind, count(*) from events group by 1"', 'events by kind'],
      ['millrace sql "from user_features_as_of(epoch_ms(now()))" --csv', 'the current row of every user'],
    ],
    notes: `
Tables: events; examples, with the newest labels; example_corrections; and the history of each view, such as
user_features: one row per change, with the state from valid_from on. Times (ts, valid_from) are ms since the epoch;
"time" is the same as a timestamp. user_profile and item_profile hold only the newest record of each key, valid from
its own time.

  <view>_as_of(ms)       the finished row of every key, from all events before that time;
                         epoch_ms(timestamp '2026-01-31') is a time in ms
  <view>_row(state, ms)  the finished row of a state at a time; in an as-of join:

  select e.event_id, user_features_row(h.state, e.ts).recent_items from events e
  asof left join user_features h on e.user_id = h.user_id and e.ts > h.valid_from

On the log, users have pseudonyms: where user_id = pseudonym('42'). Records that a running start has not archived yet
(offline.flushSeconds) are not included; without one, they are archived first.`,
    run: (invocation, [query = '']) => runQuery(invocation, query),
  });
}

async function runQuery(
  { configuration, options, output }: Invocation<Options>,
  query: string,
): Promise<number> {
  if (output.json && options.csv === true) {
    throw usageError('--csv and --json exclude each other.', 'Choose one of them.');
  }
  return withInstallation(configuration, async (installation, shutdown) => {
    const archive = await archiveOptions(installation, commandProgress(output, shutdown.signal));
    await archiveWhereNobodyDoes(archive, shutdown.signal);
    const store = await openOffline({ ...installation, dataDirectory: configuration.data });
    const signal = AbortSignal.any([shutdown.signal, output.closed]);
    try {
      const pseudonyms = await installation.pseudonyms();
      await queryOffline(
        query,
        {
          store,
          views: newestOf(archive.views ?? []).map((view) => withTtls(view, configuration.features.ttlMs)),
          records: installation,
          pseudonymOf: (userId) => pseudonyms.known(userId),
          signal,
        },
        (result) => print(output, result, options.csv === true),
      );
    } catch (error) {
      if (!output.closed.aborted) throw error;
    }
    return EXIT.done;
  });
}

/** The newest version of each view name. */
function newestOf(views: readonly AnyView[]): AnyView[] {
  const newest = new Map<string, AnyView>();
  for (const view of views) {
    if (view.version > (newest.get(view.name)?.version ?? 0)) newest.set(view.name, view);
  }
  return [...newest.values()];
}

async function archiveWhereNobodyDoes(options: ArchiveOptions, signal: AbortSignal): Promise<void> {
  const lock = freeLock(options.dataDirectory);
  if (lock === undefined) return;
  try {
    await archiveNow(options, signal);
  } finally {
    lock.release();
  }
}

/** Undefined while another process has the directory: it archives, or soon will. */
function freeLock(data: string): DirectoryLock | undefined {
  try {
    return lockDirectory(data, 'sql');
  } catch (error) {
    if (errorCode(error) === 'MR_DATA_LOCKED') return undefined;
    throw error;
  }
}

async function print(output: Output, result: Result, isCsv: boolean): Promise<void> {
  if (output.json) await printJson(output, result);
  else if (isCsv) await printCsv(output, result);
  else await printTable(output, result);
}

async function printJson(output: Output, { columns, rows }: Result): Promise<void> {
  for await (const chunk of rows) {
    for (const row of chunk) {
      output.value(Object.fromEntries(columns.map(({ name }, i) => [name, row[i]])));
    }
    await drained(output);
  }
}

/** RFC 4180. */
async function printCsv(output: Output, { columns, rows }: Result): Promise<void> {
  const line = (cells: readonly string[]) =>
    output.line(
      cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(','),
    );
  line(columns.map(({ name }) => name));
  for await (const chunk of rows) {
    for (const row of chunk) line(row.map((value) => (value === null ? '' : text(value))));
    await drained(output);
  }
}

/** Whoever reads slowly must not make this process hold the result. */
async function drained({ closed }: Output): Promise<void> {
  if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain', { signal: closed });
}

async function printTable(output: Output, { columns, rows }: Result): Promise<void> {
  const shown: string[][] = [];
  let isCut = false;
  for await (const chunk of rows) {
    shown.push(...chunk.map((row) => row.map(text)));
    isCut = shown.length > TABLE_ROWS;
    if (isCut) break;
  }
  output.table(
    columns.map(({ name, type }) => (numeric.test(type) ? right(name) : name)),
    shown.slice(0, TABLE_ROWS),
  );
  if (isCut) notice(output, `The first ${grouped(TABLE_ROWS)} rows; --csv and --json print all.`);
}

const numeric = /^(?:U?(?:TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DOUBLE|FLOAT|DECIMAL.*)$/;

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
