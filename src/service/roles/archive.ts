import type { MemberRole } from '#engine';
import type { Shutdown } from '#platform';
import { startArchive } from '../archive.ts';
import type { Installation } from '../installation.ts';
import { type Member, memberPart } from './member.ts';

/** The archive, which of all processes with the role one writes. */
export function archiveRole(installation: Installation): Member {
  let place: MemberRole | undefined;
  let stalled: Error | undefined;
  const onRole = (role: MemberRole) => {
    place = role;
  };
  const onStalled = (error: Error | undefined) => {
    stalled = error;
  };
  return {
    ...memberPart(
      'archive',
      'archives',
      () => place,
      () => stalled,
    ),
    begin: (shutdown: Shutdown) => startArchive(installation, shutdown, { onRole, onStalled }),
  };
}
