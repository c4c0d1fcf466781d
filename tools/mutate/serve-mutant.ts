/**
 * Loaded before anything else into a test's process, its threads and the processes that it starts: one module has the
 * source of a mutant there. The tree stays as it is, so several mutants can be tried at a time.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const { MILLRACE_MUTANT_MODULE: mutatedUrl, MILLRACE_MUTANT_SOURCE: path = '' } = process.env;

registerHooks({
  load(url, context, next) {
    if (url !== mutatedUrl) return next(url, context);
    return { format: 'module-typescript', shortCircuit: true, source: readFileSync(path, 'utf8') };
  },
});
