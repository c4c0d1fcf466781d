/** `millrace start --roles`: some roles, beside processes that have the others. */
import { composeRoles, type Installation, ROLES } from '#service';
import { backupWork } from '../backup/backup-job.ts';
import type { BringUpOptions } from './bring-up.ts';
import { carryOverNotes } from './carry-over-notes.ts';

/** Resolves when the roles are served and begun; each tells at `/health/ready` what it waits for. */
export async function bringUpRoles(
  installation: Installation,
  { shutdown, output, lock, accepted, sources }: BringUpOptions,
): Promise<{ readonly failed: Promise<never> }> {
  const { roles } = installation.configuration;
  const notes = carryOverNotes(output);
  const works = { backUp: backupWork(installation, sources) };
  const composed = await composeRoles(installation, { roles, notes, works, accepted }, shutdown);
  const url = await composed.serve();
  lock.publishAddress(url);
  const trainer = await composed.trainer?.begin(shutdown);
  const begun = await composed.begin();
  if (output.json) output.value({ url, roles });
  else {
    for (const role of roles) output.line(`${role.padEnd(12)}${ROLES[role].does}`);
    output.line(
      `${'Serving'.padEnd(12)}${url}; ${url}/health/ready tells what each role waits for. Ctrl-C stops`,
    );
  }
  const failures = [composed.pipeline?.failed, trainer?.failed, begun.failed];
  return { failed: Promise.race(failures.filter((each) => each !== undefined)) };
}
