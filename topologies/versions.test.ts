import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Candidate, type Command, type CommandKind, commandOf, type Version } from '#schemas';
import { NOW, openLoop } from './testing/loop-driver.ts';

const metrics = (value: number) => ({ 'recall@10': value, 'ndcg@10': value });

/** Beats both popularities. */
function candidate(version: string, changes: Partial<Candidate> = {}): Candidate {
  return {
    version,
    snapshot_id: 's',
    model: 'two-tower',
    directory: `versions/${version}`,
    dimension: 8,
    items: 10,
    protocol: 'per-user-last-20%',
    metrics: metrics(0.13),
    popularity: metrics(0.1),
    decayed_popularity: metrics(0.12),
    role: 'retrieval',
    run_id: null,
    intervals: {},
    sizes: {},
    production: null,
    ...changes,
  };
}

/** Beside a version in force: better than it by these means and upper ends of the interval. */
function besides(version: string, differences: Record<string, readonly [mean: number, high: number]>) {
  const intervals = Object.entries(differences).map(([metric, [mean, high]]) => {
    return [metric, { mean, low: mean - (high - mean), high }];
  });
  return { production: { version, metrics: metrics(0.13), differences: Object.fromEntries(intervals) } };
}

/** A registry, its commands, and what comes of them. */
async function registry(t: Parameters<typeof openLoop>[0], gate: Parameters<typeof openLoop>[3] = {}) {
  const { driver, topics } = await openLoop(t, {}, {}, gate);
  let sent = 0;
  const send = async (kind: CommandKind, changes: Partial<Command> = {}) => {
    const command_id = `${kind}-${++sent}`;
    const command = commandOf({ command_id, ts: NOW + sent, kind, actor: 'ada', ...changes });
    await driver.pipe(topics.commands, [command_id, command, command.ts]);
    await driver.settle();
    const answers = (await driver.read(topics['command-answers'])).map(({ value }) => value);
    const answered = answers.filter((each) => each?.command_id === command_id);
    assert.equal(answered.length, 1, 'each command is answered once');
    return answered[0];
  };
  const taken: Version[] = [];
  const steps = async () => {
    for (const { value } of await driver.read(topics.versions)) taken.push(value as Version);
    return taken;
  };
  return {
    send,
    steps,
    publish: (each: Candidate) => send('publish', { candidate: each }),
    /** Each compared with the one before it, so that all are promoted, one after the other. */
    publishInTurn: async (...versions: readonly string[]) => {
      for (const [i, version] of versions.entries()) {
        const [before] = versions.slice(i - 1, i);
        await send('publish', {
          candidate: candidate(version, before === undefined ? {} : besides(before, {})),
        });
      }
    },
    promote: (version: string) => send('promote', { version }),
    life: async () => (await steps()).map(({ version, status }) => `${version} ${status}`),
    promoted: async () =>
      (await steps()).flatMap(({ version, status }) => (status === 'promoted' ? [version] : [])).join(' '),
  };
}

const lifeOf = (version: string, ...statuses: readonly string[]) =>
  statuses.map((status) => `${version} ${status}`);

