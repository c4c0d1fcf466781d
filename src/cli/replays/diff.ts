/** `millrace diff LIVE SHADOW`: where the state of a replay differs from the live one. */
import type { Command } from 'commander';
import { compareCopies, type RowDifference, type StoreDifference, shadowOf } from '#engine';
import { findReplay, shadowName } from '#replays';
import { openLogInstallation, requireData, withShutdown } from '#service';
import { defineCommand, EXIT, type Invocation, usageError, wholeNumber } from '../command.ts';
import { grouped, type Output, right, shown } from '../output.ts';
import { namedTopology } from './replayed-topology.ts';

type DiffCommandOptions = { readonly examples: number };

export function diffCommand(command: Command): Command {
  return defineCommand<DiffCommandOptions>({
    command: command
      .argument('<live>', 'the topology, as for "millrace replay"')
      .argument('<shadow>', 'name of a replay of it')
      .option(
        '--examples <n>',
        'differing rows shown of each store and partition',
        wholeNumber(0, 10_000),
        3,
      ),
    examples: [
      ['millrace diff loop fix', 'each store and partition, with examples of rows that differ'],
      [`millrace diff loop fix --json | jq 'select(.result != "equal")'`, 'those that differ or are unknown'],
    ],
    notes: `
Rows are read from the changelogs and compared at the offsets that both copies have reached; a row that one of them has
since changed is in flight, and not compared. missing, extra: as seen from the live copy. A task that reads topics which
the copies have each of their own is compared when both have read these to their ends. Exit code 1 if a row differs
or a store cannot be compared.`,
    run: (invocation, [live = '', shadow = '']) => diff(invocation, live, shadow),
  });
}

async function diff(
  { configuration, options, output }: Invocation<DiffCommandOptions>,
  live: string,
  name: string,
): Promise<number> {
  requireData(configuration);
  return withShutdown(configuration, async (shutdown) => {
    const installation = await openLogInstallation(configuration, shutdown);
    const { log } = installation;
    const { topology } = await namedTopology(live, installation);
    const replay = await findReplay(log, name);
    if (replay.topology !== topology.name)
      throw usageError(
        `${name} is a replay of ${replay.topology}.`,
        `Compare it with that, not with ${live}.`,
      );
    const { runs, withArrival } = replay;
    const code =
      typeof runs === 'object' && 'module' in runs
        ? (await namedTopology(runs.module, installation)).topology
        : { ...topology, generation: replay.generation };
    const shadow = shadowOf(code, { name: shadowName(name), withArrival }).topology;
    const isRepeated = new Set(shadow.subTopologies.map((each) => each.name));
    const repeated = {
      ...topology,
      subTopologies: topology.subTopologies.filter((each) => isRepeated.has(each.name)),
    };
    const differences: StoreDifference[] = [];
    for await (const difference of compareCopies(repeated, shadow, {
      log,
      signal: shutdown.signal,
      examples: options.examples,
    }))
      differences.push(difference);
    print(output, differences);
    return differences.every(({ result }) => result === 'equal') ? EXIT.done : EXIT.failed;
  });
}

function print(output: Output, differences: readonly StoreDifference[]): void {
  output.list(
    differences,
    [
      'store',
      'result',
      right('rows'),
      right('missing'),
      right('extra'),
      right('changed'),
      right('in flight'),
    ],
    ({ store, partition, result, rows, missing, extra, changed, inFlight }) => {
      return [`${store}/${partition}`, result, ...[rows, missing, extra, changed, inFlight].map(grouped)];
    },
  );
  if (output.json) return;
  for (const { store, partition, detail, fields, examples } of differences) {
    if (detail !== '') output.line(`${store}/${partition}: ${detail}`);
    const counts = Object.entries(fields).map(([field, rows]) => `${field} in ${grouped(rows)} rows`);
    if (counts.length > 0) output.line(`${store}/${partition}: ${counts.join(', ')}`);
    for (const example of examples) output.line(`  ${lineOf(example)}`);
  }
}

function lineOf({ key, kind, fields }: RowDifference): string {
  const values = Object.entries(fields).map(([field, [live, shadow]]) =>
    kind === 'changed'
      ? `${field} ${shownValue(live)} -> ${shownValue(shadow)}`
      : `${field} ${shownValue(live ?? shadow)}`,
  );
  return `${kind} ${JSON.stringify(key)}: ${values.join(', ')}`;
}

const shownValue = (value: unknown) => (value === undefined ? 'none' : shown(value, 60));
