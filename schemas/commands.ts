import type { Command } from './generated/types.ts';

/** A command with what it does not say. */
export function commandOf(said: Pick<Command, 'command_id' | 'ts' | 'kind'> & Partial<Command>): Command {
  return {
    seed: null,
    candidate: null,
    force: false,
    snapshot: null,
    version: null,
    actor: null,
    reason: null,
    only_unused: false,
    run: null,
    ...said,
  };
}

/** The part of a command that asks for a run, or for the end of one. */
export function runRequest(said: Partial<NonNullable<Command['run']>>): NonNullable<Command['run']> {
  const unsaid = { run_id: null, snapshot_id: null, search: null, pipeline: null, trigger: null } as const;
  return { models: [], config: '{}', ...unsaid, ...said };
}
