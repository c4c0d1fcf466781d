/** The replays that answers come from, and those that may be swapped back to, at work in `millrace start`. */
import { join } from 'node:path';
import { errorCode, type Gauge, inspectLock, Shutdown, systemClock } from '#platform';
import { declaredTopology, stateDirectoryOf } from '#processing';
import {
  cancelReplay,
  codeOf,
  type Definition,
  type InForce,
  readReplays,
  shadowName,
  startReplay,
} from '#replays';
import type { Installation } from './installation.ts';

type Wanted = { readonly shadow: string; readonly code: string; readonly isInForce: boolean };

type Running = { readonly shutdown: Shutdown; failure: Error | undefined };

/** How long after a failure a replay is begun again, ms. */
const AGAIN_MS = 10_000;

export class KeptReplays {
  readonly #installation: Installation;
  readonly #stateDirectory: string;
  readonly #running = new Map<string, Running>();
  readonly #failed = new Map<string, { readonly why: string; readonly atMs: number }>();
  readonly #standing: Gauge<'shadow'>;
  /** Why replays stand still that answers come from. */
  readonly #problems = new Map<string, string | undefined>();
  /** What this process runs does not change with the files. */
  readonly #codes = new Map<string, string>();

  constructor(installation: Installation) {
    this.#installation = installation;
    this.#stateDirectory = join(installation.directory, 'state');
    const help =
      '1 while a replay that answers come from stands still: this process can’t run it, and no other one here does.';
    this.#standing = installation.metrics.gauge('copy_stands_still', help, ['shadow']);
  }

  /** Runs those that are wanted now and that nobody else runs, ends the others, and removes those whose time is over. */
  async keep(inForce: ReadonlyMap<string, InForce>, signal: AbortSignal): Promise<void> {
    const now = systemClock.now();
    const all = [...inForce.values()];
    const kept = all.flatMap((each) => each.kept);
    const wanted = [
      ...all.flatMap(({ shadow, code }) => (shadow === null ? [] : [{ shadow, code, isInForce: true }])),
      ...kept
        .filter(({ untilMs }) => untilMs > now)
        .map(({ shadow, code }) => ({ shadow, code, isInForce: false })),
    ];
    for (const [name, running] of this.#running) {
      if (running.failure !== undefined) await this.#end(name, running.failure);
      else if (!wanted.some(({ shadow }) => shadow === name)) await this.#end(name);
    }
    for (const each of wanted) {
      const why = await this.#begin(each, signal);
      this.#note(each, why);
    }
    for (const { shadow, untilMs } of kept) {
      if (untilMs > now || wanted.some((each) => each.shadow === shadow)) continue;
      await this.#remove(shadow);
    }
  }

  async stop(): Promise<void> {
    for (const name of [...this.#running.keys()]) await this.#end(name);
  }

  #note({ shadow, isInForce }: Wanted, why: string | undefined): void {
    this.#standing.set({ shadow }, isInForce && why !== undefined ? 1 : 0);
    if (why !== undefined && why !== this.#problems.get(shadow)) this.#installation.logger.warn(why);
    this.#problems.set(shadow, why);
  }

  #codeOf(runs: Definition['runs']): string {
    const key = JSON.stringify(runs);
    const code = this.#codes.get(key) ?? codeOf(runs, this.#installation.configuration.features.modules);
    this.#codes.set(key, code);
    return code;
  }

  /** Says why it does not run. */
  async #begin({ shadow, code }: Wanted, signal: AbortSignal): Promise<string | undefined> {
    if (this.#running.has(shadow)) return undefined;
    const failed = this.#failed.get(shadow);
    if (failed !== undefined && systemClock.now() - failed.atMs < AGAIN_MS) return failed.why;
    const { log } = this.#installation;
    const definition = (await readReplays(log)).find(({ name }) => name === shadow);
    if (definition === undefined) return `the replay ${shadow}, which answers come from, is gone`;
    const { generation } = definition;
    const directory = stateDirectoryOf({ name: shadowName(shadow), generation }, this.#stateDirectory);
    if (inspectLock(directory).held) return undefined;
    if (code !== this.#codeOf(definition.runs))
      return `the replay ${shadow}, which answers come from, was made by other code than this, and nobody runs it`;
    try {
      await this.#start(definition, signal);
      return undefined;
    } catch (error) {
      if (errorCode(error) === 'MR_DATA_LOCKED') return undefined;
      await this.#end(shadow, error instanceof Error ? error : new Error(String(error)));
      return this.#failed.get(shadow)?.why;
    }
  }

  async #start(definition: Definition, signal: AbortSignal): Promise<void> {
    const { name, runs, range, withArrival, code = '' } = definition;
    const { log, registry, topics, configuration, logger } = this.#installation;
    const shutdown = new Shutdown({ logger, clock: systemClock });
    const running: Running = { shutdown, failure: undefined };
    this.#running.set(name, running);
    const { topology } = await declaredTopology(
      runs,
      configuration,
      { log, registry },
      async () => topics,
      () => {},
    );
    const { processing } = await startReplay(
      {
        ...this.#installation,
        ...{ name, runs, code, topology, range, withArrival },
        isPartial: true,
        share: 1,
        stateDirectory: this.#stateDirectory,
        clock: systemClock,
        signal,
      },
      shutdown,
    );
    logger.info({ replay: name }, 'a replay that answers come from, or may come from again, goes on here');
    processing.ended.catch((error: Error) => {
      running.failure = error;
    });
  }

  async #end(name: string, failure?: Error): Promise<void> {
    const { logger } = this.#installation;
    const running = this.#running.get(name);
    this.#running.delete(name);
    await running?.shutdown.stop(failure === undefined ? 'no longer wanted' : 'failed');
    if (failure === undefined) return;
    const why = `the replay ${name}, which answers come from, stands still: ${failure.message}`;
    this.#failed.set(name, { why, atMs: systemClock.now() });
    logger.error({ err: failure, replay: name }, 'a replay stands still; it is begun again');
  }

  async #remove(name: string): Promise<void> {
    const { log, logger } = this.#installation;
    try {
      await cancelReplay(log, this.#stateDirectory, name);
      logger.info({ replay: name }, 'a replay was removed: it was kept for as long as swap.keepMs said');
    } catch (err) {
      if (errorCode(err) !== 'MR_REPLAY_UNKNOWN')
        logger.warn({ err, replay: name }, 'a replay whose time is over stays for now');
    }
  }
}
