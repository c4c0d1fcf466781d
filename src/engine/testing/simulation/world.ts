import { openSimulatedLog, type SimulatedLog } from '#log';
import { type DeadLetter, deadLetterTopic } from '../../dead-letter-topic.ts';
import type { Topic } from '../../serde.ts';
import { TopologyBuilder } from '../../topology/builder.ts';
import type { Topology } from '../../topology/topology.ts';
import { Disk, type DiskFault } from './disk.ts';
import { Feeder } from './feeder.ts';
import { isExpected, SimulatedProcess, type Tuning } from './process.ts';
import type { Random } from './random.ts';
import { Scheduler, VirtualClock } from './scheduler.ts';
import type { Input, TopologyUnderTest } from './topology-under-test.ts';
import { Trace } from './trace.ts';

/** Wall time at which a run begins; event time of the topologies lies elsewhere, in an imported world. */
export const WALL_START_MS = Date.UTC(2026, 0, 1);

/** A place for a process: an instance id, the machine's disk, and whoever runs there now. */
export type Slot = {
  readonly instanceId: string;
  disk: Disk;
  process: SimulatedProcess | undefined;
  /** Whether it is to be started again when its process ends. */
  isWanted: boolean;
  /** The failpoint at which its process dies, after passing it so often. */
  deadly: { readonly failpoint: string; passes: number } | undefined;
};

export type WorldOptions = {
  readonly topology: TopologyUnderTest;
  readonly input: Input;
  readonly random: Random;
  readonly tuning: Tuning;
  readonly durationMs: number;
  readonly slots: number;
  /** Whether the processes share one machine's disk. */
  readonly sharesDisk: boolean;
  readonly maxDelayMs: number;
};

/** A log, machines and processes on virtual time, with a topology running on them. */
export class World {
  readonly topology: Topology;
  readonly underTest: TopologyUnderTest;
  readonly deadLetters: Topic<string, DeadLetter>;
  readonly scheduler: Scheduler;
  readonly clock: VirtualClock;
  readonly log: SimulatedLog;
  readonly feeder: Feeder;
  readonly trace: Trace;
  readonly random: Random;
  readonly options: WorldOptions;
  readonly slots: Slot[] = [];
  /** Failpoints at which a process was killed, with how often. */
  readonly killedAt = new Map<string, number>();
  /** What went wrong by itself: errors that no fault explains. */
  readonly bugs: unknown[] = [];
  /** Processes that go on although another has their place. */
  readonly zombies: SimulatedProcess[] = [];
  readonly #watches: { readonly failpoint: string; readonly act: (slot: Slot) => void }[] = [];
  readonly #disks: Disk[] = [];
  /** The machine that everybody has to run on from now on: see restoreLog. */
  #onlyDisk: Disk | undefined;
  #savedLog: { readonly restore: () => void; readonly position: number } | undefined;
  /** How far the world's wall clocks are ahead of virtual time, ms. */
  #wallOffset = 0;
  /** The furthest that any wall clock has ever been ahead of virtual time. */
  #furthestAhead = WALL_START_MS;

  private constructor(
    parts: Pick<World, 'topology' | 'deadLetters' | 'clock' | 'log' | 'feeder' | 'trace'> & {
      readonly scheduler: Scheduler;
      readonly options: WorldOptions;
    },
  ) {
    this.options = parts.options;
    this.underTest = parts.options.topology;
    this.random = parts.options.random;
    this.topology = parts.topology;
    this.deadLetters = parts.deadLetters;
    this.scheduler = parts.scheduler;
    this.clock = parts.clock;
    this.log = parts.log;
    this.feeder = parts.feeder;
    this.trace = parts.trace;
    for (let slot = 0; slot < this.options.slots; slot++) this.addSlot();
  }

