import assert from 'node:assert/strict';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { loadConfiguration } from './configuration.ts';
import { requireData } from './installation.ts';
import { refuseLostLog } from './lost-log.ts';

it('a log is begun in a directory without one, and never where another was', (t) => {
  const data = temporaryDirectory(t);
  const log = join(data, 'log.sqlite');
  const begin = () => refuseLostLog({ data, log: 'embedded' });
  const lost = (signs: string) => ({
    code: 'MR_LOG_LOST',
    message: new RegExp(`log\\.sqlite in \\S+ is ${signs} there\\.$`),
    hint: /millrace restore.*--data DIR/,
  });
  // What a directory may have before its first log, of a start that was cut off or of a log on Kafka.
  for (const name of ['state', 'versions', 'snapshots', 'kafka-1/state/a']) {
    mkdirSync(join(data, name), { recursive: true });
  }
  writeFileSync(join(data, 'pseudonyms.key'), 'key');
  begin();
  writeFileSync(log, '');
  begin();

  mkdirSync(join(data, 'state/loop-4'));
  assert.throws(begin, lost('empty, but state of its log is'));
  rmSync(log);
  assert.throws(begin, lost('missing, but state of its log is'));
  writeFileSync(join(data, 'world.json'), '{}');
  assert.throws(begin, lost('missing, but state, world\\.json of its log are'));
  refuseLostLog({ data, log: 'kafka://127.0.0.1:9092' });
  const configuration = loadConfiguration({ flags: { data }, environment: {}, directory: data });
  assert.throws(() => requireData(configuration), { code: 'MR_LOG_LOST' });

  writeFileSync(log, 'SQLite format 3');
  begin();
  requireData(configuration);
  truncateSync(log);
  assert.throws(() => requireData(configuration), { code: 'MR_LOG_LOST' });
});
