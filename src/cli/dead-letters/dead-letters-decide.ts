/** `millrace dead-letters retry` and `drop`: one letter, or all that match. */
import { Command } from 'commander';
import { operatorOfThisMachine } from '#audit';
import { type Decided, type Decision, decideLetters } from '#dead-letters';
import type { Topology } from '#engine';
import { systemClock } from '#platform';
import { topics } from '#schemas';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { grouped, type Output } from '../output.ts';
import { declaredTopology } from '../processors/topology.ts';
import { type FilterOptions, filterOf, filterOptions, withLetters } from './letter-options.ts';

type Options = FilterOptions & { readonly every?: true };
type Fate = Decision['fate'];

/** Lines about single letters that a person wants to read. */
const MOST_REFUSALS = 20;

export function retryCommand(): Command {
  return defineCommand<Options>({
    command: choosing(new Command('retry')).description(
      'Append the records of dead letters to their topic and partition again, each exactly once.',
    ),
    examples: [
      ['millrace dead-letters retry 12', 'one'],
      [
        'millrace dead-letters retry --reason MR_PROCESSOR_THREW --since 2026-01-30',
        'what a repaired bug refused',
      ],
    ],
    notes: `
The record, the dead letter's outcome and an event on topic audit become visible together, so a retry that is killed, or
that two people run at once, appends nothing twice; the same command completes it. Other readers of the topic get the
record a second time, so records of topics that processors write are refused: rebuild the state instead ("millrace
replay"). Dead letters without a record (timers, imports) are refused too, and so are rows of a compacted topic that has
a newer one. A record that fails again is a new dead letter. Exit code 1 if a dead letter was refused.`,
    run: (invocation, ids) => decide(invocation, ids, 'retried'),
  });
}

export function dropCommand(): Command {
  return defineCommand<Options>({
    command: choosing(new Command('drop')).description('Set dead letters aside: only list --all shows them.'),
    examples: [
      ['millrace dead-letters drop 12 13', 'two'],
      ['millrace dead-letters drop --topic interactions --until 2026-01-30', 'what is too old to matter'],
    ],
    notes: 'A dropped dead letter can still be retried by its id.',
    run: (invocation, ids) => decide(invocation, ids, 'dropped'),
  });
}

function choosing(command: Command): Command {
  return filterOptions(command.argument('[ids...]', 'as "millrace dead-letters list" has them')).option(
    '--every',
    'all letters, if there is no other filter',
  );
}

async function decide(
  { configuration, options, output }: Invocation<Options>,
  ids: readonly string[],
  fate: Fate,
): Promise<number> {
  const filter = filterOf(options, ids);
  const isChosen = Object.values(filter).some((each) => each !== undefined) || options.every === true;
  if (!isChosen) throw usageError('No letter is named.', 'Name ids, a filter, or --every.');
  const derived =
    fate === 'retried' ? writtenTopics(await declaredTopology(configuration)) : new Set<string>();
  return withLetters(configuration, async (environment) => {
    const actor = operatorOfThisMachine();
    const decided = await decideLetters(
      { ...environment, clock: systemClock },
      { fate, filter, actor, derived },
    );
    report(output, fate, decided);
    return decided.refused.length > 0 ? EXIT.failed : EXIT.done;
  });
}

/** The product's topics that its processors write. */
function writtenTopics({ subTopologies }: Topology): ReadonlySet<string> {
  const written = subTopologies.flatMap(({ sinks, stores }) => [
    ...sinks.map(({ topic }) => topic.name),
    ...stores.map(({ changelog }) => changelog),
  ]);
  return new Set(written.filter((name) => Object.hasOwn(topics, name)));
}

function report(output: Output, fate: Fate, { decided, earlier, refused }: Decided): void {
  if (output.json) {
    for (const each of decided) output.value({ ...each, outcome: fate });
    for (const id of earlier) output.value({ id, outcome: 'earlier' });
    for (const { id, error } of refused) {
      const { code, message, hint } = error;
      output.value({ id, outcome: 'refused', error: { code, message, hint } });
    }
    return;
  }
  const count = (n: number) => `${grouped(n)} ${n === 1 ? 'letter' : 'letters'}`;
  output.line(`${count(decided.length)} ${fate}.`);
  if (earlier.length > 0) output.line(`${count(earlier.length)} had been retried or dropped before.`);
  if (refused.length > 0) output.line(`${count(refused.length)} cannot be retried:`);
  for (const { error } of refused.slice(0, MOST_REFUSALS))
    output.line(`  ${error.code}: ${error.message} ${error.hint}`);
  if (refused.length > MOST_REFUSALS) output.line('  ... see them all with --json.');
}
