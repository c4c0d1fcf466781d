import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { importsOf, withoutComments, withoutStrings } from './source.ts';

describe('reading of sources', () => {
  it('finds every form of import, with its line', () => {
    const text = [
      "import { a } from './a.ts';",
      'import {',
      '  type B,',
      "} from '#b';",
      "import 'side-effect';",
      "export { c } from './c.ts';",
      "export type { D } from './d.ts';",
      "const e = await import('e');",
      "// import { no } from 'comment';",
      "/* import 'neither'; */",
      "const text = 'import { no } from';",
    ].join('\n');
    const found = importsOf({ path: 'src/x.ts', text }).map(({ specifier, line }) => `${line} ${specifier}`);
    assert.deepEqual(found.sort(), ['1 ./a.ts', '4 #b', '5 side-effect', '6 ./c.ts', '7 ./d.ts', '8 e']);
  });

  it('tells comments from what looks like one', () => {
    assert.equal(withoutComments("a('http://x'); // gone"), "a('http://x');        ");
    assert.equal(withoutComments('/* a\n b */c'), '    \n     c');
    assert.equal(withoutComments("x = /[/*]'/; // y"), "x = /[/*]'/;     ");
    assert.equal(withoutStrings("a('Date.now()', `b`)"), "a('          ', ` `)");
  });
});
