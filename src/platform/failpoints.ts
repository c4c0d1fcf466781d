/**
 * Named steps at which a test can stop the program. `failpoint('commit.log.before')` costs one boolean check
 * while nothing is armed. Armed by `MILLRACE_FAILPOINTS="commit.log.before=kill@3,commit.store.after=fail"` (the
 * third hit, the first hit) or by armFailpoints; worker threads inherit the environment and count for themselves.
 */
import { ConfigurationError, FatalError } from './errors.ts';

type Action =
  | { readonly kind: 'kill' | 'fail'; readonly hit: number }
  | { readonly kind: 'stall'; readonly hit: number; readonly stallMs: number };

const armed = new Map<string, Action>();
const hits = new Map<string, number>();
let recording = false;
let watcher: ((name: string) => void) | undefined;
let active = false;

/** Marks a step. Kills the process (SIGKILL), blocks the thread or throws FatalError MR_FAILPOINT when armed so. */
export function failpoint(name: string): void {
  if (active) hit(name);
}

/** Arms what `spec` lists: `NAME=kill|fail|stall:MS[@HIT]`, comma separated. Counts of hits start over. */
export function armFailpoints(spec: string): void {
  for (const [name, action] of parse(spec)) armed.set(name, action);
  hits.clear();
  active = armed.size > 0 || recording || watcher !== undefined;
}

/** Disarms everything and stops recording. */
export function disarmFailpoints(): void {
  armed.clear();
  hits.clear();
  recording = false;
  active = watcher !== undefined;
}

/** Starts to record the names that are hit, so that a test can compare them with the list of steps. */
export function recordFailpoints(): void {
  recording = true;
  active = true;
}

/** Calls `watch` at every step, which may throw there; undefined ends it. For tests that run several processes in one. */
export function watchFailpoints(watch: ((name: string) => void) | undefined): void {
  watcher = watch;
  active = armed.size > 0 || recording || watch !== undefined;
}

/** The names hit since recording or arming began. */
export function hitFailpoints(): ReadonlySet<string> {
  return new Set(hits.keys());
}

function hit(name: string): void {
  watcher?.(name);
  const count = (hits.get(name) ?? 0) + 1;
  hits.set(name, count);
  const action = armed.get(name);
  if (action === undefined || action.hit !== count) return;
  switch (action.kind) {
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      // The signal reaches another thread of the process first: this one must not take another step.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      return;
    case 'stall':
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, action.stallMs);
      return;
    case 'fail':
      throw new FatalError('MR_FAILPOINT', `Failpoint ${name} was armed to fail at hit ${count}.`, {
        hint: 'Unset MILLRACE_FAILPOINTS unless this is a test.',
      });
  }
}

function* parse(spec: string): Generator<[string, Action]> {
  for (const part of spec.split(',')) {
    if (part.trim() === '') continue;
    const match = /^([\w.-]+)=(kill|fail|stall:(\d+))(?:@([1-9]\d*))?$/.exec(part.trim());
    if (match === null) {
      throw new ConfigurationError('MR_CONFIG_INVALID', `"${part.trim()}" is no failpoint.`, {
        hint: 'Write NAME=kill, NAME=fail or NAME=stall:MS, with @N for the Nth hit, comma separated.',
      });
    }
    const [, name = '', kind, stallMs, nth] = match;
    const hit = nth === undefined ? 1 : Number(nth);
    if (stallMs !== undefined) yield [name, { kind: 'stall', hit, stallMs: Number(stallMs) }];
    else yield [name, { kind: kind === 'kill' ? 'kill' : 'fail', hit }];
  }
}

const fromEnvironment = process.env.MILLRACE_FAILPOINTS;
if (fromEnvironment !== undefined) armFailpoints(fromEnvironment);
