/** A process of its own for a case of the benchmark of trees: `run-case.ts THREADS` prints what it took as JSON. */
import { fitTrees } from '#models';
import { binaryTable } from './table.ts';

export type Took = {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Mean on the training rows, before the last tree. */
  readonly logLoss: number;
};

const rows = binaryTable();
const [before, start] = [process.cpuUsage(), performance.now()];
const options = { loss: 'logistic', trees: 100, leaves: 31 } as const;
const { history } = await fitTrees(rows, options, { threads: Number(process.argv[2]) });
const seconds = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(before);
const logLoss = history.epochs.at(-1)?.loss ?? Number.NaN;
process.stdout.write(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, logLoss } satisfies Took));