describe('versions', () => {
  it('are promoted when they beat both popularities, rejected with the reason, and decided on once', async (t) => {
    const { publish, steps, life } = await registry(t);
    const good = await publish(candidate('good'));
    assert.deepEqual([good?.accepted, good?.status, good?.reason], [true, 'promoted', null]);
    const bad = await publish(candidate('bad', { metrics: metrics(0.11) }));
    assert.deepEqual([bad?.accepted, bad?.status], [true, 'rejected']);
    const again = await publish(candidate('good', { metrics: metrics(0.01) }));
    assert.deepEqual([again?.accepted, again?.status], [true, 'promoted']);
    assert.deepEqual(await life(), [
      ...lifeOf('good', 'registered', 'evaluated', 'staged', 'promoted'),
      ...lifeOf('bad', 'registered', 'evaluated', 'rejected'),
    ]);
    const rejected = (await steps()).at(-1);
    assert.match(rejected?.reason ?? '', /gate lift: recall@10 is 0.1100, and at least 0.1200/);
    assert.deepEqual(rejected?.gates[0], {
      gate: 'lift',
      metric: 'recall@10',
      value: 0.11,
      threshold: 0.12,
      passed: false,
    });
  });

  it('must reach the least values of the metrics that they have, and every failure is named', async (t) => {
    const minimum = { 'recall@100': 0.1, 'sampled-ndcg@10': 0.3, auc: 0.6 };
    const { publish } = await registry(t, { minimum });
    const bare = await publish(candidate('bare'));
    assert.equal(bare?.status, 'promoted', 'what is not measured is not required');
    const sound = { ...metrics(0.13), 'recall@100': 0.1, 'sampled-ndcg@10': 0.3, auc: 0.6 };
    const passing = candidate('sound', { metrics: sound, ...besides('bare', {}) });
    assert.equal((await publish(passing))?.status, 'promoted');
    const poor = await publish(candidate('poor', { metrics: { ...sound, auc: 0.59, 'recall@100': 0.05 } }));
    assert.equal(poor?.status, 'rejected');
    assert.match(poor?.reason ?? '', /gate minimum: recall@100 is 0.0500, and at least 0.1000/);
    assert.match(poor?.reason ?? '', /gate minimum: auc is 0.5900, and at least 0.6000/);
    const broken = await publish(candidate('broken', { metrics: { ...sound, auc: Number.NaN } }));
    assert.equal(broken?.status, 'rejected', 'what is not a number passes nothing');
    const silent = await publish(candidate('silent', { metrics: { 'recall@10': 0.2 } }));
    assert.match(silent?.reason ?? '', /gate lift: ndcg@10 is missing/);
  });

  it('are decided on again when the gates that rejected them ask for something else', async (t) => {
    // Changed as a restart with other options changes them.
    const minimum: Record<string, number> = { auc: 0.6 };
    const { publish, promote, life } = await registry(t, { minimum });
    const poor = (version: string, auc: number, more: Partial<Candidate> = {}) =>
      candidate(version, { metrics: { ...metrics(0.13), auc }, ...more });
    assert.equal((await publish(poor('first', 0.5)))?.status, 'rejected');
    assert.equal((await publish(poor('second', 0.3, besides('first', {}))))?.status, 'rejected');
    const before = await life();
    assert.equal((await publish(poor('first', 0.5)))?.status, 'rejected', 'nothing has changed');
    assert.deepEqual(await life(), before);

    minimum.auc = 0.4;
    assert.equal((await publish(poor('first', 0.5)))?.status, 'promoted');
    const refused = await promote('second');
    assert.equal(refused?.code, 'MR_VERSION_NOT_PROMOTABLE');
    assert.match(refused?.reason ?? '', /auc is 0\.3000, and at least 0\.4000/);
    delete minimum.auc;
    assert.equal((await promote('second'))?.status, 'promoted');
    assert.deepEqual((await life()).slice(before.length), [
      ...lifeOf('first', 'evaluated', 'staged', 'promoted'),
      ...lifeOf('second', 'evaluated', 'rejected', 'evaluated', 'staged', 'promoted'),
    ]);
  });

  it('may be worse than production by chance, not beyond its interval', async (t) => {
    const { publish, steps } = await registry(t);
    await publish(candidate('first'));
    const chance = { 'recall@10': [-0.01, 0.002], 'ndcg@10': [0.01, 0.02] } as const;
    const like = await publish(candidate('like', besides('first', chance)));
    assert.equal(like?.status, 'promoted');
    const worse = { 'recall@10': [-0.03, -0.01], 'ndcg@10': [0.01, 0.02] } as const;
    const refused = await publish(candidate('worse', besides('like', worse)));
    assert.equal(refused?.status, 'rejected');
    assert.match(refused?.reason ?? '', /gate production: recall@10 is 0.1300/);
    assert.doesNotMatch(refused?.reason ?? '', /ndcg/);
    const indifferent = await registry(t, { production: 'any' });
    await indifferent.publish(candidate('first'));
    const any = await indifferent.publish(candidate('worse', besides('first', worse)));
    assert.equal(any?.status, 'promoted');

    const diverged = { 'recall@10': [Number.NaN, Number.NaN] } as const;
    assert.equal((await publish(candidate('nan', besides('like', diverged))))?.status, 'rejected');

    const late = await publish(candidate('late', { snapshot_id: 'later', ...besides('first', chance) }));
    assert.deepEqual([late?.accepted, late?.status], [true, 'staged']);
    assert.match(late?.reason ?? '', /compared with version first, and like has been promoted since/);
    assert.equal((await steps()).at(-1)?.gates.length, 2);
  });

  it('that were trained side by side: the better one that passes is in force, whichever came first', async (t) => {
    const low = candidate('low', { metrics: metrics(0.15) });
    const high = candidate('high', { metrics: metrics(0.2) });
    const beside = (each: Candidate, auc: number) => ({
      ...each,
      ...besides('old', { auc: [auc, auc + 0.01] }),
    });
    for (const [twins, promoted] of [
      [[low, high], 'low high'],
      [[high, low], 'high'],
    ] as const) {
      const fresh = await registry(t);
      for (const each of twins) await fresh.publish(each);
      assert.equal(await fresh.promoted(), promoted);
      const running = await registry(t);
      await running.publish(candidate('old', { snapshot_id: 'before' }));
      for (const each of twins) await running.publish(beside(each, 0.02));
      const best = candidate('best', { metrics: metrics(0.3) });
      const worse = await running.publish(beside(best, -0.02));
      assert.equal(worse?.status, 'rejected', 'beside what was in force when it was judged');
      assert.equal(await running.promoted(), `old ${promoted}`);
    }
    const { publish } = await registry(t);
    await publish(high);
    const staged = await publish(low);
    assert.deepEqual([staged?.accepted, staged?.status], [true, 'staged']);
    assert.match(
      staged?.reason ?? '',
      /high, judged on the same rows, is in force: ndcg@10 is 0.1500 against/,
    );
    const bare = candidate('bare', { metrics: { 'recall@10': 0.9 }, popularity: {}, decayed_popularity: {} });
    assert.equal((await publish(bare))?.status, 'staged', 'nothing says that it is better');
  });

  it('that were compared with none are not promoted in the place of what other rows have judged', async (t) => {
    const { publish, promote } = await registry(t);
    assert.equal((await publish(candidate('first')))?.status, 'promoted');
    const other = { snapshot_id: 'another', metrics: metrics(0.9) };
    const second = await publish(candidate('second', other));
    assert.deepEqual([second?.accepted, second?.status], [true, 'staged']);
    assert.match(second?.reason ?? '', /compared with no version, and first has been promoted since/);
    assert.equal((await promote('second'))?.accepted, true, 'somebody may want it');
    const unjudged = await publish(candidate('third', besides('second', {})));
    assert.equal(unjudged?.status, 'promoted', 'a version in force that cannot be judged is in nobody’s way');
    const any = await registry(t, { production: 'any' });
    for (const version of ['first', 'second']) {
      assert.equal((await any.publish(candidate(version, { snapshot_id: version })))?.status, 'promoted');
    }
  });

  it('wait for an approval where the configuration says so, and where nothing says how good they are', async (t) => {
    const { publish, promote, send, steps, life } = await registry(t, { promotion: 'by-approval' });
    const waiting = await publish(candidate('a'));
    assert.deepEqual([waiting?.status, waiting?.accepted], ['staged', true]);
    assert.match(waiting?.reason ?? '', /waits for an approval/);
    await promote('a');
    await publish(candidate('b'));
    const approved = await send('promote', { version: 'b', actor: 'grace', reason: 'looked at it' });
    assert.deepEqual([approved?.accepted, approved?.status], [true, 'promoted']);
    const { actor, reason, previous, gates } = (await steps()).at(-1) as Version;
    assert.deepEqual([actor, reason, previous, gates.length], ['grace', 'looked at it', 'a', 2]);
    assert.deepEqual((await life()).slice(3), [
      'a promoted',
      ...lifeOf('b', 'registered', 'evaluated', 'staged', 'promoted'),
    ]);

    const automatic = await registry(t);
    const scorer = candidate('scorer', { metrics: {}, popularity: {}, decayed_popularity: {} });
    const judged = await automatic.publish(scorer);
    assert.equal(judged?.status, 'staged');
    assert.match(judged?.reason ?? '', /it has no metrics/);
    const nothing = { popularity: {}, decayed_popularity: {} };
    const claimed = candidate('claimed', { model: 'external', ...nothing });
    assert.match((await automatic.publish(claimed))?.reason ?? '', /not measured here/);
    for (const model of ['external', 'external-retrieval']) {
      const measured = await automatic.publish(candidate(`measured ${model}`, { model }));
      assert.match(measured?.reason ?? '', /it was trained elsewhere/);
    }
  });

  it('are rolled back to the one promoted before, as often as there is one', async (t) => {
    const { publishInTurn, promote, send, steps, life } = await registry(t);
    await publishInTurn('a', 'b', 'c');
    await promote('a');
    const before = (await life()).length;
    const back = await send('rollback', { reason: 'complaints' });
    assert.deepEqual([back?.accepted, back?.version, back?.status], [true, 'c', 'promoted']);
    await send('rollback', { version: 'c' });
    await send('rollback');
    const left = await send('rollback');
    assert.deepEqual([left?.accepted, left?.code], [false, 'MR_VERSION_NO_PREVIOUS']);
    assert.deepEqual((await life()).slice(before), [
      ...['a rolled_back', 'c promoted'],
      ...['c rolled_back', 'b promoted'],
      ...['b rolled_back', 'a promoted'],
    ]);
    const [gone, returned] = (await steps()).slice(before);
    assert.deepEqual([gone?.reason, gone?.actor], ['complaints', 'ada']);
    assert.deepEqual([returned?.reason, returned?.previous], ['version a was rolled back', 'a']);
    const again = await promote('c');
    assert.equal(again?.accepted, true, 'one that was rolled back can be promoted again');
  });

  it('are in force by role: a ranker takes no place of a retrieval', async (t) => {
    const { publish, promote, send } = await registry(t);
    await publish(candidate('retrieval-1'));
    await publish(
      candidate('ranker', { role: 'ranking', metrics: {}, popularity: {}, decayed_popularity: {} }),
    );
    await promote('ranker');
    const second = await publish(candidate('retrieval-2', besides('retrieval-1', {})));
    assert.equal(second?.status, 'promoted', 'it is compared with the retrieval in force');
    assert.equal((await send('rollback'))?.version, 'retrieval-1');
    assert.equal((await send('rollback'))?.code, 'MR_VERSION_NO_PREVIOUS');
    const gone = await send('rollback', { version: 'ranker' });
    assert.deepEqual([gone?.accepted, gone?.version, gone?.status], [true, 'ranker', 'rolled_back']);
    const again = await send('rollback', { version: 'ranker' });
    assert.equal(again?.code, 'MR_VERSION_NOT_IN_FORCE', 'nothing ranks any more');
  });

  it('refuse what cannot be, with code and reason, and change nothing', async (t) => {
    const { publish, publishInTurn, promote, send, life } = await registry(t);
    const none = await send('rollback');
    assert.deepEqual([none?.accepted, none?.code], [false, 'MR_VERSION_NOT_IN_FORCE']);
    await publishInTurn('a', 'b');
    await publish(candidate('bad', { metrics: metrics(0.1) }));
    const gone = candidate('gone');
    await send('archive', { candidate: gone });
    const before = await life();
    const refused = async (given: ReturnType<typeof send>, code: string, reason: RegExp) => {
      const answer = await given;
      assert.deepEqual([answer?.accepted, answer?.code], [false, code]);
      assert.match(answer?.reason ?? '', reason);
    };
    await refused(promote('nobody'), 'MR_VERSION_UNKNOWN', /no version nobody/);
    await refused(promote('bad'), 'MR_VERSION_NOT_PROMOTABLE', /bad is rejected: gate lift/);
    await refused(promote('gone'), 'MR_VERSION_NOT_PROMOTABLE', /gone is archived: withdrawn by command/);
    await refused(promote('b'), 'MR_VERSION_IN_FORCE', /b is in force/);
    await refused(send('promote'), 'MR_VERSION_UNKNOWN', /names no version/);
    await refused(send('publish'), 'MR_VERSION_UNKNOWN', /has no candidate/);
    await refused(send('rollback', { version: 'a' }), 'MR_VERSION_NOT_IN_FORCE', /a is not in force: b is/);
    const unused = { only_unused: true };
    const archive = (version: string) => send('archive', { candidate: candidate(version), ...unused });
    await refused(archive('b'), 'MR_VERSION_IN_FORCE', /b is in force/);
    await refused(archive('a'), 'MR_VERSION_IN_FORCE', /a is what a rollback returns to/);
    assert.deepEqual(await life(), before);
  });

  it('are archived for good, whatever was decided before, and the one before takes the place', async (t) => {
    const { publish, publishInTurn, send, promote, life, steps } = await registry(t);
    await publishInTurn('a', 'b');
    await promote('a');
    const before = (await life()).length;
    // The promotions a, b, a: without b there is one of a, and nothing to roll back to.
    await send('archive', { candidate: candidate('b'), reason: 'of a user who was erased' });
    const back = await send('rollback');
    assert.equal(back?.code, 'MR_VERSION_NO_PREVIOUS');
    await publish(candidate('c', besides('a', {})));
    await send('archive', { candidate: candidate('c') });
    const again = await send('archive', { candidate: candidate('c') });
    assert.deepEqual([again?.accepted, again?.status], [true, 'archived']);
    assert.equal((await publish(candidate('c')))?.status, 'archived');
    assert.equal((await send('archive', { candidate: candidate('unseen') }))?.status, 'archived');
    assert.equal((await publish(candidate('unseen')))?.status, 'archived');
    assert.deepEqual((await life()).slice(before), [
      'b archived',
      ...lifeOf('c', 'registered', 'evaluated', 'staged', 'promoted', 'archived'),
      'a promoted',
      'unseen archived',
    ]);
    const archived = (await steps()).filter(({ status }) => status === 'archived');
    assert.deepEqual(
      archived.map(({ reason }) => reason),
      ['of a user who was erased', 'withdrawn by command archive-7', 'withdrawn by command archive-10'],
    );
  });
});
