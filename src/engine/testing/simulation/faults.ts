import { REBALANCE_FAILPOINTS, TASK_FAILPOINTS } from '../../task/failpoints.ts';
import { DISK_FAULTS } from './disk.ts';
import type { Random } from './random.ts';
import type { Slot, World } from './world.ts';

/** Where processes are killed; every one of them has to be met. */
export const FAILPOINTS = [...TASK_FAILPOINTS, ...REBALANCE_FAILPOINTS];

const COMMIT_FAILPOINTS = TASK_FAILPOINTS.filter((name) => name.startsWith('commit.'));

export type Fault = { readonly kind: string; readonly inject: (world: World, random: Random) => boolean };

const HOUR_MS = 3_600_000;
const LONGEST_MEMBERSHIP_MS = 15_000;
const MOST_SLOTS = 4;

const running = (world: World): Slot[] => world.slots.filter(({ process }) => process !== undefined);

/** Kinds of faults; each says whether it found something to do. A run has some of them, so that they meet in all ways. */
export const FAULTS: readonly Fault[] = [
  {
    kind: 'kill at a failpoint',
    inject: (world, random) => {
      const slot = random.pick(world.slots);
      if (slot.deadly !== undefined || !slot.isWanted) return false;
      const failpoint = random.pick(FAILPOINTS);
      // A task is given up when somebody comes: seldom, and not three times.
      const isOfRebalance = (REBALANCE_FAILPOINTS as readonly string[]).includes(failpoint);
      slot.deadly = { failpoint, passes: isOfRebalance ? 1 : random.int(1, 3) };
      if (isOfRebalance) join(world);
      // Steps of joining and restoring are met by a process that starts.
      else if (!failpoint.startsWith('commit') && random.chance(0.5)) crash(world, slot, random);
      return true;
    },
  },
  {
    // Between the stores and the log most of all: what one of them has and the other has not.
    kind: 'kill in a commit',
    inject: (world, random) => {
      const [slot] = shuffled(running(world), random);
      if (slot === undefined || slot.deadly !== undefined) return false;
      slot.deadly = { failpoint: random.pick(COMMIT_FAILPOINTS), passes: 1 };
      return true;
    },
  },
  {
    // What a transaction of the dead has left open is there still when its successor's state is restored.
    kind: 'death in a commit, then its successor’s',
    inject: (world, random) => {
      if (running(world).length < 2) return false;
      const awayMs = random.between(1.5, 3) * LONGEST_MEMBERSHIP_MS;
      const delayMs = random.between(0, 10 * world.options.maxDelayMs);
      world.whenPassed('commit.log.before', delayMs, (slot) => {
        world.kill(slot);
        world.startLater(slot, awayMs);
        world.scheduler.after(random.between(LONGEST_MEMBERSHIP_MS, awayMs), () => {
          for (const each of running(world)) crash(world, each, random);
        });
      });
      return true;
    },
  },
  {
    kind: 'kill',
    inject: (world, random) => {
      const [slot] = shuffled(running(world), random);
      if (slot === undefined) return false;
      crash(world, slot, random);
      return true;
    },
  },
  {
    kind: 'kill of all',
    inject: (world, random) => {
      for (const slot of running(world)) crash(world, slot, random);
      return true;
    },
  },
  {
    kind: 'damaged disk',
    inject: (world, random) => {
      const [slot] = shuffled(running(world), random);
      if (slot === undefined) return false;
      for (const each of running(world)) if (each.disk === slot.disk) crash(world, each, random);
      world.damage(slot.disk, random.pick(DISK_FAULTS));
      return true;
    },
  },
  {
    kind: 'backup of a disk',
    inject: (world, random) => {
      random.pick(world.slots).disk.backUp();
      return true;
    },
  },
  {
    kind: 'copy of the log kept',
    inject: (world) => world.saveLog(),
  },
  {
    kind: 'older log put back',
    inject: (world) => world.restoreLog(),
  },
  {
    // The end of the log that is lost begins in the middle of a commit.
    kind: 'tail of the log lost',
    inject: (world, random) => {
      if (!world.isOnOneDisk) return false;
      const lossMs = random.between(1, random.chance(0.5) ? 100 : 2_000);
      world.whenPassed('commit.log.before', random.between(0, 4 * world.options.maxDelayMs), () => {
        if (world.saveLog()) world.scheduler.after(lossMs, () => world.restoreLog());
      });
      return true;
    },
  },
  {
    kind: 'stop and start',
    inject: (world, random) => {
      const [slot] = shuffled(running(world), random);
      slot?.process?.stop();
      return slot !== undefined;
    },
  },
  {
    kind: 'instance joins',
    inject: join,
  },
  {
    kind: 'instance leaves',
    inject: (world, random) => {
      const wanted = world.slots.filter(({ isWanted }) => isWanted);
      if (wanted.length < 2) return false;
      const slot = random.pick(wanted);
      slot.isWanted = false;
      if (random.chance(0.5)) slot.process?.stop();
      else world.kill(slot);
      return true;
    },
  },
  {
    kind: 'expelled instance',
    inject: (world, random) => {
      const { name, generation } = world.topology;
      world.log.faults.expel(`${name}-${generation}`, random.pick(world.slots).instanceId);
      return true;
    },
  },
  {
    kind: 'stall',
    inject: (world, random) => {
      const [slot] = shuffled(running(world), random);
      const process = slot?.process;
      if (process === undefined) return false;
      process.clock.stall();
      const ms = random.between(50, random.chance(0.5) ? 2_000 : 2 * LONGEST_MEMBERSHIP_MS);
      world.trace.note(`${process.instanceId} stands still for ${ms.toFixed(0)} ms`);
      world.scheduler.after(ms, () => process.clock.resume());
      return true;
    },
  },
  {
    kind: 'zombie',
    inject: (world, random) => {
      if (!world.hasOtherMachines) return false;
      const [slot] = shuffled(running(world), random);
      if (slot?.process === undefined) return false;
      const zombie = slot.process;
      if (random.chance(0.8)) zombie.clock.stall();
      world.zombies.push(zombie);
      slot.process = undefined;
      slot.disk = world.newDisk();
      world.trace.note(`${slot.instanceId} is replaced on another machine and goes on as a zombie`);
      world.startLater(slot, random.between(0, 100));
      world.scheduler.after(random.between(50, 5_000), () => zombie.clock.resume());
      return true;
    },
  },
  {
    // It stands still with its stores open: its successor on the same machine waits for them, or fails and comes again.
    kind: 'zombie that holds its stores',
    inject: (world, random) => {
      const [slot] = shuffled(running(world), random);
      const zombie = slot?.process;
      if (slot === undefined || zombie === undefined) return false;
      zombie.clock.stall();
      world.zombies.push(zombie);
      slot.process = undefined;
      world.trace.note(`${slot.instanceId} hangs with its stores open, and is started again beside itself`);
      world.startLater(slot, random.between(0, 100));
      const ms = random.between(50, random.chance(0.5) ? 2_000 : 6 * LONGEST_MEMBERSHIP_MS);
      world.scheduler.after(ms, () => {
        if (random.chance(0.5)) return zombie.clock.resume();
        const place = world.zombies.indexOf(zombie);
        if (place >= 0) world.zombies.splice(place, 1);
        zombie.kill('is-lost');
      });
      return true;
    },
  },
  {
    kind: 'failed appends',
    inject: (world, random) => {
      world.log.faults.failNextAppends(random.int(1, 4));
      return true;
    },
  },
  {
    kind: 'failing requests',
    inject: (world, random) => {
      world.log.faults.failRequests(random.pick([0.05, 0.3, 1]));
      world.scheduler.after(random.between(200, 3_000), () => world.log.faults.failRequests(0));
      return true;
    },
  },
  {
    kind: 'duplicate deliveries',
    inject: (world, random) => {
      world.log.faults.repeatRequests(random.pick([0.1, 0.5]));
      world.scheduler.after(random.between(500, 5_000), () => world.log.faults.repeatRequests(0));
      return true;
    },
  },
  {
    kind: 'slow log',
    inject: (world, random) => {
      world.log.faults.delayMessages(random.between(20, 400));
      world.scheduler.after(random.between(500, 5_000), () => {
        world.log.faults.delayMessages(world.options.maxDelayMs);
      });
      return true;
    },
  },
  {
    kind: 'slow store',
    inject: (world, random) => {
      const { disk } = random.pick(world.slots);
      const before = disk.maxDelayMs;
      disk.maxDelayMs = random.between(10, 300);
      world.scheduler.after(random.between(500, 5_000), () => {
        disk.maxDelayMs = Math.min(before, 0.2);
      });
      return true;
    },
  },
  {
    kind: 'clock jump',
    inject: (world, random) => {
      const ms = random.chance(0.3) ? random.between(0, 2 * HOUR_MS) : random.between(-60_000, 60_000);
      const [slot] = random.chance(0.5) ? shuffled(running(world), random) : [];
      world.trace.note(`${slot?.instanceId ?? 'all'}: wall clock jumps by ${(ms / 1000).toFixed(1)} s`);
      world.jump(ms, slot?.process);
      return true;
    },
  },
  {
    kind: 'cleaning of the log',
    inject: (world) => {
      world.log.clean();
      return true;
    },
  },
  {
    // Tombstones are cleaned away before whoever follows a changelog has read them.
    kind: 'a day at once',
    inject: (world) => {
      world.log.clean();
      world.jump(25 * HOUR_MS);
      world.log.clean();
      return true;
    },
  },
  {
    // A store that comes back after tombstones that it has not seen were cleaned away.
    kind: 'long outage',
    inject: (world, random) => {
      const [slot] = shuffled(running(world), random);
      if (slot === undefined || !slot.isWanted) return false;
      slot.isWanted = false;
      world.kill(slot);
      world.trace.note(`${slot.instanceId} is away for more than a day`);
      world.scheduler.after(random.between(1, 3) * LONGEST_MEMBERSHIP_MS, () => {
        world.log.clean();
        world.jump(25 * HOUR_MS);
        world.log.clean();
        slot.isWanted = true;
        world.startLater(slot, 0);
      });
      return true;
    },
  },
];

/** Starts one more instance, where there is room. */
function join(world: World): boolean {
  const free = world.slots.find(({ isWanted }) => !isWanted);
  if (free === undefined && world.slots.length >= MOST_SLOTS) return false;
  const slot = free ?? world.addSlot();
  slot.isWanted = true;
  world.startLater(slot, 0);
  return true;
}

/** Kills a slot's process and starts another there later. */
function crash(world: World, slot: Slot, random: Random): void {
  world.kill(slot);
  world.startLater(slot, random.between(1, random.chance(0.3) ? LONGEST_MEMBERSHIP_MS : 500));
}

function shuffled<T>(from: readonly T[], random: Random): T[] {
  const left = [...from];
  return from.map(() => left.splice(random.int(0, left.length - 1), 1)[0] as T);
}
