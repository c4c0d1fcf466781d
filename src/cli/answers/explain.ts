/** `millrace explain REQUEST ITEM`: why an item is in an answer, or is not, and what its score was made of. */
import type { Command } from 'commander';
import { type Explanation, openResponder } from '#responders';
import {
  askServer,
  requireData,
  responderOptions,
  serverAddress,
  unlessInterrupted,
  withInstallation,
} from '#service';
import { defineCommand, EXIT, type Invocation, wholeNumber } from '../command.ts';
import { moment, notice, type Output, right } from '../output.ts';

type Options = { readonly ts?: number; readonly user?: string };

/** Contributions shown to a person; `--json` has all. */
const MOST_PARTS = 20;

export function explainCommand(command: Command): Command {
  return defineCommand<Options>({
    command: command
      .argument('<request>', 'request id of the answer')
      .argument('<item>', 'item id')
      .option('--ts <ms>', 'about when it was given, ms since the epoch', wholeNumber(0, 8e15))
      .option('--user <user>', 'whom it was given to: narrows the search'),
    examples: [
      ['millrace explain 0198c0de-5a3e-7c21-9f52-6d1c2b3a4f50 i1', 'an item of an answer'],
      ['millrace explain home-1 i1 --user 42 --json', 'as GET /explain/home-1/i1?user_id=42 returns it'],
    ],
    notes: `
Asks the server that "millrace start" runs on the data directory, or reads the log itself if none runs.`,
    run: async ({ configuration, options, output }, [request = '', item = '']) => {
      requireData(configuration);
      const { ts, user } = options;
      const address = serverAddress(configuration, 'responder');
      const explanation =
        address === undefined
          ? await explainHere({ configuration, options }, request, item)
          : await askServer(configuration, address, ({ get }) =>
              get('/explain/{request_id}/{item_id}', {
                params: { request_id: request, item_id: item },
                query: { ...(ts !== undefined && { ts }), ...(user && { user_id: user }) },
              }),
            );
      if (output.json) output.value(explanation);
      else print(output, explanation as Explanation);
      return EXIT.done;
    },
  });
}

async function explainHere(
  { configuration, options: { ts, user: userId } }: Pick<Invocation<Options>, 'options' | 'configuration'>,
  request: string,
  item: string,
): Promise<Explanation> {
  return withInstallation(configuration, async (installation, shutdown) => {
    const responder = await openResponder(await responderOptions(installation));
    shutdown.add('responder', () => responder.close());
    await unlessInterrupted(responder.ready(), shutdown.signal);
    return responder.explain(request, item, { ts, userId });
  });
}

function print(output: Output, explanation: Explanation): void {
  const { request_id, item_id, ts, outcome, place, rank, candidates, sources, score } = explanation;
  const { propensity, dropped, version, ranker, degraded, contributions, unexplained, record } = explanation;
  const where = place === null ? outcome.replace('_', ' ') : `shown at place ${place}`;
  output.line(`Item ${item_id} in answer ${request_id} of ${moment(ts)}: ${where}`);
  if (dropped !== null) output.line(`  taken out by filter ${dropped}`);
  if (sources.length > 0) output.line(`  found by ${sources.join(', ')}`);
  if (rank !== null) output.line(`  ${rank}. of ${candidates} candidates`);
  if (score !== null) output.line(`  score ${score}, propensity ${propensity ?? '-'}`);
  output.line(`  version ${version ?? '-'}, ranker ${ranker ?? '-'}, degraded ${degraded ?? '-'}`);
  output.line(`  ${record.topic}, partition ${record.partition}, offset ${record.offset}`);
  for (const { version: id, model, role, run_id, snapshot_id, snapshot } of explanation.lineage) {
    output.line(`  ${role} ${id}: ${model}, run ${run_id ?? '-'}, snapshot ${snapshot_id ?? 'none'}`);
    for (const { topic, partition, start, end } of snapshot?.offsets ?? [])
      output.line(`    ${topic}, partition ${partition}: offsets ${start} to ${end}`);
  }
  if (contributions === null) notice(output, `No contributions: ${unexplained}`);
  else printContributions(output, contributions);
}

function printContributions(output: Output, contributions: NonNullable<Explanation['contributions']>): void {
  const { method, scale, base, total, parts, features, reproduces } = contributions;
  output.line(`Contributions to the ${scale} (${method}): ${base} and these make ${total}`);
  const rows = parts.slice(0, MOST_PARTS).map(({ name, value, contribution }) => {
    return [name, String(value ?? '-'), contribution.toFixed(4)];
  });
  output.table(['feature', right('value'), right('contribution')], rows);
  if (features?.matches === false)
    notice(output, 'The features are not those of the answer: rows have changed since.');
  if (reproduces === false) notice(output, 'The model does not arrive at the score of the answer.');
}
