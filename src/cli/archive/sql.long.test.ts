import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { lockDirectory } from '#platform';
import { type CommandLine, commandLine, jsonLines } from '../testing/command-line.ts';
import { interaction, startMs, writeEvents } from '../testing/event-log.ts';

const accept = ({ directory }: CommandLine, from: number, to: number) =>
  writeEvents(
    directory,
    'interactions-accepted',
    Array.from({ length: to - from }, (_, i) => interaction(from + i)),
  );

async function withEvents(t: TestContext): Promise<CommandLine> {
  const command = commandLine(t);
  await accept(command, 0, 30);
  return command;
}

describe('millrace sql', () => {
  it('archives what nobody has, and prints a table, JSON lines or CSV', async (t) => {
    const command = await withEvents(t);
    const query = `SELECT kind, count(*) AS n, sum(watch_ms) AS watched, any_value(context) AS context,
      min(item_id) AS item FROM events GROUP BY 1 ORDER BY 1`;
    const [table, json, csv] = await command.runEach([
      ['sql', query],
      ['sql', query, '--json'],
      ['sql', query, '--csv'],
    ]);
    assert.equal(table?.code, 0);
    assert.deepEqual(
      table?.out.split('\n').map((line) => line.replaceAll(/ +/g, ' ')),
      [
        'kind n watched context item',
        'click 15 null {"device":"tv","country":null,"language":null} i"1,',
        'view 15 210000 {"device":"tv","country":null,"language":null} i"0,',
        '',
      ],
    );
    const context = { device: 'tv', country: null, language: null };
    assert.deepEqual(jsonLines(json?.out ?? ''), [
      { kind: 'click', n: 15, watched: null, context, item: 'i"1,' },
      { kind: 'view', n: 15, watched: 210_000, context, item: 'i"0,' },
    ]);
    assert.deepEqual(csv?.out.split('\n'), [
      'kind,n,watched,context,item',
      'click,15,,"{""device"":""tv"",""country"":null,""language"":null}","i""1,"',
      'view,15,210000,"{""device"":""tv"",""country"":null,""language"":null}","i""0,"',
      '',
    ]);
  });

  it('knows users as of a time, and asks what is archived while another process has the data', async (t) => {
    const command = await withEvents(t);
    const query = `SELECT user_id, events, pseudonym('u1') AS known FROM user_features_as_of(${startMs + 4_000}) ORDER BY 1`;
    const rows = [
      { user_id: 'u0', events: 2, known: 'u1' },
      { user_id: 'u1', events: 1, known: 'u1' },
      { user_id: 'u2', events: 1, known: 'u1' },
    ];
    const first = await command.print(['sql', query, '--json']);
    assert.deepEqual([first.code, jsonLines(first.out)], [0, rows]);
    await accept(command, 30, 40);
    const lock = lockDirectory(join(command.directory, '.millrace'), 'test');
    const counted = ['sql', 'SELECT count(*) AS n FROM events', '--json'];
    assert.deepEqual(jsonLines((await command.run(counted)).out), [{ n: 30 }]);
    lock.release();
    assert.deepEqual(jsonLines((await command.run(counted)).out), [{ n: 40 }]);
  });

  it('says what is wrong with a query, and ends with 2', async (t) => {
    const command = await withEvents(t);
    const printed = await command.runEach([
      ['sql', 'SELECT nope FROM events'],
      ['sql', "COPY events TO 'out.csv'", '--json'],
      ['sql', 'SELECT 1', '--json', '--csv'],
    ]);
    assert.deepEqual(
      printed.map(({ code, out }) => [code, out]),
      printed.map(() => [2, '']),
    );
    const [wrong = '', written = '', both = ''] = printed.map(({ err }) => err);
    assert.match(wrong, /^error MR_OFFLINE_QUERY: .*"nope" not found/m);
    assert.match(wrong, /\nhint: .*DESCRIBE/);
    assert.equal(jsonLines<{ error: { code: string } }>(written)[0]?.error.code, 'MR_OFFLINE_QUERY');
    assert.match(both, /MR_USAGE/);
  });

  it('is ended by Ctrl-C', async (t) => {
    const command = await withEvents(t);
    const running = command.begin(['sql', 'SELECT * FROM range(1000000000000) AS r(n)', '--csv']);
    await running.until(/^n\n0\n/);
    const { code } = await running.signal('SIGINT');
    assert.equal(code, 130);
  });
});
