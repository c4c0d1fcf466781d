import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { seededBytes } from '#platform/testing';
import { kafkaServer, registryServer } from '#servers';
import {
  type CommandLine,
  commandLine,
  jsonLines,
  type Running,
  smallWorld,
} from '../testing/command-line.ts';

const named = { ...smallWorld, privacy: { userIds: 'pseudonyms' } };
const TOKEN = 'a token of the tests';
const headers = { 'content-type': 'application/json', connection: 'close', authorization: `Bearer ${TOKEN}` };

type Rotation = { readonly sealed: number; readonly masterKey: string; readonly todo: string | null };

async function startServer({ begin }: CommandLine, args: readonly string[] = []) {
  const started: Running = begin(['start', '--json', ...args]);
  const [line] = await started.until(/^\{"url".*\}$/m);
  const { url } = JSON.parse(line) as { url: string };
  const namesOf = async (user_ids: readonly string[]): Promise<readonly string[]> => {
    const response = await fetch(`${url}/pseudonyms`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ user_ids }),
    });
    const body = await response.text();
    assert.equal(response.status, 200, body);
    return (JSON.parse(body) as { pseudonyms: string[] }).pseudonyms;
  };
  const post = async (user_id: string) => {
    const event = { event_id: randomUUID(), user_id, item_id: 'i1', kind: 'like' };
    const response = await fetch(`${url}/events`, { method: 'POST', headers, body: JSON.stringify(event) });
    assert.equal(response.status, 202, await response.text());
  };
  return { started, namesOf, post };
}

const ids = Array.from({ length: 300 }, (_, i) => `of the test ${i}`);

it('rotates the key of a running start under load: each event is accepted, no user gets another name', {
  timeout: 300_000,
}, async (t) => {
  const line = commandLine(t, { ...named, admin: { token: TOKEN } });
  const data = join(line.directory, '.millrace');
  const { started, namesOf, post } = await startServer(line);
  const names = await namesOf(ids);
  const key = () => readFileSync(join(data, 'pseudonyms.key'));
  const before = key();
  let isRotating = true;
  const posting = (async () => {
    // Known ones and new ones.
    for (let i = 0; isRotating; i++) await post(i % 2 === 0 ? `of the test ${i % 300}` : `new ${i}`);
  })();
  const rotated = await line.run(['rotate-key', '--json']);
  isRotating = false;
  await posting;
  assert.equal(rotated.code, 0, rotated.err);
  const [rotation] = jsonLines<Rotation>(rotated.out);
  assert.ok((rotation?.sealed ?? 0) >= ids.length + smallWorld.simulation.users, rotated.out);
  assert.equal(rotation?.todo, null);
  assert.ok(!key().equals(before));
  assert.deepEqual(await namesOf(ids), names);
  assert.equal((await started.signal('SIGTERM')).code, 0);
  const again = await startServer(line);
  assert.deepEqual(await again.namesOf(ids), names);
  assert.equal((await again.started.signal('SIGTERM')).code, 0);

  const refusals = [
    [['rotate-key', '--set', 'privacy.userIds=as-given'], 'MR_USAGE'],
    [['rotate-key', '--set', `privacy.masterKey=${key().toString('base64')}`], 'MR_PRIVACY_MASTER_KEY'],
    [
      ['recommend', 'u1', '--set', `privacy.masterKey=${seededBytes(32).toString('base64')}`],
      'MR_PRIVACY_MASTER_KEY',
    ],
    [['recommend', 'u1', '--set', 'privacy.masterKey=short'], 'MR_PRIVACY_MASTER_KEY'],
  ] as const;
  const printed = await line.runEach(refusals.map(([args]) => args));
  for (const [i, [args, code]] of refusals.entries()) {
    const { code: exitCode, err } = printed[i] ?? assert.fail();
    assert.equal(exitCode, 2, `${args.join(' ')}: ${err}`);
    assert.match(err, new RegExp(`^error ${code}: .*\nhint: \\S`, 'm'));
  }
});

it('serves users on Kafka from a start with an empty directory, names new ones alike on both, and rotates for both', {
  timeout: 600_000,
}, async (t) => {
  const [kafka, registry] = [await kafkaServer(t), await registryServer(t)];
  if (kafka === undefined || registry === undefined) return;
  const prefix = `replicas-${randomUUID().slice(0, 8)}-`;
  const [masterKey, nextMasterKey] = ['first', 'next'].map((label) =>
    seededBytes(32, label).toString('base64'),
  );
  const configuration = {
    ...named,
    admin: { token: TOKEN },
    log: `${kafka.url}?prefix=${prefix}`,
    registry: `${registry.url}?prefix=${prefix}`,
    privacy: { userIds: 'pseudonyms', masterKey, nextMasterKey },
  };
  const [one, other] = [commandLine(t, configuration), commandLine(t, { ...configuration, simulation: {} })];
  const first = await startServer(one);
  const names = await first.namesOf(ids);
  const second = await startServer(other);
  assert.deepEqual(await second.namesOf(ids), names);
  const newer = Array.from({ length: 50 }, (_, i) => `met at once ${i}`);
  const each = ({ namesOf }: typeof first) => Promise.all(newer.map(async (id) => (await namesOf([id]))[0]));
  const [byFirst, bySecond] = await Promise.all([each(first), each(second)]);
  assert.deepEqual(byFirst, bySecond);
  const rotated = await other.run(['rotate-key', '--json']);
  assert.equal(rotated.code, 0, rotated.err);
  assert.match(jsonLines<Rotation>(rotated.out)[0]?.todo ?? '', /privacy\.masterKey/);
  for (const { namesOf } of [first, second]) assert.deepEqual(await namesOf(ids), names);
  for (const { started } of [first, second]) assert.equal((await started.signal('SIGTERM')).code, 0);
  const wrong = await one.run(['recommend', 'u1', '--set', `privacy.nextMasterKey=${masterKey}`]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /^error MR_PRIVACY_MASTER_KEY: .*\nhint: Set privacy\.masterKey/);
});
