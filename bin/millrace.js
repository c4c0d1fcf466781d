#!/usr/bin/env node
/**
 * Starts the command on a Node that runs it: this one when it is new enough, else the one that `npm ci` installed
 * as the package `node`. Plain JavaScript, because it has to run on the Node that the user happens to have.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const oldestMajor = 24;
/** A clone has the sources, the package what was built of them; in a clone that may be older. */
const [source, built] = ['../src/cli/main.ts', '../dist/src/cli/main.js'].map(
  (path) => new URL(path, import.meta.url),
);
const isClone = existsSync(source);
const main = isClone ? source : built;

if (Number.parseInt(process.versions.node, 10) >= oldestMajor) {
  // As if it had been started itself: what it shows as its name comes from here.
  process.argv[1] = fileURLToPath(main);
  await import(main.href);
} else {
  start(bundledNode());
}

function bundledNode() {
  try {
    const description = createRequire(import.meta.url).resolve('node/package.json');
    return join(dirname(description), JSON.parse(readFileSync(description, 'utf8')).bin.node);
  } catch (error) {
    return fail(error);
  }
}

function start(node) {
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: 'inherit' });
  child.on('error', fail);

  // A signal sent to this process alone has to reach the child. Of a terminal's Ctrl-C the child has its own
  // copy; it takes two copies of a signal that arrive together for one (see src/platform/shutdown.ts).
  const forward = (signal) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, forward);

  child.on('exit', (code, signal) => {
    // Ending by the same signal is what shells and make look at; 128 + n is what is left where that fails.
    process.exitCode = code ?? 128 + constants.signals[signal];
    for (const each of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(each, forward);
    if (signal !== null) process.kill(process.pid, signal);
  });
}

function fail(error) {
  console.error(`Millrace needs Node ${oldestMajor} or newer; this is ${process.versions.node}, and the one that
npm installs with it cannot be started (${error.message.split('\n')[0]}).
${isClone ? `Run "npm ci" in ${fileURLToPath(new URL('..', import.meta.url))}, or use` : 'Use'} a newer Node.`);
  process.exit(1);
}
