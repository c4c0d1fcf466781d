import type { TrainingProgress } from '#models';
import type { Clock } from '#platform';
import type { RunProgress } from '#schemas';

/** Points of a whole run, about; what a terminal can show. */
const POINTS_WANTED = 200;
const FLUSH_MS = 1000;

/** Thins the progress of a run out to the points of its curves, and hands them on, some at a time. */
export class CurveRecorder {
  readonly #runId: string;
  readonly #clock: Clock;
  readonly #write: (points: readonly RunProgress[]) => void;
  #points: RunProgress[] = [];
  #flushedMs: number;
  #loss = 0;
  #losses = 0;
  #steps = 0;

  constructor(runId: string, clock: Clock, write: (points: readonly RunProgress[]) => void) {
    this.#runId = runId;
    this.#clock = clock;
    this.#write = write;
    this.#flushedMs = clock.monotonic();
  }

  update({ epoch, step, steps, loss }: TrainingProgress): void {
    this.#steps = steps;
    this.#loss += loss;
    this.#losses++;
    if (step % Math.ceil(steps / POINTS_WANTED) !== 0 && step !== steps) return;
    this.#add(epoch, step, { loss: this.#loss / this.#losses });
    this.#loss = 0;
    this.#losses = 0;
  }

  epoch(epoch: number, step: number, values: Readonly<Record<string, number>>): void {
    this.#add(epoch, step, { ...values });
  }

  flush(): void {
    if (this.#points.length > 0) this.#write(this.#points);
    this.#points = [];
    this.#flushedMs = this.#clock.monotonic();
  }

  #add(epoch: number, step: number, values: Record<string, number>): void {
    const at = { run_id: this.#runId, ts: this.#clock.now(), step: 'train', epoch };
    this.#points.push({ ...at, at_step: step, of_steps: this.#steps, values });
    if (this.#clock.monotonic() - this.#flushedMs >= FLUSH_MS) this.flush();
  }
}
