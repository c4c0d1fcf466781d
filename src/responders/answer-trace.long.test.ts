import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createHttpServer } from '#platform';
import { item } from './testing/tiny-model.ts';
import { openWorld, type TestWorld } from './testing/world.ts';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** The headers of the records on topic `answers`, by request. */
async function headersByRequest({ log, topics }: TestWorld): Promise<ReadonlyMap<string, object>> {
  const { name, partitions, value } = topics.answers;
  const consumer = await log.consumer();
  const places = Array.from({ length: partitions }, (_, partition) => ({
    topic: name,
    partition,
    offset: 0,
  }));
  consumer.assign(places);
  const found = new Map<string, object>();
  for (let batches = await consumer.poll(0); batches.length > 0; batches = await consumer.poll(0)) {
    for (const batch of batches) {
      for (let i = 0; i < batch.count; i++) {
        const { request_id } = value.decode(batch.value(i) as Buffer);
        const headers = batch.headers(i).map(([header, bytes]) => [header, bytes.toString()]);
        found.set(request_id, Object.fromEntries(headers));
      }
    }
  }
  await consumer.close();
  return found;
}

it('the record of an answer carries the trace context of its request', async (t) => {
  const world = await openWorld(t);
  await world.putItems([item('i')]);
  const responder = await world.responder();
  const server = await createHttpServer(world);
  t.after(() => server.close());
  responder.registerRoutes(server);
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  const headers = { 'content-type': 'application/json' };
  const traced = { ...headers, traceparent: TRACEPARENT };
  await fetch(`${url}/recommend/u`, { headers: { ...traced, 'x-request-id': 'one' } });
  await fetch(`${url}/recommend/u`, { headers: { ...headers, 'x-request-id': 'without' } });
  const body = JSON.stringify({ requests: [{ user_id: 'u', request_id: 'many' }] });
  await fetch(`${url}/recommend`, { method: 'POST', headers: traced, body });
  await responder.close();
  const found = await headersByRequest(world);
  assert.deepEqual(
    ['one', 'many', 'without'].map((request) => found.get(request)),
    [{ traceparent: TRACEPARENT }, { traceparent: TRACEPARENT }, {}],
  );
});
