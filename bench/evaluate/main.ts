/** `npm run evaluate -- NAME`. What each measures and the last figures are in ../README.md. */
import { runNamed } from '../run-named.ts';

await runNamed(import.meta.dirname, 'evaluate', ['movielens-100k', 'ml-1m', 'features']);
