/** `npm run evaluate -- NAME`. What each measures and the last figures are in ../README.md. */
import { runNamed } from '../run-named.ts';

await runNamed(import.meta.dirname, 'evaluate', ['ml-100k', 'ml-1m', 'world', 'features', 'lambdarank']);
