/**
 * How threads meet for steps of some tens of microseconds, which a message takes by itself: those that attend watch a word
 * of shared memory, and sleep on it where it does not change for a while. Steps and results are in memory of the user's: what is
 * written before a step is seen by all that compute its shards, and what they write by the one that steps, when it is over.
 */

/** What a meeting counts with; then a word for each further thread: 1 where it was asked to attend, and has not left. */
const [STEP, LEFT, UNFINISHED, SLEEPING, FAILED, ATTENDING] = [0, 1, 2, 3, 4, 5] as const;

/** Looks at a word before a thread sleeps on it: some tens of microseconds. To be woken up takes longer. */
const LOOKS = 10_000;
/** Without a step for so long, a thread goes back to its messages: to be told to stop, or to see that its starter is gone. */
const IDLE_MS = 20;
/** How long the thread that steps waits for the others before it lets its own messages in. */
const PATIENCE_MS = 20;

export type Compute = (shard: number) => void;

export function meetingOf(threads: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer((ATTENDING + threads) * Int32Array.BYTES_PER_ELEMENT));
}

/**
 * Computes shards 0 .. `shards` - 1 together with the threads that attend. None waits for one who does not: a shard is
 * computed by whoever takes it. `ask` calls a thread; rejects with what `failed` does where a thread fails, which else is pending.
 */
export async function meet(
  words: Int32Array,
  shards: number,
  { compute, ask, failed }: { compute: Compute; ask: (thread: number) => void; failed: Promise<never> },
): Promise<void> {
  for (let thread = 0; thread < words.length - ATTENDING; thread++) {
    if (Atomics.compareExchange(words, ATTENDING + thread, 0, 1) === 0) ask(thread);
  }
  Atomics.store(words, UNFINISHED, shards);
  // From here on shards can be taken: all else is in place.
  Atomics.store(words, LEFT, shards);
  Atomics.add(words, STEP, 1);
  if (Atomics.load(words, SLEEPING) > 0) Atomics.notify(words, STEP);
  try {
    takeShards(words, compute);
  } finally {
    await othersToFinish(words, failed);
  }
  if (Atomics.load(words, FAILED) !== 0) await failed;
}

async function othersToFinish(words: Int32Array, failed: Promise<never>): Promise<void> {
  for (let look = 0; look < LOOKS && Atomics.load(words, UNFINISHED) > 0; look++);
  for (;;) {
    const left = Atomics.load(words, UNFINISHED);
    if (left === 0) return;
    if (Atomics.wait(words, UNFINISHED, left, PATIENCE_MS) !== 'timed-out') continue;
    const { async, value } = Atomics.waitAsync(words, UNFINISHED, left, PATIENCE_MS);
    if (async) await Promise.race([value, failed]);
  }
}

/** In a further thread, the one of this number: computes shards of step after step, until there is none for a while. */
export function attend(words: Int32Array, thread: number, compute: Compute): void {
  const computed: Compute = (shard) => {
    try {
      compute(shard);
    } catch (error) {
      Atomics.store(words, FAILED, 1);
      throw error;
    }
  };
  try {
    let woken = '';
    while (woken !== 'timed-out') {
      const step = Atomics.load(words, STEP);
      takeShards(words, computed);
      for (let look = 0; look < LOOKS && Atomics.load(words, STEP) === step; look++);
      Atomics.add(words, SLEEPING, 1);
      woken = Atomics.wait(words, STEP, step, IDLE_MS);
      Atomics.sub(words, SLEEPING, 1);
    }
  } finally {
    Atomics.store(words, ATTENDING + thread, 0);
  }
}

/** After an error the others are taken and left, so that nobody waits for them. */
function takeShards(words: Int32Array, compute: Compute): void {
  const errors: unknown[] = [];
  for (;;) {
    const shard = Atomics.sub(words, LEFT, 1) - 1;
    if (shard < 0) break;
    try {
      if (errors.length === 0) compute(shard);
    } catch (error) {
      errors.push(error);
    } finally {
      if (Atomics.sub(words, UNFINISHED, 1) === 1) Atomics.notify(words, UNFINISHED);
    }
  }
  if (errors.length > 0) throw errors[0];
}