  static async open(options: WorldOptions): Promise<World> {
    const { topology: underTest, input, random, durationMs, maxDelayMs } = options;
    const scheduler = new Scheduler(random.fork('scheduler'));
    const clock = new VirtualClock(scheduler, WALL_START_MS);
    const network = random.fork('network');
    const log = openSimulatedLog({ clock, random: () => network.next(), maxDelayMs });
    const parts = await scheduler.settle(prepare(log, underTest));
    const feeder = await Feeder.open(log, clock, underTest, input, durationMs);
    return new World({ options, scheduler, clock, log, feeder, trace: new Trace(scheduler), ...parts });
  }

  addSlot(): Slot {
    const shared = this.#onlyDisk ?? (this.options.sharesDisk ? this.slots[0]?.disk : undefined);
    const slot: Slot = {
      instanceId: `instance-${this.slots.length}`,
      disk: shared ?? this.newDisk(),
      process: undefined,
      isWanted: true,
      deadly: undefined,
    };
    this.slots.push(slot);
    return slot;
  }

  /** A slot on an empty machine, which finds nothing but the log. */
  addAuditor(): Slot {
    const slot = this.addSlot();
    slot.disk = this.newDisk();
    return slot;
  }

  get isOnOneDisk(): boolean {
    return new Set(this.slots.map(({ disk }) => disk)).size === 1;
  }

  /** Whether a process may be put on another machine. */
  get hasOtherMachines(): boolean {
    return this.#onlyDisk === undefined;
  }

  newDisk(): Disk {
    const name = `disk-${this.#disks.length}`;
    const disk = new Disk(name, this.random.fork(name));
    this.#disks.push(disk);
    return disk;
  }

  /** How often a process got a database that another had kept from it. */
  get lockWaits(): number {
    return this.#disks.reduce((sum, { waited }) => sum + waited, 0);
  }

  start(slot: Slot): void {
    const process: SimulatedProcess = new SimulatedProcess({
      instanceId: slot.instanceId,
      log: this.log,
      clock: new VirtualClock(this.scheduler, WALL_START_MS + this.#wallOffset),
      disk: slot.disk,
      topology: this.topology,
      deadLetters: this.deadLetters,
      logger: this.trace.logger(slot.instanceId),
      tuning: this.options.tuning,
      diesAt: (failpoint) => {
        this.#passed(failpoint, slot);
        return slot.process === process && this.#diesAt(slot, failpoint);
      },
      onExit: (error) => this.#hasEnded(slot, process, error),
    });
    slot.process = process;
    this.trace.note(`${slot.instanceId} starts`);
    process.start();
  }

  /** Does something soon after any process passes a failpoint the next time. */
  whenPassed(failpoint: string, delayMs: number, act: (slot: Slot) => void): void {
    this.#watches.push({ failpoint, act: (slot) => this.scheduler.after(delayMs, () => act(slot)) });
  }

  forgetWatches(): void {
    this.#watches.length = 0;
  }

  #passed(failpoint: string, slot: Slot): void {
    for (const watch of this.#watches.filter((each) => each.failpoint === failpoint)) {
      this.#watches.splice(this.#watches.indexOf(watch), 1);
      watch.act(slot);
    }
  }

