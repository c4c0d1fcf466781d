import { differenceOfCopies } from './copies.ts';
import { FAULTS, type Fault } from './faults.ts';
import type { Outcome } from './outcome.ts';
import { difference, modelled, readOutputs, readStores } from './outcome.ts';
import { followFailpoints } from './process.ts';
import { Random } from './random.ts';
import type { Input, TopologyUnderTest } from './topology-under-test.ts';
import { World } from './world.ts';

/**
 * Why a run failed: what it left differs from what it should be; or nothing can be compared, since a process ended by what
 * no fault explains, or the world did not come to rest.
 */
export type Failure = { readonly kind: 'differs' | 'died' | 'restless'; readonly text: string };

/** What one run was like. */
export type Run = {
  readonly topology: string;
  readonly seed: number;
  readonly virtualMs: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly killedAt: ReadonlyMap<string, number>;
  /** How often a process got a database that another had kept from it. */
  readonly lockWaits: number;
  readonly failure: Failure | undefined;
  readonly trace: readonly string[];
  /** Equal for two runs in which the same happened. */
  readonly digest: string;
};

/** Longest time that a world may take to come to rest once it is left alone. */
const REST_LIMIT_MS = 600_000;
/** How long nothing may be appended before a world counts as at rest. */
const QUIET_MS = 5_000;
const UNDISTURBED = { commitIntervalMs: 100, batchRecords: 1_000, cacheEntries: 10_000 };

/**
 * Runs a topology under faults and compares what it leaves (outputs as read committed, stores, digests) with what an
 * undisturbed run of the same input leaves, and with what the topology's model says.
 */
export async function simulate(topology: TopologyUnderTest, seed: number): Promise<Run> {
  const random = new Random(seed).fork(topology.name);
  const strays: unknown[] = [];
  const onStray = (error: unknown) => void strays.push(error);
  const unfollow = followFailpoints();
  process.on('unhandledRejection', onStray);
  try {
    const input = topology.generate(random.fork('input'));
    const undisturbed = await runUndisturbed(topology, input, random.fork('undisturbed'));
    const disturbed = await runDisturbed(topology, input, random.fork('disturbed'));
    const [stray] = strays;
    const failure =
      undisturbed.failure ??
      disturbed.failure ??
      (strays.length > 0 ? died(`nobody handles ${textOf(stray)}`) : undefined) ??
      compare(topology, input, undisturbed, disturbed);
    const { world, faults } = disturbed;
    return {
      topology: topology.name,
      seed,
      virtualMs: world.scheduler.now + undisturbed.world.scheduler.now,
      faults,
      killedAt: world.killedAt,
      lockWaits: world.lockWaits,
      failure,
      trace: world.trace.lines,
      digest: world.trace.digest(),
    };
  } catch (error) {
    const nothing = { faults: new Map(), killedAt: new Map(), lockWaits: 0, trace: [], digest: '' };
    return { ...nothing, topology: topology.name, seed, virtualMs: 0, failure: died(textOf(error)) };
  } finally {
    process.off('unhandledRejection', onStray);
    unfollow();
  }
}

const died = (text: string): Failure => ({ kind: 'died', text });

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

type Ended = {
  readonly world: World;
  readonly faults: ReadonlyMap<string, number>;
  readonly failure: Failure | undefined;
  readonly outcome: Outcome;
  /** The outcome if all stores are restored from the log. */
  readonly restored: Outcome;
};

function compare(
  topology: TopologyUnderTest,
  input: Input,
  undisturbed: Ended,
  disturbed: Ended,
): Failure | undefined {
  const model = modelled(topology, input);
  const plain = ['undisturbed', undisturbed.outcome] as const;
  return differs(
    (model && difference(plain, ['by the model', model])) ??
      difference(['restored from the log', undisturbed.restored], storesOf(plain)) ??
      difference(['under faults', disturbed.outcome], plain) ??
      difference(['under faults, restored from the log', disturbed.restored], storesOf(plain)),
  );
}

function differs(text: string | undefined): Failure | undefined {
  return text === undefined ? undefined : { kind: 'differs', text };
}

function storesOf([name, outcome]: readonly [string, Outcome]): readonly [string, Outcome] {
  return [name, new Map([...outcome].filter(([part]) => /^(store|digest) /.test(part)))];
}

async function runUndisturbed(topology: TopologyUnderTest, input: Input, random: Random): Promise<Ended> {
  const world = await World.open({
    topology,
    input,
    random,
    tuning: UNDISTURBED,
    durationMs: 0,
    slots: 1,
    sharesDisk: true,
    maxDelayMs: 0.5,
  });
  void world.feeder.run();
  await world.scheduler.run(() => world.feeder.isDone, REST_LIMIT_MS);
  for (const slot of world.slots) world.start(slot);
  return finish(world, new Map());
}

