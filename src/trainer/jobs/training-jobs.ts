import { writeRecords } from '#engine';
import type { Job, JobContext, JobOutcome } from '#jobs';
import { FatalError, relayed } from '#platform';
import { commandOf, type Run, type RunPipeline, type RunTrigger, runRequest } from '#schemas';
import { isIndexStale } from '../indexing/indexes.ts';
import { readRuns } from '../runs/ledger.ts';
import { inOneLine, isOver } from '../runs/run.ts';
import { refreshableVersion } from '../runs/wanted.ts';
import { defaultTraining, type TrainerOptions } from '../trainer-options.ts';
import { carryOutCommand, commandIdOf } from './carry-out-command.ts';
import type { declareTrainingJobs } from './declared.ts';
import { ExamplesSinceSnapshot } from './examples-since-snapshot.ts';

type Source = Pick<TrainerOptions, 'log' | 'topics' | 'clock' | 'training'>;

/** The jobs that commands to the trainer carry out, whichever process trains. `declared`: what declareTrainingJobs returns. */
export async function openTrainingJobs(
  source: Source,
  declared: ReturnType<typeof declareTrainingJobs>,
): Promise<readonly Job[]> {
  const { topics, training = defaultTraining } = source;
  const examples = await ExamplesSinceSnapshot.open(source);
  const otherWork = async () => {
    const open = (await readRuns(source)).find((run) => !isOver(run));
    return open && `Run ${open.run_id}`;
  };
  return [
    {
      ...declared.training,
      progress: examples,
      isWorthwhile: async () => (await examples.newRecords()) > 0,
      otherWork,
      work: (context) => train(source, 'training', context),
    },
    {
      ...declared.refresh,
      isWorthwhile: async () => {
        const fresh = await examples.newRecords();
        return fresh >= training.refreshExamples && (await refreshableVersion(source)) !== undefined;
      },
      otherWork,
      work: (context) => train(source, 'refresh', context),
    },
    {
      ...declared.reindex,
      isWorthwhile: () => isIndexStale(source),
      work: (context) =>
        carryOutCommand(source, context, {
          command: { kind: 'reindex' },
          topic: topics.indexes,
          take: (builds, id) => {
            const built = builds.find(({ command_id }) => command_id === id);
            return built && { text: `index of ${built.items} items for version ${built.version}` };
          },
        }),
    },
    {
      ...declared.snapshot,
      work: (context) =>
        carryOutCommand(source, context, {
          command: { kind: 'snapshot' },
          topic: topics.snapshots,
          take: (snapshots, id) => {
            const taken = snapshots.find(({ command_id }) => command_id === id);
            return taken && { text: `snapshot ${taken.snapshot_id}` };
          },
        }),
    },
  ];
}

async function train(source: Source, pipeline: RunPipeline, context: JobContext): Promise<JobOutcome> {
  const { topics, training = defaultTraining } = source;
  if (training.overlap === 'cancel') {
    // Those of earlier runs of the jobs are given up by now; its own, an earlier owner may have begun.
    const own = commandIdOf(context);
    const others = (await readRuns(source)).filter(
      ({ trigger, command_id }) => trigger !== 'command' && command_id !== own,
    );
    await cancelRuns(source, others);
  }
  const asked = new Set<string>();
  const trigger: RunTrigger = context.trigger === 'count' ? 'count' : 'schedule';
  const runs = new Map<string, Run>();
  const ended = await carryOutCommand(source, context, {
    command: { kind: 'train', run: runRequest({ pipeline, trigger }) },
    topic: topics.runs,
    take: (changes, id) => {
      for (const run of changes) if (run.command_id === id) runs.set(run.run_id, run);
      const found = [...runs.values()];
      return found.length > 0 && found.every(isOver) ? found : undefined;
    },
    giveUp: async () => {
      const all = [...runs.values()].filter(({ run_id }) => !asked.has(run_id));
      for (const { run_id } of all) asked.add(run_id);
      await cancelRuns(source, all);
    },
  });
  return outcomeOf(ended);
}

async function cancelRuns({ log, topics, clock }: Source, runs: readonly Run[]): Promise<void> {
  const cancels = runs
    .filter((run) => !isOver(run))
    .map(({ run_id }) => {
      const key = `cancel-${run_id}`;
      const value = commandOf({
        command_id: key,
        ts: clock.now(),
        kind: 'cancel',
        run: runRequest({ run_id }),
      });
      return { key, value, timestamp: value.ts };
    });
  if (cancels.length > 0) await writeRecords(log, topics.commands, cancels);
}

/** It has failed where a run has, and succeeded where one did; what was cancelled or had nothing to do is neither. */
function outcomeOf(runs: readonly Run[]): JobOutcome {
  const failed = runs.find(({ status }) => status === 'failed')?.error;
  if (failed != null) {
    throw new FatalError(
      relayed(failed.code),
      failed.message,
      failed.hint === null ? {} : { hint: failed.hint },
    );
  }
  const made = runs.flatMap(({ version, model }) =>
    version === null ? [] : [`version ${version} (${model})`],
  );
  const isSkipped = !runs.some(({ status }) => status === 'succeeded');
  const why = runs.flatMap(({ error }) => (error === null ? [] : [inOneLine(error)]));
  return { text: [...new Set([...made, ...why])].join(', '), isSkipped };
}
