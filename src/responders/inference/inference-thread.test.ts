import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UserEncoder } from '#models';
import { createMetrics } from '#platform';
import { tinyModel } from '../testing/tiny-model.ts';
import { InferenceThread } from './inference-thread.ts';

const { contents } = await tinyModel(16, 1);
const tower = contents['user-tower.onnx'];
const input = (user: number) => ({
  user,
  history: [user, 0],
  profile: [0, 0, 0, 0],
  context: [1, 1, 0, 0, 0, 1],
});

describe('inference thread', () => {
  it('gives each of many askers the vector of their own user, in few runs', async () => {
    const metrics = createMetrics();
    const thread = await InferenceThread.start({ model: 'two-tower', files: contents }, metrics);
    const users = Array.from({ length: 60 }, (_, i) => 1 + (i % 12));
    const vectors = await Promise.all(users.map((user) => thread.encode(input(user))));
    await thread.close();

    const encoder = await UserEncoder.load(tower);
    for (const [i, user] of users.entries()) {
      const expected = await encoder.encode({
        users: Int32Array.of(user),
        histories: [[user, 0]],
        profile: new Int32Array(4),
      });
      const vector = vectors[i] as Float32Array;
      assert.equal(vector.length, 16);
      assert.ok(vector.every((x, d) => Math.abs(x - (expected[d] as number)) < 1e-5));
    }
    await encoder.close();
    // The first goes at once and alone; all that came while it was computed go together.
    assert.match(await metrics.render(), /inference_batch_users_count 2\n/);
  });

  it('refuses what is no tower, and leaves no thread', async () => {
    await assert.rejects(
      InferenceThread.start(
        { model: 'two-tower', files: { 'user-tower.onnx': Buffer.from('no onnx') } },
        createMetrics(),
      ),
      {
        code: 'MR_MODEL_UNREADABLE',
      },
    );
  });

  it('answers what was asked before it is closed, and nothing after', async () => {
    const thread = await InferenceThread.start({ model: 'two-tower', files: contents }, createMetrics());
    const asked = [1, 2, 3].map((user) => thread.encode(input(user)));
    const closed = thread.close();
    await assert.rejects(thread.encode(input(4)), { code: 'MR_INFERENCE_ENDED' });
    for (const vector of await Promise.all(asked)) assert.equal(vector.length, 16);
    await closed;
  });

  it('goes on after an input that the model refuses', async () => {
    const thread = await InferenceThread.start({ model: 'two-tower', files: contents }, createMetrics());
    await assert.rejects(thread.encode({ ...input(1), profile: [0] }), { code: 'MR_MODEL_INPUT' });
    assert.equal((await thread.encode(input(1))).length, 16);
    await thread.close();
  });
});
