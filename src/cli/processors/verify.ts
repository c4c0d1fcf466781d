/** `millrace verify`: whether everything that is derived is what it is derived from. */
import { type Command, InvalidArgumentError } from 'commander';
import { placesOf, type StoreOnDisk } from '#engine';
import { inspectLock, lockDirectory, type Shutdown } from '#platform';
import { type Finding, verifiedTopologies, verifyDerived, withInstallation } from '#service';
import type { Configuration } from '#service/configuration';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { commandProgress, grouped, notice, type Output } from '../output.ts';

type VerifyCommandOptions = {
  readonly task?: string;
  readonly fromLog?: boolean;
  readonly force?: boolean;
  readonly sample?: number;
};

export function verifyCommand(command: Command): Command {
  return defineCommand<VerifyCommandOptions>({
    command: command
      .option('--task <name>', 'verify only this task, such as interactions-accepted-0')
      .option('--from-log', 'rebuild from the inputs, without the journal, and compare')
      .option('--force', 'with --from-log: include state that depends on arrival')
      .option('--sample <share>', 'a random share, such as 0.05, of tasks, batches, files and rows', share),
    examples: [
      ['millrace verify', 'everything: each commit, file and row'],
      ['millrace verify --sample 0.05', 'a twentieth, beside a running start'],
      ['millrace verify --from-log', 'would a rebuild from the log be equal?'],
      [`millrace verify --json | jq -r 'select(.result != "equal").task'`, 'those not proven'],
    ],
    notes: `
The journal records the order in which a task took its records, and the digests of its stores after each commit.
Replaying it is exact for every operator, as long as the records are still in the log. Where they are not, or the
journal is cut by retention, stores are compared with their changelogs row by row, and the changelogs with the digests
that the journal still has. Nothing is changed. If no other command holds the data directory, the stores on disk are
compared as well, row by row, and the directory is held meanwhile; while "millrace start" has them open, journals,
changelogs, log, files and Redis are compared. Batches of the embedded log are checked against their checksums, files
of the archive, snapshots, versions and built indexes against their SHA-256, copies of global tables and rows in Redis
against their topics, rows of the vault of pseudonyms against their seals. What was found is in metric
millrace_verify_different of the process that runs on the data directory. If an option that results depend on was
changed since, a difference is reported as "unknown", with the option: verify with its earlier value. Exit code 1 if
something differs or cannot be verified.`,
    run: (invocation) => runVerify(invocation),
  });
}

function share(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 1) return value;
  throw new InvalidArgumentError('Use a share over 0, up to 1.');
}

async function runVerify({
  options,
  configuration,
  output,
}: Invocation<VerifyCommandOptions>): Promise<number> {
  return withInstallation(configuration, async (installation, shutdown) => {
    const { task, fromLog, force, sample = 1 } = options;
    if (task !== undefined) {
      const names = (await verifiedTopologies(installation)).flatMap(placesOf).map(({ name }) => name);
      if (!names.includes(task))
        throw usageError(`There is no task ${task}.`, `Tasks are ${names.join(', ')}.`);
    }
    const storesInUse = !holdStores(configuration, output, shutdown);
    const progress = commandProgress(output, shutdown.signal);
    let step: ReturnType<typeof progress.start> | undefined;
    const findings = verifyDerived(installation, shutdown, {
      sample: { share: sample, random: Math.random },
      storesInUse,
      ...(fromLog === true && { fromLog }),
      ...(force === true && { force }),
      ...(task !== undefined && { isWanted: ({ name }) => name === task }),
      onTask: (name) => {
        step = progress.start(`Verifying ${name}`, 100);
        return (done, total) => step?.update(total === 0 ? 100 : Math.floor((100 * done) / total));
      },
    });
    let isEqual = true;
    for await (const finding of findings) {
      step?.done();
      step = undefined;
      isEqual &&= finding.result === 'equal';
      if (output.json) output.value(finding);
      else output.line(lineOf(finding));
    }
    return isEqual ? EXIT.done : EXIT.failed;
  });
}

/** Keeps `start` from opening the stores while they are read; false where it, or another command, has them. */
function holdStores({ data }: Configuration, output: Output, shutdown: Shutdown): boolean {
  const { held, pid, purpose } = inspectLock(data);
  if (held) {
    const who = `process ${pid} (millrace ${purpose})`;
    notice(output, `The state on disk is not compared: ${who} has it open.`);
    return false;
  }
  const lock = lockDirectory(data, 'verify');
  shutdown.add('data directory', async () => lock.release());
  return true;
}

function lineOf(finding: Finding): string {
  const { task, result, commits, records, files, batches, rows, detail, state, stores = [] } = finding;
  const parts = [
    ...(commits === undefined ? [] : [`${grouped(commits)} commits`]),
    ...(records === undefined ? [] : [`${grouped(records)} records`]),
    ...(batches === undefined ? [] : [`${grouped(batches)} batches`]),
    ...(rows === undefined ? [] : [`${grouped(rows)} rows`]),
    ...(files === undefined ? [] : [`${grouped(files)} ${files === 1 ? 'file' : 'files'}`]),
  ];
  const counts = parts.length === 0 ? '' : ` (${parts.join(', ')})`;
  const onDisk = [state === undefined ? '' : `state on disk ${state}`, ...stores.map(shownStore)];
  const details = [detail, ...onDisk].filter((part) => part !== '').join('; ');
  return `${task}: ${result}${counts}${details === '' ? '' : `: ${details}`}`;
}

function shownStore({ name, result, rows, firstKey, record, error }: StoreOnDisk): string {
  if (error !== undefined) return `${name}: ${error}`;
  if (result === 'unknown') return `${name} stands at no commit of the journal`;
  if (firstKey === undefined) return `${name} has another digest than at any commit of the journal`;
  const written = record && `, written at ${record.topic}/${record.partition} offset ${record.offset}`;
  return `${name}: ${grouped(rows ?? 0)} ${rows === 1 ? 'row differs' : 'rows differ'}, first at key ${JSON.stringify(firstKey)}${written ?? ''}`;
}
