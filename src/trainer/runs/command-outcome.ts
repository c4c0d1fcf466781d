import type { Run, Snapshot } from '#schemas';
import type { RunLedger } from './ledger.ts';
import { isOver } from './run.ts';

export type CommandOutcome =
  | { readonly kind: 'trained'; readonly runs: readonly Run[] }
  | { readonly kind: 'taken'; readonly snapshot: Snapshot }
  | { readonly kind: 'failed'; readonly error: unknown };
export type OnCommandDone = (commandId: string, outcome: CommandOutcome) => void;

/** When all runs of a command are over: they succeeded where one did. */
export function tellOver(
  { command_id: id }: Run,
  ledger: RunLedger,
  errors: Map<string, unknown>,
  onCommandDone: OnCommandDone,
): void {
  if (id === null) return;
  const runs = ledger.runs.filter(({ command_id }) => command_id === id);
  if (!runs.every(isOver)) return;
  const failed = runs.find(({ status }) => status !== 'succeeded');
  if (runs.some(({ status }) => status === 'succeeded')) onCommandDone(id, { kind: 'trained', runs });
  else onCommandDone(id, { kind: 'failed', error: errors.get(failed?.run_id ?? '') });
  for (const { run_id } of runs) errors.delete(run_id);
}
