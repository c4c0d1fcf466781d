import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { TestCollector } from '#platform/testing';
import { commandLine, smallWorld } from '../testing/command-line.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';

it('a click is one trace, from its POST through the processors and views to the answer that it has changed', {
  timeout: 600_000,
}, async (t) => {
  const collector = await TestCollector.open(t);
  const { directory, begin } = commandLine(t);
  const configuration = {
    ...smallWorld,
    recommend: { deadlineMs: 30_000 },
    // Whoever sends no trace is not traced.
    tracing: { endpoint: collector.url, sample: 0, service: 'shop' },
  };
  writeFileSync(join(directory, 'millrace.config.json'), JSON.stringify(configuration));
  const start = begin(['start']);
  const [, url = ''] = await start.until(/^Serving +(http:\/\/127\.0\.0\.1:\d+)/m);

  const event = { user_id: 'u1', item_id: 'i3', kind: 'click' };
  const posted = await fetch(`${url}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', traceparent: `00-${TRACE}-b7ad6b7169203331-01` },
    body: JSON.stringify(event),
  });
  assert.equal(posted.status, 202);
  assert.match(posted.headers.get('traceresponse') ?? '', new RegExp(`^00-${TRACE}-`));

  const named = (name: RegExp) => collector.spans.filter((span) => name.test(span.name));
  const answers = () => named(/^answer$/);
  while (answers().length === 0) {
    await (await fetch(`${url}/recommend/u1`)).text();
    await setTimeout(50);
  }
  assert.equal((await start.signal('SIGINT')).code, 0);
  assert.deepEqual(new Set(collector.spans.map(({ traceId }) => traceId)), new Set([TRACE]));
  const [post] = named(/^POST \/events$/);
  const [admitted] = named(/^process interactions$/);
  const [viewed] = named(/^process interactions-accepted$/);
  const [applied] = named(/^apply user-features/);
  const [answered] = answers();
  assert.equal(answers().length, 1, 'one answer is the first to show it');
  for (const span of [admitted, viewed, applied, answered]) {
    assert.equal(span?.parentSpanId, post?.spanId, span?.name ?? '');
    assert.equal(span?.service, 'shop');
    assert.equal(span?.failure, undefined);
  }
  const starts = [post, admitted, viewed, applied, answered].map((span) => span?.startMs ?? 0);
  const inOrder = starts.toSorted((a, b) => a - b);
  assert.deepEqual(starts, inOrder);
  // No span says who it was.
  assert.doesNotMatch(JSON.stringify(collector.spans), /"u1"/);
});
