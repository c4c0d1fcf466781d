import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ProcessingProgress } from '#processing';
import { loadConfiguration } from './configuration.ts';
import { catchUp } from './pipeline.ts';
import { advertisedAddress } from './server.ts';

describe('catchUp', () => {
  it('shows progress that never goes back, whatever is left', async () => {
    const shown: number[] = [];
    const step = { advance: () => {}, update: (done: number) => void shown.push(done), done: () => {} };
    const reports = [100, 60, 250, 90, 30, 0];
    let latest: ProcessingProgress = { processed: 0, admitted: 7, lag: {} };
    const pipeline = {
      startedAt: 0,
      latest: () => latest,
      onProgress: (_: ProcessingProgress): void => {},
      processing: {
        untilCaughtUp: async () => {
          for (const left of reports) {
            latest = { ...latest, lag: { 'interactions-accepted': left } };
            pipeline.onProgress(latest);
          }
        },
      },
    };
    const { events, left } = await catchUp(pipeline, { start: () => step });
    assert.deepEqual([events, left], [7, 100]);
    assert.deepEqual(shown, [0, 40, 40, 40, 70, 99, 100]);
  });
});

describe('advertisedAddress', () => {
  it('is none that others cannot ask', () => {
    const of = (http: Record<string, string | number>) => {
      const flags = Object.fromEntries(Object.entries(http).map(([name, value]) => [`http.${name}`, value]));
      return advertisedAddress(loadConfiguration({ flags, environment: {}, directory: '/' }));
    };
    assert.equal(of({}), 'http://127.0.0.1:8080');
    assert.equal(of({ host: '::1', port: 9000 }), 'http://[::1]:9000');
    for (const host of ['0.0.0.0', '::']) assert.equal(of({ host }), undefined);
    assert.equal(of({ host: '0.0.0.0', advertised: 'http://node-1:8080' }), 'http://node-1:8080');
    assert.equal(of({ port: 0 }), undefined);
  });
});
