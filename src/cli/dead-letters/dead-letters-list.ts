/** `millrace dead-letters list`. */
import { Command } from 'commander';
import { type Letter, lettersMatching } from '#dead-letters';
import { defineCommand, EXIT, type Invocation, wholeNumber } from '../command.ts';
import { withShownBytes } from '../log/shown-bytes.ts';
import { grouped, moment, notice } from '../output.ts';
import { type FilterOptions, filterOf, filterOptions, withLetters } from './letter-options.ts';

type Options = FilterOptions & { readonly all?: true; readonly number: number };

const MESSAGE_WIDTH = 60;

export function listCommand(): Command {
  return defineCommand<Options>({
    command: filterOptions(new Command('list'))
      .description('List the dead letters that nobody has retried or dropped, oldest first.')
      .option('--all', 'include those that were retried or dropped')
      .option('-n, --number <count>', 'how many of the newest', wholeNumber(1, 1_000_000), 100),
    examples: [
      ['millrace dead-letters list', 'what waits for a decision'],
      ['millrace dead-letters list --reason MR_AVRO_DECODE --topic interactions', 'of one kind'],
      ['millrace dead-letters list -n 100000 --json | jq -r .reason | sort | uniq -c', 'how many of each'],
    ],
    notes: 'A letter is kept for 30 days. Times are those of the failed records.',
    run: list,
  });
}

async function list({ configuration, options, output }: Invocation<Options>): Promise<number> {
  const filter = filterOf(options, []);
  return withLetters(configuration, async (environment) => {
    const newest: Letter[] = [];
    let count = 0;
    for await (const letters of lettersMatching(environment, filter)) {
      for (const letter of letters) {
        if (letter.outcome !== undefined && options.all !== true) continue;
        count++;
        // What is listed says nothing of the record's value, which may be large.
        newest.push({ ...letter, value: { ...letter.value, value: null } });
        if (newest.length > options.number) newest.shift();
      }
    }
    output.list(
      newest,
      ['id', 'time', 'record', 'operator', 'reason', 'message', 'outcome'],
      cellsOf,
      listed,
    );
    if (count > newest.length)
      notice(output, `${grouped(count - newest.length)} older ones are not shown: add -n ${count}.`);
    return EXIT.done;
  });
}

function cellsOf({ id, value, outcome }: Letter): readonly string[] {
  const { topic, partition, offset, timestamp, operator, reason, message } = value;
  const record = topic === '' ? '-' : `${topic}/${partition}@${offset}`;
  const [line = ''] = message.split('\n');
  const short = line.length > MESSAGE_WIDTH ? `${line.slice(0, MESSAGE_WIDTH - 3)}...` : line;
  return [String(id), moment(timestamp), record, operator, reason, short, outcome?.outcome ?? ''];
}

/** The letter as JSON has it, without the bytes of its record. */
export function listed({ id, value, outcome }: Letter) {
  const { topic, partition, offset, operator, reason, message, timestamp, key } = value;
  return {
    id,
    time: new Date(timestamp).toISOString(),
    ...{ topic, partition, offset, operator, reason, message },
    key: withShownBytes(key),
    outcome: outcome === undefined ? null : { ...outcome, ts: new Date(outcome.ts).toISOString() },
  };
}
