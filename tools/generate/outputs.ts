import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCatalogue } from '#platform';
import { configurationOptions } from '#platform/configuration';
import { typesFromAvro } from './avro-types.ts';
import { configurationPage } from './configuration-page.ts';
import { examplesIn, withExamples } from './engine-guide.ts';
import { errorsPage } from './errors-page.ts';

/** What the generated files of the repository at `root` have to hold, by path from there. */
export function generatedFiles(root: string): ReadonlyMap<string, string> {
  const avro = join(root, 'src/schemas/avro');
  const schemas = readdirSync(avro)
    .filter((name) => name.endsWith('.avsc'))
    .map((name): unknown => JSON.parse(readFileSync(join(avro, name), 'utf8')));
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const guide = 'src/engine/testing/guide';
  const examples = examplesIn(readdirSync(join(root, guide)).map((name) => read(`${guide}/${name}`)));
  return new Map([
    ['src/schemas/generated/types.ts', typesFromAvro(schemas)],
    ['docs/CONFIGURATION.md', configurationPage(configurationOptions)],
    ['docs/ERRORS.md', errorsPage(errorCatalogue)],
    ['docs/ENGINE.md', withExamples(read('docs/ENGINE.md'), examples)],
    ['README.md', withExamples(read('README.md'), examples)],
  ]);
}
