/** `millrace plan`: what starting this code on this data would do. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { declaredTopology } from '#processing';
import {
  lacksChoice,
  makePlan,
  openLogInstallation,
  requireData,
  type ShownPlan,
  withShutdown,
} from '#service';
import { openTopics } from '#topologies';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { grouped, type Output } from '../output.ts';

export function planCommand(command: Command): Command {
  return defineCommand({
    command: command.argument('[module]', 'a topology of your own, instead of what "millrace start" runs'),
    examples: [
      ['millrace plan', 'before a new release is started'],
      ['millrace plan topology.ts', 'before "millrace run topology.ts"'],
      ['millrace plan --json | jq .hash', 'for --accept'],
    ],
    notes: `
Changes nothing and disturbs no running process. For each store it says whether it is kept, new, renamed, rebuilt from
the inputs, emptied or dropped, and why; which topics would be created or deleted; how many records would be read; how
long that takes by the rate that the journal of this data shows; and how much disk the new rows take, by what rows take
now. A start does by itself what loses nothing. For the rest it needs a choice in code ("migrations") or the plan's
hash: "millrace start --accept HASH". The hash is of what would be done, not of how many records there are by now. Exit
code 0 if a start is safe, else 1.`,
    run: (invocation, [module]) => runPlan(invocation, module),
  });
}

async function runPlan(
  { configuration, output }: Invocation<object>,
  module: string | undefined,
): Promise<number> {
  requireData(configuration);
  return withShutdown(configuration, async (shutdown) => {
    const installation = await openLogInstallation(configuration, shutdown);
    const own =
      module === undefined
        ? undefined
        : (source: Pick<typeof installation, 'log' | 'registry'>) => {
            const topics = () => openTopics(source.log, source.registry);
            return declaredTopology({ module: resolve(module) }, configuration, source, topics, () => {});
          };
    const plan = await makePlan(installation, own, shutdown.signal);
    if (output.json) output.value(plan);
    else print(output, plan, module === undefined ? 'millrace start' : `millrace run ${module}`);
    return plan.isSafe ? EXIT.done : EXIT.failed;
  });
}

function print(output: Output, plan: ShownPlan, start: string): void {
  for (const topology of plan.topologies) {
    const { carryOver, rebuilt } = topology;
    output.line(`${topology.topology}, generation ${topology.generation}`);
    const kept = topology.stores.filter(({ fate }) => fate === 'kept').length;
    if (kept > 0) output.line(`  ${kept} ${kept === 1 ? 'store' : 'stores'} kept`);
    for (const { store, fate, why } of topology.stores)
      if (fate !== 'kept') output.line(`  ${store} ${fate}${why === '' ? '' : `: ${why}`}`);
    if (carryOver !== undefined)
      output.line(
        `  state of generation ${carryOver.from} carried over: ${grouped(carryOver.recordsToCopy)} records`,
      );
    for (const line of carryOver?.unresolved ?? []) output.line(`  lost unless chosen: ${line}`);
    if (rebuilt.length > 0)
      output.line(`  inputs read again, and outputs written again: ${rebuilt.join(', ')}`);
    for (const topic of topology.deleted) output.line(`  topic ${topic} deleted`);
  }
  if (plan.topicsToCreate.length > 0) output.line(`Topics to create: ${plan.topicsToCreate.join(', ')}`);
  for (const note of plan.notes) output.line(`Note: ${note}`);
  for (const problem of plan.problems) output.line(`Refused: ${problem}`);
  output.line(effortOf(plan));
  if (plan.isSafe) output.line('Safe: nothing is lost.');
  else if (plan.problems.length === 0 && plan.topologies.some(lacksChoice))
    output.line(`Not safe. To do this: ${start} --accept ${plan.hash}`);
  else output.line('Not safe: it would be refused.');
}

function effortOf({ records, seconds, bytes, rates }: ShownPlan): string {
  const { recordsPerSecond, commits, stateBytes } = rates;
  const megabytes = (count: number) => `${grouped(Math.ceil(count / 1e6))} MB`;
  const more =
    bytes === undefined || bytes === 0 ? '' : `; about ${megabytes(bytes)} of disk for the new rows`;
  const disk = stateBytes === undefined ? '' : `${more}; the stores have ${megabytes(stateBytes)} now`;
  if (records === 0) return `Nothing to read${disk}.`;
  const by =
    recordsPerSecond === undefined
      ? 'no rate is known, since no commit was journalled'
      : `about ${grouped(seconds ?? 0)} s by ${grouped(recordsPerSecond)} records/s, measured over ${grouped(commits)} commits of this data`;
  return `To read: ${grouped(records)} records, ${by}${disk}.`;
}
