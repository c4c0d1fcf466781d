import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deadLetterSchema } from '#engine';
import { featureViews, recordViews, rowRecordName, rowSchema } from '#features';
import { models } from '#models';
import { openApi, productVersion } from '#platform/api';
import { allOptions } from '#service/configuration';
import { operations } from '#service/operations';
import { alerts } from '../observability/alerts.ts';
import { dashboards } from '../observability/dashboards.ts';
import { grafanaDashboard } from '../observability/grafana.ts';
import { ruleFile, ruleTests } from '../observability/prometheus.ts';
import { typesFromAvro } from './avro-types.ts';
import { clientTypes } from './client-types.ts';
import { configurationPage } from './configuration-page.ts';
import { examplesIn, withExamples } from './engine-guide.ts';
import { errorCatalogue } from './error-catalogue.ts';
import { errorsPage } from './errors-page.ts';
import { type RecordSchema, withViews } from './example-schemas.ts';
import { kernelModules } from './kernels.ts';
import { metricsCatalogue, withMetrics } from './metrics-page.ts';
import { withModels } from './models-page.ts';
import { viewKeys, withViewTable } from './views.ts';

/** What the generated files of the repository at `root` have to hold, by path from there. */
export function generatedFiles(root: string): ReadonlyMap<string, string> {
  const avro = 'schemas/avro';
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const declared = new Map([
    ...rowSchemas(avro),
    ...exampleSchemas(avro, read),
    [`${avro}/dead-letter.avsc`, schemaText(deadLetterSchema)],
  ]);
  const schemas = readdirSync(join(root, avro))
    .filter((name) => name.endsWith('.avsc') && !declared.has(`${avro}/${name}`))
    .map((name) => readFileSync(join(root, avro, name), 'utf8'))
    .concat(...declared.values())
    .map((text): unknown => JSON.parse(text));
  const guide = 'src/engine/testing/guide';
  const examples = examplesIn(readdirSync(join(root, guide)).map((name) => read(`${guide}/${name}`)));
  const observability = 'deploy/observability';
  const described = openApi(operations, productVersion());
  return new Map([
    ...declared,
    ...kernelModules(root),
    ['docs/openapi.json', schemaText(described)],
    ['src/client/api.ts', clientTypes(described)],
    ['schemas/generated/types.ts', typesFromAvro(schemas)],
    ['schemas/generated/view-keys.ts', viewKeys(featureViews)],
    ['docs/CONFIGURATION.md', configurationPage(allOptions())],
    ['docs/ERRORS.md', errorsPage(errorCatalogue)],
    ['docs/FEATURES.md', withViewTable(read('docs/FEATURES.md'), [...featureViews, ...recordViews])],
    ['docs/ENGINE.md', withExamples(read('docs/ENGINE.md'), examples)],
    ['docs/API.md', withExamples(read('docs/API.md'), examplesIn([read('src/cli/start/api.long.test.ts')]))],
    ['docs/METRICS.md', withMetrics(read('docs/METRICS.md'), metricsCatalogue(root))],
    ['docs/MODELS.md', withModels(read('docs/MODELS.md'), models)],
    ...dashboards.map(
      (each) => [`${observability}/grafana/${each.uid}.json`, grafanaDashboard(each)] as const,
    ),
    [`${observability}/prometheus/alerts.yml`, ruleFile(alerts)],
    [`${observability}/prometheus/alerts.test.yml`, ruleTests(alerts)],
    ['README.md', withExamples(read('README.md'), examples)],
  ]);
}

/** The schemas of feature rows, from the declarations of their views. */
function rowSchemas(directory: string): ReadonlyMap<string, string> {
  return new Map(
    featureViews.map(({ name, columns }) => {
      const schema = rowSchema(
        columns,
        rowRecordName(name),
        `The finished row of view ${name}; generated from its declaration.`,
      );
      return [`${directory}/${name}.avsc`, schemaText(schema)] as const;
    }),
  );
}

/** The schemas of examples, with the rows of all views that examples have. */
function exampleSchemas(directory: string, read: (path: string) => string): ReadonlyMap<string, string> {
  const parts = { example: 'example', head: 'example-head', item: 'example-item' } as const;
  const schemas = Object.fromEntries(
    Object.entries(parts).map(([part, file]) => [part, JSON.parse(read(`${directory}/${file}.avsc`))]),
  ) as Record<keyof typeof parts, RecordSchema>;
  const filled = withViews(schemas, featureViews);
  return new Map(
    Object.entries(parts).map(([part, file]) => [
      `${directory}/${file}.avsc`,
      schemaText(filled[part as keyof typeof parts]),
    ]),
  );
}

function schemaText(schema: object): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}