  #diesAt(slot: Slot, failpoint: string): boolean {
    const { deadly } = slot;
    if (deadly?.failpoint !== failpoint || --deadly.passes > 0) return false;
    slot.deadly = undefined;
    slot.process = undefined;
    this.killedAt.set(failpoint, (this.killedAt.get(failpoint) ?? 0) + 1);
    this.trace.note(`${slot.instanceId} is killed at ${failpoint}`);
    this.startLater(slot);
    return true;
  }

  #hasEnded(slot: Slot, process: SimulatedProcess, error: unknown): void {
    this.trace.note(`${slot.instanceId} ends: ${error === undefined ? 'it was asked to' : String(error)}`);
    if (error !== undefined && !isExpected(error)) this.bugs.push(error);
    const zombie = this.zombies.indexOf(process);
    if (zombie >= 0) this.zombies.splice(zombie, 1);
    if (slot.process !== process) return;
    slot.process = undefined;
    this.startLater(slot);
  }

  kill(slot: Slot, inFlight: 'arrives' | 'is-lost' = this.random.chance(0.5) ? 'arrives' : 'is-lost'): void {
    if (slot.process === undefined) return;
    slot.process.kill(inFlight);
    slot.process = undefined;
    this.trace.note(`${slot.instanceId} is killed`);
  }

  startLater(slot: Slot, delayMs = this.random.between(1, this.random.chance(0.2) ? 15_000 : 500)): void {
    this.scheduler.after(delayMs, () => {
      if (slot.isWanted && slot.process === undefined) this.start(slot);
    });
  }

  /** Remembers the log as it is, and how far the input has been appended; gives whether that was possible just now. */
  saveLog(): boolean {
    const position = this.feeder.position;
    const restore = position === undefined ? undefined : this.log.faults.checkpoint();
    if (restore === undefined) return false;
    this.#savedLog = { restore, position: position as number };
    return true;
  }

  /**
   * The log comes back as it was saved, the stores are ahead of it, and the producers append again what it has lost. A
   * store notices that it is ahead when it is opened before its changelog has grown again: so all have to lie on one
   * disk, now and later, and no older copy of it may be put back.
   */
  restoreLog(): boolean {
    const saved = this.#savedLog;
    const [disk] = this.slots.map((slot) => slot.disk);
    if (saved === undefined || this.feeder.position === undefined || !this.isOnOneDisk) return false;
    for (const slot of this.slots) {
      if (slot.process === undefined) continue;
      this.kill(slot, 'is-lost');
      this.startLater(slot);
    }
    for (const zombie of this.zombies.splice(0)) zombie.kill('is-lost');
    disk?.forgetBackup();
    this.#onlyDisk = disk;
    saved.restore();
    this.feeder.rewind(saved.position);
    this.trace.note('the log is as it was saved some time ago');
    return true;
  }

  /** Does something to a disk that nobody uses. */
  damage(disk: Disk, fault: DiskFault): void {
    if (!disk.isInUse) this.trace.note(`disk: ${disk.damage(fault)}`);
  }

  /** The wall clocks of the world, or of one process, are put forward or back. */
  jump(ms: number, process?: SimulatedProcess): void {
    if (process !== undefined) {
      process.clock.jump(ms);
      this.#furthestAhead = Math.max(this.#furthestAhead, this.#aheadOf(process.clock));
      return;
    }
    this.#wallOffset += ms;
    for (const clock of this.#clocks) clock.jump(ms);
    for (const clock of this.#clocks)
      this.#furthestAhead = Math.max(this.#furthestAhead, this.#aheadOf(clock));
  }

  /** All wall clocks agree again, and none is behind what one of them has shown: timers set by it come to be due. */
  alignClocks(): void {
    for (const clock of this.#clocks) clock.jump(this.#furthestAhead - this.#aheadOf(clock));
    this.#wallOffset = this.#furthestAhead - WALL_START_MS;
  }

  get #clocks(): readonly VirtualClock[] {
    return [this.clock, ...this.processes.map(({ clock }) => clock)];
  }

  #aheadOf(clock: VirtualClock): number {
    return clock.now() - Math.floor(this.scheduler.now);
  }

  get processes(): readonly SimulatedProcess[] {
    const placed = this.slots.flatMap(({ process }) => (process === undefined ? [] : [process]));
    return [...placed, ...this.zombies];
  }
}

async function prepare(log: SimulatedLog, underTest: TopologyUnderTest) {
  const deadLetters = await deadLetterTopic(log.registry);
  const all = [deadLetters, ...underTest.inputs, ...underTest.outputs.map(({ topic }) => topic)];
  await log.createTopics(all);
  const builder = new TopologyBuilder({ name: underTest.name, generation: 1 });
  underTest.declare(builder);
  return { deadLetters, topology: builder.build() };
}