async function runDisturbed(topology: TopologyUnderTest, input: Input, random: Random): Promise<Ended> {
  const durationMs = random.between(5_000, 60_000);
  const world = await World.open({
    topology,
    input,
    random: random.fork('world'),
    tuning: {
      commitIntervalMs: random.pick([5, 20, 100, 500]),
      // From a source of its own, so that kept seeds go as they did.
      catchUpCommitIntervalMs: random.fork('catch-up').pick([0, 50, 1_000]),
      batchRecords: random.pick([1, 3, 20, 1_000]),
      cacheEntries: random.pick([2, 20, 10_000]),
      standbys: random.pick([0, 0, 1]),
      bufferBytes: random.pick([1_000, 10_000, 64 * 1024 * 1024]),
      idleWaitMs: random.pick([0, 0, 50]),
    },
    durationMs,
    slots: random.int(1, 3),
    sharesDisk: random.chance(0.4),
    maxDelayMs: random.pick([0.5, 2, 20]),
  });
  void world.feeder.run();
  for (const slot of world.slots) world.startLater(slot, random.between(0, 1_000));
  const faults = new Map<string, number>();
  // Few at a time find what many together hide (Groce et al., Swarm Testing, ISSTA 2012).
  const share = random.pick([0.15, 0.5]);
  const kinds = FAULTS.filter(() => random.chance(share));
  const everyMs = random.pick([300, 1_000, 4_000]);
  const end = durationMs * 1.5;
  disturb(world, random, kinds.length === 0 ? FAULTS : kinds, everyMs, end, faults);
  await world.scheduler.run(() => world.scheduler.now > end || world.bugs.length > 0, end + 1_000);
  return finish(world, faults);
}

function disturb(
  world: World,
  random: Random,
  kinds: readonly Fault[],
  everyMs: number,
  endMs: number,
  counts: Map<string, number>,
): void {
  world.scheduler.after(random.between(0, 2 * everyMs), () => {
    if (world.scheduler.now > endMs) return;
    const { kind, inject } = random.pick(kinds);
    if (inject(world, random)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    disturb(world, random, kinds, everyMs, endMs, counts);
  });
}

/** Leaves the world alone until it has come to rest, reads what it has come to, and restores its stores elsewhere. */
async function finish(world: World, faults: ReadonlyMap<string, number>): Promise<Ended> {
  const { scheduler, underTest } = world;
  calm(world);
  const ended = { world, faults, outcome: new Map(), restored: new Map() };
  if (!(await rest(world))) return { ...ended, failure: reasonOf(world) };
  const copies = await scheduler.settle(differenceOfCopies(world.processes));
  if (copies !== undefined) return { ...ended, failure: differs(copies) };
  const tasks = world.processes.flatMap(({ runtime }) => runtime.tasks);
  const stores = await scheduler.settle(readStores(tasks, underTest.looseStores));
  for (const slot of world.slots) {
    slot.isWanted = false;
    slot.process?.stop();
  }
  await scheduler.run(() => world.processes.length === 0, REST_LIMIT_MS);
  const outputs = await scheduler.settle(readOutputs(world.log, underTest, world.deadLetters));
  const outcome = new Map([...outputs, ...stores]);
  world.start(world.addAuditor());
  if (!(await rest(world))) return { ...ended, outcome, failure: reasonOf(world) };
  const again = world.processes.flatMap(({ runtime }) => runtime.tasks);
  const restored = await scheduler.settle(readStores(again, underTest.looseStores));
  for (const slot of world.slots) world.kill(slot);
  return { world, faults, outcome, restored, failure: undefined };
}

/** Undoes the faults that last, and lets every instance run. */
function calm(world: World): void {
  world.trace.note('the world is left alone');
  world.forgetWatches();
  world.log.faults.failNextAppends(0);
  world.log.faults.failRequests(0);
  world.log.faults.repeatRequests(0);
  world.log.faults.delayMessages(world.options.maxDelayMs);
  for (const slot of world.slots) {
    slot.deadly = undefined;
    slot.isWanted = true;
    slot.disk.maxDelayMs = 0.2;
    slot.disk.heal();
    if (slot.process === undefined) world.startLater(slot, 0);
  }
  // What has another in its place is ended from outside at last, as an orchestrator does.
  for (const zombie of world.zombies.splice(0)) zombie.kill('is-lost');
  for (const process of world.processes) process.clock.resume();
  world.alignClocks();
}

/** Waits until everything is appended, processed and committed, and nothing more comes of it. */
async function rest(world: World): Promise<boolean> {
  let quietSince = world.scheduler.now;
  let seen = -1;
  const isQuiet = () => {
    if (world.bugs.length > 0) return true;
    const { writes } = world.log;
    if (writes !== seen || !isCaughtUp(world)) quietSince = world.scheduler.now;
    seen = writes;
    return world.scheduler.now - quietSince > QUIET_MS;
  };
  return (await world.scheduler.run(isQuiet, REST_LIMIT_MS)) && world.bugs.length === 0;
}

function isCaughtUp(world: World): boolean {
  if (!world.feeder.isDone || world.zombies.length > 0) return false;
  const wanted = world.slots.filter(({ isWanted }) => isWanted);
  if (!wanted.every(({ process }) => process?.runtime.isCaughtUp)) return false;
  const names = wanted.flatMap(({ process }) => process?.runtime.tasks.map(({ name }) => name) ?? []);
  const tasks = world.topology.subTopologies.reduce((sum, { partitions }) => sum + partitions, 0);
  return names.length === tasks && new Set(names).size === tasks;
}

/** What kept a world from coming to rest, or what it died of. */
function reasonOf(world: World): Failure {
  if (world.bugs.length > 0) {
    return died(`a process died of what no fault explains:\n${world.bugs.map(textOf).join('\n')}`);
  }
  const states = world.slots.map(({ instanceId, process }) => {
    if (process === undefined) return `${instanceId} is not running`;
    const { runtime } = process;
    const tasks = runtime.tasks.map(({ name }) => name).join(', ');
    return `${instanceId} ${runtime.isCaughtUp ? 'has caught up' : 'is behind'} with tasks ${tasks || '(none)'}`;
  });
  const fed = world.feeder.isDone ? 'all of the input is appended' : 'the input is not all appended';
  return { kind: 'restless', text: ['the world does not come to rest', fed, ...states].join('\n  ') };
}
