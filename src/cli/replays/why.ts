/** `millrace why VIEW KEY [FIELD]`: the events that made a value. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  placesOf,
  rocksDatabases,
  type StoreDefinition,
  type Topology,
  type TraceStep,
  traceRow,
} from '#engine';
import { type AsOfRow, asOfRows, featureViews } from '#features';
import { InputError, type Shutdown, systemClock } from '#platform';
import { pointOf } from '#replays';
import { openExistingInstallation, openLogInstallation, requireData, withShutdown } from '#service';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { moment, notice, type Output, shown } from '../output.ts';
import { namedTopology } from './replayed-topology.ts';

type WhyCommandOptions = { readonly topology: string; readonly asOf?: string };

type Step = TraceStep & { readonly fields: Readonly<Record<string, unknown>> };

export function whyCommand(command: Command): Command {
  return defineCommand<WhyCommandOptions>({
    command: command
      .argument('<view>', 'a view, or a store such as total/state: see "millrace topology"')
      .argument('<key>', 'a user, an item, or the key of the row')
      .argument('[field]', 'only what changed this field')
      .option('--as-of <time>', 'only what happened up to this event time')
      .option('--topology <topology>', 'whose store it is, as for "millrace replay"', 'loop'),
    examples: [
      ['millrace why user-features 42', 'each event of the user, with the row after it'],
      ['millrace why user-features 42 clicks_7d --as-of 2026-01-30T12:00:00Z', 'why it was that then'],
      ['millrace why total ann --topology topology.ts', 'in a topology of your own'],
    ],
    notes: `
Replays the row's task on a scratch copy from its journal, or from the log alone if the journal does not go back to the
beginning. Changes nothing. Each step names the record (topic, partition, offset) or the timer that caused it. A row
that expires by its time to live leaves no step. Exit code 1 if nothing produced such a value.`,
    run: (invocation, [view = '', key = '', field]) => why(invocation, view, key, field),
  });
}

async function why(
  { configuration, options, output }: Invocation<WhyCommandOptions>,
  name: string,
  id: string,
  field: string | undefined,
): Promise<number> {
  requireData(configuration);
  const until = options.asOf === undefined ? undefined : pointOf(options.asOf);
  if (until !== undefined && !('timeMs' in until))
    throw usageError(`${options.asOf} is no time.`, 'Write it as 2026-01-30T12:00:00Z.');
  return withShutdown(configuration, async (shutdown) => {
    const installation = await openLogInstallation(configuration, shutdown);
    const { log, logger } = installation;
    const { topology } = await namedTopology(options.topology, installation);
    const store = storeNamed(topology, name);
    const view = featureViews.find((each) => store.name.endsWith(`/${each.name}`));
    const isUser = options.topology === 'loop' && view?.entity === 'user';
    const key = isUser ? await pseudonymOf(configuration, shutdown, id) : id;
    const scratch = rocksDatabases(await scratchDirectory(shutdown));
    const steps: Step[] = [];
    const by = new Set<string>();
    for (const place of placesOf(topology)) {
      if (!place.subTopology.stores.includes(store)) continue;
      const options = { log, logger, topology, scratch, clock: systemClock, signal: shutdown.signal };
      const trace = await traceRow(place, store, key, options);
      if (trace.steps.length > 0) by.add(trace.by);
      steps.push(...trace.steps.map((step) => ({ ...step, fields: fieldsOf(step, view) })));
    }
    const told = steps
      .filter(({ timestamp }) => timestamp <= (until?.timeMs ?? Number.POSITIVE_INFINITY))
      .filter((step, i, all) => field === undefined || changes(field, all[i - 1], step));
    print(output, told, field);
    if (by.has('rebuild'))
      notice(
        output,
        'The journal can’t be repeated from the beginning with this code: this is the order of the log.',
      );
    return told.length > 0 ? EXIT.done : EXIT.failed;
  });
}

/** By its whole name, its own, or that of its operator. Errors: MR_USAGE. */
function storeNamed(topology: Topology, name: string): StoreDefinition {
  const stores = topology.subTopologies.flatMap((each) => each.stores).filter(({ logged }) => logged);
  const found =
    stores.find((store) => store.name === name) ??
    stores.find((store) => store.name.endsWith(`/${name}`)) ??
    stores.find((store) => store.node === name);
  if (found !== undefined) return found;
  const names = stores.map((store) => store.name).join(', ');
  throw usageError(`${topology.name} has no view or store ${name}.`, `Name one of ${names}.`);
}

async function pseudonymOf(
  configuration: Invocation<object>['configuration'],
  shutdown: Shutdown,
  user: string,
): Promise<string> {
  const { pseudonyms } = await openExistingInstallation(configuration, shutdown);
  const known = (await pseudonyms()).known(user);
  if (known !== undefined) return known;
  throw new InputError('MR_REPLAY_UNKNOWN', `User ${user} is not known.`, { hint: 'They have no events.' });
}

async function scratchDirectory(shutdown: Shutdown): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-why-'));
  shutdown.add('scratch stores', () => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** The fields of a row: of a view as an answer has them, of another value as it is stored. */
function fieldsOf(
  { value, timestamp }: TraceStep,
  view: (typeof featureViews)[number] | undefined,
): Step['fields'] {
  if (value === null) return {};
  if (view !== undefined) {
    const { folded } = asOfRows(view).fold(value as AsOfRow<never>, Number.POSITIVE_INFINITY);
    return view.finish(folded, timestamp) as Step['fields'];
  }
  return typeof value === 'object' && !Array.isArray(value) ? (value as Step['fields']) : { value };
}

function changes(field: string, before: Step | undefined, { fields }: Step): boolean {
  return JSON.stringify(before?.fields[field]) !== JSON.stringify(fields[field]);
}

function print(output: Output, steps: readonly Step[], field: string | undefined): void {
  for (const { cause, timestamp, fields, value } of steps) {
    const made = value === null ? null : field === undefined ? fields : { [field]: fields[field] };
    if (output.json) {
      output.value({ cause, timestamp, value: made });
      continue;
    }
    const what =
      'timer' in cause
        ? `timer of ${cause.timer}`
        : `${cause.topic}/${cause.partition} offset ${cause.offset}`;
    output.line(`${moment(timestamp)}  ${what}`);
    output.line(`    ${made === null ? 'the row is removed' : shown(made, 160)}`);
  }
}
