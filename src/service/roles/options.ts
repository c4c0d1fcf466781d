/** The option that says what a process is started for. */
import { option, z } from '#platform/configuration';
import { ROLE_NAMES, type RoleName } from './role.ts';

const names = z.array(z.enum(ROLE_NAMES)).min(1);

/** On the command line and in the environment, names are separated by commas. A name given twice counts once. */
const listed = z.preprocess((given) => {
  const list: unknown = typeof given === 'string' ? given.split(',').map((name) => name.trim()) : given;
  return Array.isArray(list) ? [...new Set(list)] : list;
}, names);

export const ROLES_OPTIONS = {
  roles: option(listed.default([...ROLE_NAMES] satisfies RoleName[]))`
    What the process of \`millrace start\` does: all of it, or some of \`gateway\`, \`processors\`, \`responder\`,
    \`trainer\`, \`archive\` and \`operations\` beside other processes on the same log. See docs/SERVERS.md.`,
};
