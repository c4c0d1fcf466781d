import type { Failure } from '#engine/testing';
import { CHAIN_MUTANTS } from './chain-mutants.ts';

/** A mistake to plant: in `file`, the one occurrence of `find` becomes `replace`. */
export type Mutant = {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /**
   * How it shows where no outcome can be compared: processes die of it for good ('died'), or nothing comes to rest
   * ('restless'). Absent: outcomes differ; a death alone may have another cause, and proves nothing.
   */
  readonly shows?: Failure['kind'];
};

const task = (file: string) => `src/engine/task/${file}.ts`;

/** Mistakes of the kind that an engine like this is prone to; the simulation has to find each within a minute. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'the store is written before the log',
    file: task('commit/commit'),
    find: `  const appended = await committer.write({ appends, offsets });
  step('commit.store.before');
  for (const task of tasks) {
    await orDamaged(task, task.commit(appended));
    task.outbox.clear();
    for (const input of task.input.partitions) input.takenBytes = 0;
    step('commit.store.between');
  }`,
    replace: `  step('commit.store.before');
  for (const task of tasks) {
    await orDamaged(task, task.commit([]));
    for (const input of task.input.partitions) input.takenBytes = 0;
    step('commit.store.between');
  }
  await committer.write({ appends, offsets });
  for (const task of tasks) task.outbox.clear();`,
  },
  {
    name: 'outputs and offsets in two transactions',
    file: task('commit/commit'),
    find: `      const appended = await this.#writer.write({ appends, offsets: [{ group, offsets }] });`,
    replace: `      const appended = await this.#writer.write({ appends, offsets: [] });
      step('commit.log.before');
      await this.#writer.write({ appends: [], offsets: [{ group, offsets }] });`,
  },
  {
    name: 'input offset off by one',
    file: task('input/input'),
    find: 'this.position = batch.offset(index) + 1;',
    replace: 'this.position = batch.offset(index);',
  },
  {
    name: 'a fetched batch is skipped when a position moves',
    file: task('input/input'),
    find: 'else if (this.#batches.length === 0) this.position = batch.nextOffset;',
    replace: 'else this.position = batch.nextOffset;',
  },
  {
    name: 'a batch gives its memory back before its records have gone through',
    file: task('input/input'),
    find: 'this.#taken.push(batch);',
    replace: 'batch.free();',
    shows: 'died',
  },
  {
    name: 'the first changelog record of a commit is dropped',
    file: task('restore/state'),
    find: 'for (let i = 0; i < changes.length; i++) {',
    replace: 'for (let i = 1; i < changes.length; i++) {',
  },
  {
    name: 'tombstones are not logged',
    file: task('restore/state'),
    find: 'if (changes.isDeletion(i)) outbox.put(changelog, partition, key, null, timestamp, headers);',
    replace: 'if (changes.isDeletion(i)) continue;',
  },
  {
    name: 'a restore ends one record early',
    file: task('restore/replay'),
    find: 'if (batch.nextOffset <= until) return batch.count;',
    replace:
      'if (batch.nextOffset <= until) return batch.nextOffset < until - 1 ? batch.count : batch.count - 1;',
  },
  {
    name: 'a restore stops at the stable offset',
    file: task('restore/state'),
    find: 'const until = (logged ? offsets?.[end] : inputOffsets.get(changelog)) ?? 0;',
    replace: 'const until = (logged ? offsets?.stable : inputOffsets.get(changelog)) ?? 0;',
  },
  {
    name: 'a copy of a source is restored beyond what was read',
    file: task('restore/state'),
    find: 'const until = (logged ? offsets?.[end] : inputOffsets.get(changelog)) ?? 0;',
    replace: 'const until = offsets?.[end] ?? 0;',
    shows: 'died',
  },
  {
    name: 'a stale store is taken as it is',
    file: task('restore/open-store'),
    find: 'this.offset = mark.offset;',
    replace: 'this.offset = until;',
  },
  {
    name: 'a store whose tombstones have expired is reused',
    file: task('restore/open-store'),
    find: 'if (topic !== undefined) this.#tombstonesTrustedMs = tombstonesTrustedMs(topic.cleanup);',
    replace: '',
  },
  {
    name: 'a store that is ahead of its changelog is taken',
    file: task('restore/open-store'),
    find: "if (mark.offset < start || mark.offset > until || isAhead || isExpired) return 'misfit';",
    replace: "if (mark.offset < start || isExpired) return 'misfit';",
    shows: 'died',
  },
  {
    name: 'a store that was ahead of a log put back is taken',
    file: task('restore/open-store'),
    find: "if (mark.offset < start || mark.offset > until || isAhead || isExpired) return 'misfit';",
    replace: "if (mark.offset < start || mark.offset > until || isExpired) return 'misfit';",
    shows: 'died',
  },
  {
    name: 'a copy goes on behind tombstones that are gone',
    file: task('restore/replay'),
    find: 'open.assertTombstonesKept(clock.now());',
    replace: '',
  },
  {
    name: 'a store with a damaged timer is never rebuilt',
    file: task('open-stores'),
    find: "if (errorCode(error) !== 'MR_STORE_CORRUPT') throw error;",
    replace: 'throw error;',
    shows: 'died',
  },
  {
    name: 'the digest is not restored',
    file: task('restore/open-store'),
    find: 'if (mark.fingerprint === values.fingerprint) digest.set(Digest.fromHex(mark.digest));',
    replace: 'if (mark.fingerprint === values.fingerprint) digest.clear();',
  },
  {
    name: 'a store that does not fit is not emptied',
    file: task('restore/state'),
    find: 'for (const { store } of unusable) await store.clear();',
    replace: 'for (const { store } of unusable) store.digest.clear();',
  },
  {
    name: 'timers are lost on restore',
    file: 'src/engine/store/timer-queue.ts',
    find: 'for await (const [key, stored] of this.store.entries()) {',
    replace: 'for await (const [key, stored] of [] as [string, StoredTimer][]) {',
  },
  {
    name: 'a moved timer fires at its old time',
    file: 'src/engine/store/timer-queue.ts',
    find: '      if (this.#isInForce(first)) return first;',
    replace: '      if (this.#timers.has(first.key)) return first;',
  },
  {
    name: 'watermarks are lost on restart',
    file: task('task'),
    find: 'if (mark.metadata !== undefined) input.restoreWatermark',
    replace: "if (mark.metadata === '') input.restoreWatermark",
  },
  {
    name: 'the watermark of the fastest upstream task',
    file: 'src/engine/time/watermark.ts',
    find: '    this.#carried[writer] = Math.max(this.#carried[writer] ?? NO_WATERMARK, ms);\n    this.#announced = Math.min(...this.#carried);',
    replace:
      '    this.#carried[writer] = Math.max(this.#carried[writer] ?? NO_WATERMARK, ms);\n    this.#announced = Math.max(...this.#carried);',
  },
  {
    name: 'a heartbeat announces too high a watermark',
    file: task('commit/heartbeats'),
    find: 'writers: target.writers, ms: watermark });',
    replace: 'writers: target.writers, ms: watermark + 50 });',
  },
  {
    name: 'a heartbeat counts for the records before it',
    file: task('input/input'),
    find: 'if (input.isAtHeartbeat && records.length > 0) {',
    replace: 'if (input.isAtHeartbeat && records.length > max) {',
  },
  {
    name: 'late is judged by the watermark after the record',
    file: 'src/engine/operators/processor.ts',
    find: 'const watermark = this.#time.at[record.sequence] as number;',
    replace: 'const watermark = this.#time.at[record.sequence + 1] as number;',
  },
  {
    name: 'at-watermark releases too early',
    file: task('input/input'),
    find: "return this.#watermarkOf('on-arrival') > timestamp;",
    replace: "return this.#watermarkOf('on-arrival') > timestamp - 40;",
  },
  {
    name: 'an input that has more to fetch is not waited for',
    file: task('input/input'),
    find: 'if (!input.fetchedAll) return undefined;',
    replace: 'continue;',
  },
  {
    name: 'a join sees the future of its batch',
    file: 'src/engine/operators/record.ts',
    find: 'head.sequence >= next.sequence',
    replace: 'true',
  },
  {
    name: 'an answer to what a row no longer asks is taken',
    file: 'src/engine/topology/joins/foreign-key.ts',
    find: 'const isItsOwn = row !== undefined && named(row, k) === foreignKey;',
    replace: 'const isItsOwn = row !== undefined;',
  },
  {
    name: 'an entry’s first change decides when it goes',
    file: 'src/engine/store/ttl.ts',
    find: 'else if (dueMs > (this.#times.dueOf(key) ?? Number.NEGATIVE_INFINITY)) {',
    replace: 'else if (this.#times.dueOf(key) === undefined) {',
  },
  {
    name: 'timers fire behind the whole batch',
    file: 'src/engine/operators/processor.ts',
    find: 'if (this.#isDueBefore(record.sequence)) await this.#fireBefore(record.sequence, step);',
    replace: '',
  },
  {
    name: 'what a failed record had written stays',
    file: 'src/engine/operators/processor.ts',
    find: 'if (this.#context.missing === undefined) step.reject(cause, this.#node.name, error);',
    replace: `if (this.#context.missing === undefined) {
        step.reject(cause, this.#node.name, error);
        this.#context.apply();
      }`,
  },
  {
    name: 'repartition by the old key',
    file: 'src/engine/operators/sink.ts',
    find: 'partitionFor(key, topic.partitions)',
    replace: 'partitionFor(Buffer.from(String(record.key)), topic.partitions)',
  },
  {
    name: 'a dead letter is written twice',
    file: task('dead-letters'),
    find: 'this.#outbox.add(this.#topic.name, 0, {',
    replace: 'for (const _ of [1, 2]) this.#outbox.add(this.#topic.name, 0, {',
  },
  {
    name: 'evicted entries take their changes along',
    file: 'src/engine/store/cached-store.ts',
    find: 'if (stored !== undefined) this.digest.subtract(stored);',
    replace: '',
  },
  {
    name: 'keys are evicted whose values the database does not have yet',
    file: 'src/engine/store/entry-cache.ts',
    find: 'if (entry.used || entry.dirty || entry.changes?.isHeld === true) {',
    replace: 'if (entry.used || entry.dirty) {',
  },
  {
    name: 'a flush leaves out the last commit',
    file: 'src/engine/store/write-behind.ts',
    find: 'const changes = held.flatMap((each) => each.seal());',
    replace: 'const changes = held.slice(0, -1).flatMap((each) => each.seal());',
  },
  {
    name: 'offsets of an expelled member are accepted',
    file: 'src/log/group-coordination.ts',
    find: 'return find(state, memberId)?.generation === generation;',
    replace: 'return true;',
  },
  {
    name: 'a task that moves has two owners',
    file: task('assignment/placement'),
    find: 'const isSettled = (name: string) => (holders.get(name) ?? targets.get(name)) === targets.get(name);',
    replace: 'const isSettled = (_name: string) => true;',
  },
  {
    name: 'a fenced producer goes on',
    file: 'src/log/simulated/broker.ts',
    find: 'if (state === undefined || state.epoch !== epoch) throw fenced(transactionalId);',
    replace: 'if (state === undefined) throw fenced(transactionalId);',
  },
  {
    name: 'work goes on behind a failed commit',
    file: task('runtime'),
    find: `    await this.#tasks.close(this.#tasks.held);
    this.#require(this.#fetching).assign([]);`,
    replace: '',
    shows: 'died',
  },
  ...CHAIN_MUTANTS,
];
