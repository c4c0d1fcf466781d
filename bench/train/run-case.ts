/** Trains one case in a process of its own, and prints what it took as JSON: `node run-case.ts NAME [--unlimited]`. */
import { sequenceExamples, train, twoTower, twoTowerDefaults } from '#models';
import { invariant } from '#platform';
import { undescribed } from '../evaluate/two-tower.ts';
import { cases, type Interactions, type TrainCase } from './cases.ts';

export type Took = {
  readonly examples: number;
  /** Of reading the interactions, from files or by simulation. */
  readonly readSeconds: number;
  /** From there to towers and vectors, validation left out. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly msPerStep: number;
  readonly cpuMsPerStep: number;
  readonly peakBytes: number;
  readonly recall: number;
};

/** Without limit: until validation has got no better for so many epochs. */
const PATIENCE = 3;
const SEED = 1;
const METRIC = 'recall@10';

const [name, option] = process.argv.slice(2);
const chosen = cases.find((each) => each.name === name);
invariant(chosen !== undefined, `there is a case ${name}`);
const isUnlimited = option === '--unlimited';

const reading = lap();
const interactions = await chosen.read();
const readSeconds = reading().seconds;
const took = { readSeconds, ...(await measure(interactions, chosen)) };
process.stdout.write(`${JSON.stringify(took)}\n`);

/** The last item of each user validates. */
async function measure(
  { users, items, sequences }: Interactions,
  { config, unlimitedEpochs }: TrainCase,
): Promise<Omit<Took, 'readSeconds'>> {
  const whole = lap();
  const { historyLength } = { ...twoTowerDefaults, ...config };
  const earlier = new Map(Array.from(sequences, ([user, own]) => [user, Array.from(own).slice(0, -1)]));
  const data = {
    users: users + 1,
    items,
    ...undescribed(users, items),
    train: sequenceExamples(earlier, historyLength),
    validation: sequenceExamples(sequences, historyLength, (length) => Math.max(1, length - 1)),
  };
  const overrides = isUnlimited ? { ...config, epochs: unlimitedEpochs } : config;
  const training = await twoTower.open(data, overrides, SEED);
  const stepping = lap();
  if (isUnlimited) {
    await train(training, {
      earlyStopping: { metric: METRIC, patience: PATIENCE },
      onEpoch: ({ epoch, metrics }) =>
        process.stderr.write(`${chosen?.name}: epoch ${epoch}, ${JSON.stringify(metrics)}\n`),
    });
  } else {
    for (let step = training.epochs * training.stepsPerEpoch; step > 0; step--) await training.step();
  }
  const stepped = stepping();
  await training.result();
  const { seconds, cpuSeconds } = whole();
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  const recall = (await training.validate())?.[METRIC] ?? Number.NaN;
  await training.close();
  const steps = training.epochs * training.stepsPerEpoch;
  return {
    examples: data.train.user.length,
    seconds,
    cpuSeconds,
    msPerStep: (1e3 * stepped.seconds) / steps,
    cpuMsPerStep: (1e3 * stepped.cpuSeconds) / steps,
    peakBytes,
    recall,
  };
}

/** Wall and processor time since the call. */
function lap(): () => { seconds: number; cpuSeconds: number } {
  const started = performance.now();
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return { seconds: (performance.now() - started) / 1e3, cpuSeconds: (user + system) / 1e6 };
  };
}
