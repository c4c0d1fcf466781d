/** `npm run bench -- NAME`. What each measures, on which machine, and the last figures are in README.md. */
import { runNamed } from './run-named.ts';

await runNamed(import.meta.dirname, 'bench', [
  'log',
  'loop',
  'features',
  'features-online',
  'snapshot',
  'train',
  'trees',
  'dlrm',
  'engine',
  'nexmark',
  'restore',
  'threads',
  'latency',
  'kafka',
  'client',
  'redis',
  'heavy-user',
  'tree-scores',
  'import',
  'index',
]);
