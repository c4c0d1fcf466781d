import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { crossKey, userItemFeaturesView } from '#features';
import { createHttpServer } from '#platform';
import { loneVault } from '#privacy/testing';
import { item } from '../testing/tiny-model.ts';
import { interaction, openWorld } from '../testing/world.ts';

describe('features over HTTP', { timeout: 180_000 }, () => {
  it('gives features of a user, of an item, and of both together, by the ids asked with', async (t) => {
    const { ask, get, post } = await served(t);
    const ofUser = await get('/features/user/anna%2F%C3%BC');
    assert.deepEqual(Object.keys(ofUser), ['ts', 'user']);
    assert.equal(ofUser.user.user_id, 'anna/ü');
    assert.deepEqual(Object.keys(ofUser.user.views), ['user-features', 'user-profile']);
    const { features, found, freshness_ms, expired } = ofUser.user.views['user-features'];
    assert.deepEqual([features.events, features.recent_items, found, expired], [2, ['i2', 'i1'], true, []]);
    assert.ok(freshness_ms >= 0 && freshness_ms < 600_000, freshness_ms);
    assert.equal(ofUser.user.views['user-profile'].found, false);

    const ofItem = await get('/features/item/i1?views=item-profile');
    assert.deepEqual(Object.keys(ofItem), ['ts', 'items']);
    assert.deepEqual(Object.keys(ofItem.items[0].views), ['item-profile']);
    assert.equal(ofItem.items[0].views['item-profile'].features.category, item('i1').category);

    const views = ['user-item-features', 'item-profile', 'context'];
    const body = { user: 'anna/ü', items: ['i2', 'i1', 'i2'], views, context: { device: 'tv' } };
    const ofBoth = await post(body);
    assert.deepEqual(
      ofBoth.items.map(({ item_id }: { item_id: string }) => item_id),
      ['i2', 'i1', 'i2'],
    );
    assert.deepEqual(ofBoth.user, { user_id: 'anna/ü', views: {} });
    assert.equal(ofBoth.items[1].views['user-item-features'].features.events, 1);
    assert.equal(ofBoth.items[0].views['user-item-features'].found, false);
    assert.deepEqual([ofBoth.context.device, ofBoth.context.session_position], ['tv', 2]);
    assert.equal(ofBoth.context.hour, new Date(ofBoth.ts).getUTCHours());

    const everything = await post({ user: 'anna/ü', items: ['i1'] });
    assert.deepEqual(Object.keys(everything.items[0].views).sort(), [
      'item-features',
      'item-profile',
      'popularity-rank',
      'user-category-features',
      'user-item-features',
    ]);
    assert.equal(everything.context, undefined);
    assert.equal((await ask('/features/user/anna%2F%C3%BC?views=user-profile,user-features')).status, 200);
  });

  it('makes nobody known by asking', async (t) => {
    const { get, vault } = await served(t);
    assert.equal((await get('/features/user/nobody')).user.views['user-features'].found, false);
    assert.equal(vault.known('nobody'), undefined);
  });

  it('says what is wrong with a question', async (t) => {
    const { ask } = await served(t);
    const refused = async (path: string, body: unknown, code: string, message: RegExp) => {
      const answer = await ask(path, body);
      assert.deepEqual([answer.status, answer.body.code], [400, code], JSON.stringify(answer.body));
      assert.match(answer.body.message, message);
      assert.ok(answer.body.hint.length > 0);
    };
    await refused('/features/user/u?views=nothing', undefined, 'MR_FEATURES_UNKNOWN_VIEW', /"nothing"/);
    await refused('/features/user/u?views=', undefined, 'MR_FEATURES_REQUEST', /No view/);
    await refused('/features/user/u?views=a&views=b', undefined, 'MR_HTTP_QUERY', /more than once/);
    await refused('/features/item/i?view=a', undefined, 'MR_HTTP_QUERY', /no parameter "view"/);
    await refused('/features/user/u?views=item-features', undefined, 'MR_FEATURES_ENTITY', /items must be/);
    await refused('/features/item/i?views=user-features', undefined, 'MR_FEATURES_ENTITY', /a user must be/);
    await refused('/features/user/a%1Fb', undefined, 'MR_PRIVACY_USER', /A user id/);
    const body = (json: unknown, code: string, message: RegExp) => refused('/features', json, code, message);
    await body({}, 'MR_FEATURES_ENTITY', /Neither/);
    await body([], 'MR_FEATURES_REQUEST', /not a JSON object/);
    await body({ users: ['u'] }, 'MR_FEATURES_REQUEST', /"users"/);
    await body({ user: 7 }, 'MR_FEATURES_REQUEST', /user is not a string/);
    await body({ items: 'i' }, 'MR_FEATURES_REQUEST', /items is not a list/);
    await body({ items: [] }, 'MR_FEATURES_REQUEST', /empty/);
    const items = Array.from({ length: 1_001 }, (_, i) => `i${i}`);
    await body({ items }, 'MR_FEATURES_REQUEST', /1001 items/);
    await body({ user: 'u', views: ['user-features', 1] }, 'MR_FEATURES_REQUEST', /views is not a list/);
    await body({ user: 'u', context: { device: 'watch' } }, 'MR_FEATURES_REQUEST', /one of mobile/);
    await body({ user: 'u', context: { hour: 7 } }, 'MR_FEATURES_REQUEST', /context has no field "hour"/);
  });

  it('refuses a ttl of a feature that there is not, when it starts', async (t) => {
    const world = await openWorld(t);
    await assert.rejects(world.responder({ featureTtlMs: { 'user-features.evnts': 1 } }), {
      code: 'MR_FEATURES_TTL',
      remedy: 'fix-configuration',
    });
  });
});

/** A responder over HTTP that knows one user, who has met two items and has features with one. */
async function served(t: TestContext) {
  const vault = await loneVault(t);
  const world = await openWorld(t, vault);
  const anna = await vault.pseudonymOf('anna/ü');
  await world.putItems([item('i1'), item('i2')]);
  const events = [interaction(anna, 'i1'), interaction(anna, 'i2')];
  await world.putUserRow(anna, events);
  await world.putRow(userItemFeaturesView, crossKey(anna, 'i1'), events.slice(0, 1));
  const responder = await world.responder();
  const server = await createHttpServer(world);
  t.after(() => server.close());
  responder.registerRoutes(server);
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  const ask = async (path: string, body?: unknown) => {
    const sent = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    };
    const response = await fetch(url + path, body === undefined ? {} : sent);
    // biome-ignore lint/suspicious/noExplicitAny: what is compared is what came over the wire
    return { status: response.status, body: (await response.json()) as any };
  };
  const fine = async (path: string, body?: unknown) => {
    const answer = await ask(path, body);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body;
  };
  return { vault, ask, get: (path: string) => fine(path), post: (body: unknown) => fine('/features', body) };
}
