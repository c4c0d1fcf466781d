/** The counting topology's processes under load, on the embedded log or on Kafka, and what must hold after all that befell them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createLogger, systemClock } from '#platform';
import { rocksDatabases } from '../../../store/rocksdb/rocksdb-database.ts';
import { journalledSnapshot, placesOf } from '../../../verify/journal-reader.ts';
import { checkLocalStores } from '../../../verify/local-stores.ts';
import { compareSnapshots } from '../../../verify/snapshot.ts';
import { verify } from '../../../verify/verify.ts';
import { Load, type SumOutput, sums } from '../../testing/sums.ts';
import { openSumsLog, type SumsLog, type SumsPlace } from './sums-log.ts';
import { SumsProcess, type SumsProcessOptions, until } from './sums-process.ts';

export type SumsWorldOptions = {
  /** Options for every process; options of a single process override them. */
  readonly defaults?: Partial<SumsProcessOptions>;
  /** What another reader, which reads committed records only, finds in the output topic; called when nobody writes to it. */
  readonly readOutputs?: (load: Load) => Promise<readonly SumOutput[]>;
  /** Before the log is closed. */
  readonly cleanUp?: (log: SumsLog['log']) => Promise<void>;
};

export class SumsWorld {
  readonly load: Load;
  readonly log: SumsLog['log'];
  readonly #t: TestContext;
  readonly #place: SumsPlace;
  readonly #options: SumsWorldOptions;
  readonly #writing: Promise<void>;
  #isWriting = true;

  private constructor(
    t: TestContext,
    place: SumsPlace,
    log: SumsLog['log'],
    load: Load,
    options: SumsWorldOptions,
  ) {
    this.#t = t;
    this.#place = place;
    this.#options = options;
    this.log = log;
    this.load = load;
    this.#writing = this.#write();
  }

  /** Writes to the input topic from now on, until one of the assertions below. */
  static async open(t: TestContext, place: SumsPlace, options: SumsWorldOptions = {}): Promise<SumsWorld> {
    const { log, close } = await openSumsLog(place);
    const load = await Load.open(log);
    const world = new SumsWorld(t, place, log, load, options);
    t.after(async () => {
      if (options.cleanUp !== undefined) {
        await world.#stopWriting();
        await options.cleanUp(log);
      }
      // A write that is under way where a test has failed, to a server that is gone, ends with the log.
      world.#isWriting = false;
      const stopped = world.#writing.catch(() => {});
      await close();
      await stopped;
    });
    return world;
  }

  launch(instanceId: string, more: Partial<SumsProcessOptions> = {}): SumsProcess {
    return new SumsProcess(this.#t, {
      ...this.#place,
      standbys: 1,
      // Its end is waited for by those who take over: lost by a slow one, it costs a rebalance alone.
      sessionMs: 3_000,
      ...this.#options.defaults,
      instanceId,
      ...more,
    });
  }

  async running(instanceId: string, more: Partial<SumsProcessOptions> = {}): Promise<SumsProcess> {
    const started = this.launch(instanceId, more);
    await started.url;
    return started;
  }

  /** Waits until `count` more outputs have become readable. */
  async goesOn(processes: readonly SumsProcess[], count = 200): Promise<void> {
    const enough = this.load.outputs.length + count;
    await until(processes, () => this.load.outputs.length >= enough);
  }

  /** Ends the load, and checks outputs, journals and local stores once everything is committed. */
  async assertExact(processes: readonly SumsProcess[], instanceIds: readonly string[]): Promise<void> {
    await this.#finish(processes);
    const { load, log } = this;
    load.assertExact();
    const read = await this.#options.readOutputs?.(load);
    if (read !== undefined) load.assertExact(read);
    await this.#verify();
    const topology = sums();
    for (const instanceId of instanceIds) {
      const databases = rocksDatabases(join(this.#place.directory, `state-${instanceId}`));
      for (const place of placesOf(topology)) {
        const local = await checkLocalStores(place, databases);
        if (local === undefined) continue;
        assert.deepEqual(local.damaged, []);
        const live = await journalledSnapshot(log, topology, place);
        assert.deepEqual(compareSnapshots(live ?? local.snapshot, local.snapshot).different, []);
      }
    }
  }

  /** Ends the load, and checks that every record has been counted once at least. */
  async assertNothingLost(processes: readonly SumsProcess[]): Promise<void> {
    await this.#finish(processes);
    this.load.assertNothingLost();
    const read = await this.#options.readOutputs?.(this.load);
    if (read !== undefined) this.load.assertNothingLost(read);
  }

  async #verify(): Promise<void> {
    const logger = createLogger({ level: 'silent', name: 'test' });
    const { log, load } = this;
    let records = 0;
    for await (const { task, difference, records: taken } of verify({ log, logger, topology: sums() })) {
      assert.deepEqual({ task, difference }, { task, difference: undefined });
      records += taken;
    }
    assert.equal(records, load.written);
  }

  async #finish(processes: readonly SumsProcess[]): Promise<void> {
    await this.#stopWriting();
    await this.load.readAll(() => {
      for (const each of processes) each.assertRuns();
    });
    for (const each of processes) await each.stop();
    // What they have committed last.
    await this.load.readToEnd();
  }

  async #write(): Promise<void> {
    while (this.#isWriting) {
      await this.load.write(25);
      await this.load.read();
      await systemClock.sleep(20);
    }
  }

  async #stopWriting(): Promise<void> {
    this.#isWriting = false;
    await this.#writing;
  }
}
