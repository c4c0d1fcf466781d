import { invariant } from '#platform';

/**
 * Where a task stands that a member holds. 'created': it waits for its turn to be restored. 'restoring': its stores are
 * brought up to what the log has committed. 'running': it takes records. 'suspended': it is given up, takes none any
 * more, and its stores are being closed. 'closed': its next owner can open them.
 */
export const TASK_PHASES = ['created', 'restoring', 'running', 'suspended', 'closed'] as const;
export type TaskPhase = (typeof TASK_PHASES)[number];

/** What may follow on what. Nothing leads back: a task that is dropped and done again is another one. */
const FOLLOWING: Readonly<Record<TaskPhase, readonly TaskPhase[]>> = {
  created: ['restoring', 'suspended'],
  restoring: ['running', 'suspended'],
  running: ['suspended'],
  suspended: ['closed'],
  closed: [],
};

/** The phase of one task; a step that does not follow on it is an error of the engine. */
export class Lifecycle {
  readonly #task: string;
  #phase: TaskPhase = 'created';

  constructor(task: string) {
    this.#task = task;
  }

  get phase(): TaskPhase {
    return this.#phase;
  }

  /** Errors: MR_INVARIANT. */
  enter(next: TaskPhase): void {
    const isNext = FOLLOWING[this.#phase].includes(next);
    invariant(isNext, `task ${this.#task} can't become ${next} when it is ${this.#phase}`);
    this.#phase = next;
  }
}
