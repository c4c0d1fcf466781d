/** A process that trains in a data directory, or stands by, until it is killed: what the tests of crashes start. */
import { openSmallWorld } from '#offline/testing';
import { createLogger, systemClock } from '#platform';
import { Trainer } from '../trainer.ts';
import { defaultTraining } from '../trainer-options.ts';

const [directory = '', instanceId = '', config = '{}'] = process.argv.slice(2);
const opened = await openSmallWorld(directory);
const trainer = new Trainer({
  ...opened,
  clock: systemClock,
  logger: createLogger({ level: 'info', name: 'test' }),
  seed: 1,
  config: JSON.parse(config),
  training: { ...defaultTraining, checkpointSteps: 2 },
  instanceId,
});
await trainer.run(new AbortController().signal);
