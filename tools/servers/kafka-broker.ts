import { RestartableProcess } from './restartable-process.ts';
import type { ServerDirectory } from './server-directory.ts';
import type { ServerProcess } from './server-process.ts';

/** One broker of a server. */
export class KafkaBroker extends RestartableProcess {
  readonly id: number;

  /** `args` are those of `java`. */
  constructor(id: number, home: ServerDirectory, args: readonly string[]) {
    super(home, { program: 'java', args, log: `broker-${id}.log` });
    this.id = id;
  }

  protected untilReady(process: ServerProcess): Promise<void> {
    return process.ready((output) => output.includes('Kafka Server started'));
  }
}
