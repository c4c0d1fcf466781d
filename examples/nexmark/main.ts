/** `npm run nexmark -- QUERY...`: see README.md. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { queries } from './queries.ts';
import { runQuery } from './run.ts';

const SHOWN = 5;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    events: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '1000' },
    'out-of-order': { type: 'string', default: '0' },
    partitions: { type: 'string', default: '4' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const unknown = positionals.filter((name) => queries[name] === undefined);
if (values.help || positionals.length === 0 || unknown.length > 0) {
  const names = Object.entries(queries).map(([name, { title }]) => `  ${name.padEnd(5)}${title}`);
  const usage = [
    'usage: npm run nexmark -- QUERY... [--events N] [--seed N] [--rate EVENTS_PER_SECOND]',
    '         [--out-of-order MS] [--partitions N]',
    ...names,
    '',
  ].join('\n');
  (values.help ? process.stdout : process.stderr).write(usage);
  process.exitCode = values.help ? 0 : 2;
} else {
  for (const name of positionals) await show(name);
}

async function show(name: string): Promise<void> {
  const query = queries[name];
  if (query === undefined) return;
  const directory = mkdtempSync(join(tmpdir(), 'millrace-nexmark-'));
  try {
    const { results, seconds } = await runQuery(name, query, directory, {
      events: Number(values.events),
      seed: Number(values.seed),
      eventsPerSecond: Number(values.rate),
      startMs: Date.UTC(2026, 0, 30, 12),
      outOfOrderMs: Number(values['out-of-order']),
      partitions: Number(values.partitions),
    });
    console.log(
      `${name} ${query.title}: ${results.length} ${query.result === 'stream' ? 'results' : 'rows'} in ${seconds.toFixed(1)} s`,
    );
    for (const row of results.slice(-SHOWN)) console.log(JSON.stringify(row));
  } finally {
    rmSync(directory, { recursive: true });
  }
}
