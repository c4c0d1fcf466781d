import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkCircles } from './circles.ts';
import { checkConstants } from './constants.ts';
import { checkDependencies } from './dependencies.ts';
import { checkDeterminism } from './determinism.ts';
import { checkDocuments } from './documents.ts';
import { checkErrorCodes } from './error-codes.ts';
import { checkGenerated } from './generated.ts';
import { checkOrder } from './order.ts';
import { type Finding, repositoryOf } from './repository.ts';
import { checkRooms } from './rooms.ts';
import { checkTemplates } from './templates.ts';
import { checkUses } from './uses.ts';

function lines(findings: readonly Finding[]): string[] {
  return findings.map(({ path, line, message }) => `${path}:${line} ${message}`);
}

describe('rooms', () => {
  const rooms = ['platform', 'engine', 'gateway', 'trainer', 'cli'];
  const imports = {
    ...Object.fromEntries(rooms.map((room) => [`#${room}`, `./src/${room}/index.ts`])),
    '#servers': './tools/servers/index.ts',
  };
  const check = (path: string, ...specifiers: string[]) => {
    const text = specifiers.map((each) => `import { x } from '${each}';`).join('\n');
    const files = { 'package.json': JSON.stringify({ imports }), [path]: text };
    return lines(checkRooms(repositoryOf(files)));
  };

  it('lets imports go down through doors, and anywhere inside a room', () => {
    assert.deepEqual(
      check('src/cli/main.ts', '#gateway', '#trainer', '#engine', '#platform', './table.ts', 'node:fs'),
      [],
    );
    assert.deepEqual(check('src/engine/task/task.ts', '../store/port.ts', './commit.ts'), []);
    assert.deepEqual(check('tools/generate/main.ts', '#platform', '#cli', './outputs.ts'), []);
    assert.deepEqual(check('src/engine/task/task.test.ts', '#engine', '#servers', '#gateway'), []);
  });

  it('refuses imports up, to the side, past a door, through the own door and through none', () => {
    const up = check('src/engine/task/task.ts', '#platform', '#gateway');
    assert.deepEqual(up, [
      'src/engine/task/task.ts:2 engine imports #gateway, a room above it: imports go down only',
    ]);
    assert.match(check('src/gateway/server.ts', '#trainer').join(), /a room beside it/);
    assert.match(
      check('src/engine/task/task.ts', '../../platform/clock.ts').join(),
      /past the door of platform/,
    );
    assert.match(check('bench/log.ts', '../src/log/port.ts').join(), /past the door of log/);
    assert.match(check('src/engine/task/task.ts', '#engine').join(), /import each other directly/);
    assert.match(check('src/engine/task/task.ts', '#motor').join(), /no door/);
    assert.match(check('src/helpers/x.ts').join(), /no room/);
    assert.match(check('src/engine/task/task.ts', '#servers').join(), /#servers is for tests/);
    assert.match(
      check('src/engine/task/task.test.ts', '../../../tools/servers/port.ts').join(),
      /import #servers/,
    );
  });
});

describe('order', () => {
  const check = (path: string, ...specifiers: string[]) =>
    lines(
      checkOrder(
        repositoryOf({ [path]: specifiers.map((each) => `import { x } from '${each}';`).join('\n') }),
      ),
    );

  it('lets imports go down within a room, and tests where they like', () => {
    assert.deepEqual(
      check('src/engine/task/task.ts', '../store/port.ts', './commit/commit.ts', './runtime.ts'),
      [],
    );
    assert.deepEqual(
      check('src/engine/topology/stream.ts', './joins/stream-table.ts', '../operators/record.ts'),
      [],
    );
    assert.deepEqual(check('src/engine/topic-reader.ts', './serde.ts', './time/watermark.ts', '#log'), []);
    assert.deepEqual(check('src/engine/store/a.test.ts', '../task/task.ts'), []);
    assert.deepEqual(check('src/gateway/a.ts', './deep/b.ts'), []);
    assert.deepEqual(check('models/new-model/model.ts', '../implicit/port.ts', '../model.ts'), []);
  });

  it('refuses imports up, of types as well, and folders without a place', () => {
    assert.deepEqual(check('src/engine/store/ttl.ts', './port.ts', '../task/task.ts'), [
      'src/engine/store/ttl.ts:2 store imports src/engine/task/task.ts, which stands above it: imports go down only',
    ]);
    assert.match(check('src/engine/task/commit/commit.ts', '../task.ts').join(), /task\/commit imports/);
    assert.match(check('src/engine/topology/node.ts', '../operators/sink.ts').join(), /topology imports/);
    assert.match(check('src/engine/serde.ts', './topic-reader.ts').join(), /serde.ts imports/);
    assert.match(check('models/ials/model.ts', '../new-model/model.ts').join(), /ials imports/);
    assert.match(check('src/engine/motor/a.ts').join(), /no place in the order of engine/);
    const type = { 'src/engine/time/a.ts': "import type { X } from '../store/b.ts';" };
    assert.equal(checkOrder(repositoryOf(type)).length, 1);
  });
});

describe('circles', () => {
  const check = (files: Record<string, string>) => lines(checkCircles(repositoryOf(files)));

  it('lets types and what is loaded later form one', () => {
    assert.deepEqual(
      check({
        'src/a/a.ts': "import { b } from './b.ts';",
        'src/a/b.ts': "import type { A } from './a.ts';\nexport const later = () => import('./a.ts');",
      }),
      [],
    );
  });

  it('finds files that import each other, over several, over doors and re-exports', () => {
    const files = {
      'package.json': JSON.stringify({ imports: { '#b': './src/b/index.ts' } }),
      'src/a/a.ts': "import { b } from '#b';",
      'src/b/index.ts': "export { c } from './c.ts';",
      'src/b/c.ts': "import '../a/a.ts';",
      'src/b/d.ts': "import { b } from '#b';",
    };
    assert.deepEqual(check(files), [
      'src/a/a.ts:1 files import each other at run time: src/a/a.ts -> src/b/index.ts -> src/b/c.ts -> src/a/a.ts',
    ]);
  });
});

describe('uses', () => {
  const manifest = JSON.stringify({
    imports: { '#engine': './src/engine/index.ts' },
    exports: { './engine': './dist/src/engine/index.js' },
  });
  const check = (files: Record<string, string>, exceptions: Record<string, string> = {}) =>
    lines(checkUses(repositoryOf({ 'package.json': manifest, ...files }), exceptions));
  const store = {
    'src/engine/store.ts': 'export type T = 1;\nexport const put = 1;\nexport function get() {}',
  };

  it('counts imports by the product and its tools, through doors, and what the package hands out', () => {
    const door = "export { put as set, type T } from './store.ts';";
    assert.deepEqual(
      check({
        ...store,
        'src/engine/index.ts': door,
        'bench/a.ts': "import { get } from '../src/engine/store.ts';",
      }),
      [],
    );
    const all = "const store = await import('./store.ts');";
    assert.deepEqual(check({ ...store, 'src/engine/a.ts': all }), []);
  });

  it('finds what only tests import, or nobody, and exceptions that are none', () => {
    const inTest = "import { get } from './store.ts';";
    const files = {
      ...store,
      'src/engine/store.test.ts': inTest,
      'src/engine/b.ts': "import { put as x } from './store.ts';",
    };
    assert.deepEqual(check(files), ['src/engine/store.ts:3 only tests import get']);
    assert.deepEqual(check(files, { 'src/engine/store.ts#get': 'why' }), []);
    assert.deepEqual(check({ ...files, 'src/engine/c.ts': inTest }, { 'src/engine/store.ts#get': 'why' }), [
      'tools/check/uses.ts:1 src/engine/store.ts#get needs no exception',
    ]);
  });
});

describe('dependencies', () => {
  const manifest = JSON.stringify({
    dependencies: { pino: '1', '@duckdb/node-api': '1' },
    devDependencies: { 'fast-check': '4' },
  });
  const check = (files: Record<string, string>) =>
    lines(checkDependencies(repositoryOf({ 'package.json': manifest, ...files })));

  it('lets one room use a package, built-in modules all', () => {
    assert.deepEqual(
      check({
        'src/platform/logger.ts': "import { pino } from 'pino';\nimport fs from 'node:fs';",
        'src/platform/other.ts': "import type { Logger } from 'pino';",
        'src/platform/directory-lock.ts': "import { DatabaseSync } from 'node:sqlite';",
        'src/log/embedded/database.ts': "import { DatabaseSync } from 'node:sqlite';",
        'src/platform/logger.test.ts': "import fc from 'fast-check';",
        'src/trainer/a.ts': "import { x } from '@duckdb/node-api/lib';",
      }),
      [],
    );
  });

  it('refuses a second room, what is not declared, and node:sqlite elsewhere', () => {
    assert.deepEqual(
      check({
        'src/platform/logger.ts': "import { pino } from 'pino';",
        'src/engine/a.ts':
          "import { pino } from 'pino';\nimport fc from 'fast-check';\nimport x from 'left-pad';",
        'src/engine/store/b.ts': "import { DatabaseSync } from 'node:sqlite';",
      }),
      [
        'src/engine/a.ts:1 pino is imported in platform and in engine',
        'src/engine/a.ts:2 fast-check is a development dependency',
        'src/engine/a.ts:3 left-pad is not in package.json',
        'src/engine/store/b.ts:1 node:sqlite is for the embedded log, the directory lock and the vault only',
      ],
    );
  });
});

describe('determinism', () => {
  it('refuses clocks, timers and randomness in the engine, its tests apart', () => {
    const text = [
      '// Date.now() is forbidden',
      "const name = 'setTimeout';",
      'const a = Date.now() + performance.now();',
      'setTimeout(f, 1); setInterval(f, 1); setImmediate(f);',
      'const b = Math.random(), c = new Date(), d = new Date(5);',
      'clock.sleep(5);',
    ].join('\n');
    const found = lines(
      checkDeterminism(
        repositoryOf({
          'src/engine/a.ts': text,
          'src/engine/a.test.ts': text,
          'src/engine/testing/driver.ts': text,
          'src/log/log-contract.ts': text,
          'src/gateway/a.ts': text,
        }),
      ),
    );
    assert.deepEqual(
      found.map((each) => each.replace(/ in the engine.*/, '')),
      [
        ...['Date.now', 'performance.now'].map((name) => `src/engine/a.ts:3 ${name}`),
        ...['setTimeout', 'setInterval', 'setImmediate'].map((name) => `src/engine/a.ts:4 ${name}`),
        ...['Math.random', 'new Date'].map((name) => `src/engine/a.ts:5 ${name}`),
      ],
    );
  });
});

describe('error codes', () => {
  const described = (code: string, room = 'engine') => {
    return {
      code,
      path: `src/${room}/error-codes.ts`,
      remedy: 'fix-input',
      meaning: 'm',
      action: 'a',
    } as const;
  };

  it('wants every code declared, by one room, and thrown', () => {
    const repository = repositoryOf({
      'src/platform/error-codes.ts': '\nMR_OLD: retry`x`',
      'src/engine/a.ts':
        "/** MR_LOST */\nthrow new InputError('MR_KNOWN', 'x');\nthrow new InputError(\n 'MR_NEW', 'x');",
      'src/engine/a.test.ts': "new InputError('MR_TEST', 'x')",
    });
    const catalogue = [described('MR_KNOWN', 'log'), described('MR_KNOWN'), described('MR_OLD', 'platform')];
    assert.deepEqual(lines(checkErrorCodes(repository, catalogue)), [
      'src/engine/a.ts:1 MR_LOST is in no error-codes.ts',
      'src/engine/a.ts:4 MR_NEW is in no error-codes.ts',
      'src/log/error-codes.ts:1 MR_KNOWN is declared in src/engine/error-codes.ts as well',
      'src/platform/error-codes.ts:2 MR_OLD is thrown nowhere',
    ]);
  });

  it('is content with a catalogue that fits', () => {
    const repository = repositoryOf({
      'src/engine/a.ts': "// MR_KNOWN\nthrow new InputError('MR_KNOWN', 'x');",
    });
    assert.deepEqual(checkErrorCodes(repository, [described('MR_KNOWN')]), []);
  });
});

describe('constants', () => {
  it('are in upper case at the level of a module, where they are no functions or objects', () => {
    const repository = repositoryOf({
      'src/engine/a.ts': [
        'const waitMs = 1_000;',
        "export const name: string = 'a';",
        'const dayMs = 24 * HOUR_MS;',
        'const long =\n  `text`;',
        'const WAIT_MS = 1;\nconst wait = () => 1;\nconst at = WAIT_MS;',
        'function f() {\n  const local = 1;\n}',
      ].join('\n'),
    });
    assert.deepEqual(
      lines(checkConstants(repository)).map((each) => each.split(' ')[1]),
      ['waitMs', 'name', 'dayMs', 'long'],
    );
  });
});

describe('template literals', () => {
  it('have no bare $name, which is text, where the code has that name', () => {
    const repository = repositoryOf({
      'src/engine/a.ts': [
        'const said = `Topic $topic has @{count}.`;',
        "const quoted = `Group '$group' has @{count}.`;",
        'const fine = `costs 3 $ or $3, @{x}, \\$topic, $name`;',
        'const all = [topic, group, each, x, count];',
        "const text = '$name'; // `$name`",
      ]
        .join('\n')
        .replaceAll('@', '$'),
    });
    assert.deepEqual(
      checkTemplates(repository).map(({ line, message }) => [line, message.split(' ')[0]]),
      [
        [1, '$topic'],
        [2, '$group'],
      ],
    );
  });
});

describe('generated files', () => {
  it('have to be there and current', () => {
    const repository = repositoryOf({ 'docs/A.md': 'a\nb\n', 'docs/B.md': 'a\nc\n' });
    const wanted = new Map(['A', 'B', 'C'].map((name) => [`docs/${name}.md`, 'a\nb\n']));
    assert.deepEqual(lines(checkGenerated(repository, wanted)), [
      'docs/B.md:2 is not current: run npm run generate',
      'docs/C.md:1 is missing: run npm run generate',
    ]);
  });
});

describe('documents', () => {
  const files = {
    'package.json': JSON.stringify({ scripts: { check: 'x', start: 'x' } }),
    'src/cli/commands.ts': "const commands = [{ name: 'start' }, { name: 'import' }];",
    'docs/A.md':
      '# The First: a `heading`\n[up](../README.md) [self](#the-first-a-heading) [web](https://example.org)',
  };

  it('may name what exists', () => {
    const text =
      '[a](docs/A.md#the-first-a-heading) [dir](docs/)\n`npm run check`\n```\nnpx millrace start --json\nmillrace import x\n```\nthe millrace project `cli/commands.ts` `src/cli/` `a/b` `x.ts`';
    assert.deepEqual(lines(checkDocuments(repositoryOf({ ...files, 'README.md': text }))), []);
  });

  it('may not name what does not', () => {
    const text =
      '[a](docs/B.md)\n[b](docs/A.md#second)\n`npm run bench -- log`\n\n```\n$ npx millrace stop\nmillrace begin\n```\n`cli/gone.ts` `gone/`';
    assert.deepEqual(lines(checkDocuments(repositoryOf({ ...files, 'README.md': text }))), [
      'README.md:1 link to docs/B.md: no such file',
      'README.md:2 link to docs/A.md#second: no such heading',
      'README.md:9 cli/gone.ts: no such path',
      'README.md:9 gone/: no such path',
      'README.md:3 npm run bench: no such script',
      'README.md:6 millrace stop: no such command',
      'README.md:7 millrace begin: no such command',
    ]);
  });
});
