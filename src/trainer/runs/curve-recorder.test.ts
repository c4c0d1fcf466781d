import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ManualClock } from '#platform/testing';
import type { RunProgress } from '#schemas';
import { CurveRecorder } from './curve-recorder.ts';

function record() {
  const clock = new ManualClock(5_000);
  const writes: (readonly RunProgress[])[] = [];
  const recorder = new CurveRecorder('run', clock, (points) => writes.push(points));
  const pointOf = ({ epoch, at_step, of_steps, values }: RunProgress) => [epoch, at_step, of_steps, values];
  return { clock, recorder, writes: () => writes.map((points) => points.map(pointOf)) };
}

it('a curve has about 200 points, each with the mean loss of the steps up to it', () => {
  const { recorder, writes } = record();
  for (let step = 1; step <= 401; step++)
    recorder.update({ epoch: 1, epochs: 1, step, steps: 401, loss: step });
  recorder.flush();
  const [points = []] = writes();
  assert.equal(points.length, 134, 'every third step, and the last');
  assert.deepEqual(points.slice(0, 2), [
    [1, 3, 401, { loss: 2 }],
    [1, 6, 401, { loss: 5 }],
  ]);
  assert.deepEqual(points.at(-1), [1, 401, 401, { loss: 400.5 }]);
});

it('points are handed on a second after the last ones, and what is left by a flush', async () => {
  const { clock, recorder, writes } = record();
  recorder.epoch(1, 10, { recall: 0.5 });
  await clock.advance(999);
  recorder.epoch(2, 20, { recall: 0.6 });
  assert.deepEqual(writes(), []);
  await clock.advance(1);
  recorder.epoch(3, 30, { recall: 0.7 });
  assert.deepEqual(
    writes().map((points) => points.length),
    [3],
  );
  recorder.flush();
  assert.equal(writes().length, 1, 'nothing is left');
  recorder.epoch(4, 40, { recall: 0.8 });
  recorder.flush();
  assert.deepEqual(writes()[1], [[4, 40, 0, { recall: 0.8 }]]);
});
