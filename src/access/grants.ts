/** Roles, and the rights that they stand for. */
import { type Caller, InputError, type Right } from '#platform';
import { RIGHTS } from '#platform/api';

const rightsOfRole = {
  /** Over its own user alone: see Caller.onlyUser. */
  user: ['recommend', 'features'],
  service: ['recommend', 'features', 'publish'],
  admin: RIGHTS,
} as const satisfies Readonly<Record<string, readonly Right[]>>;

export type Grant = keyof typeof rightsOfRole | Right;

/** What a credential can be granted: roles and single rights. */
const grants: readonly Grant[] = [...(Object.keys(rightsOfRole) as Grant[]), ...RIGHTS];

/** Errors: InputError MR_ACCESS_GRANT. */
export function grantOf(text: string): Grant {
  const found = grants.find((grant) => grant === text);
  if (found !== undefined) return found;
  throw new InputError('MR_ACCESS_GRANT', `There is no role or right ${JSON.stringify(text)}.`, {
    hint: `Roles and rights are ${grants.join(', ')}.`,
  });
}

/** The rights of all grants together; names that are none, such as roles in other systems, count for nothing. */
export function rightsOf(granted: readonly string[]): ReadonlySet<Right> {
  return new Set(
    granted.flatMap((name): readonly Right[] => {
      if (Object.hasOwn(rightsOfRole, name)) return rightsOfRole[name as keyof typeof rightsOfRole];
      return RIGHTS.filter((right) => right === name);
    }),
  );
}

/** The caller that a token with this subject and these grants stands for. Without any grant it is a user. */
export function callerOf(subject: string, granted: readonly string[]): Caller {
  const rights = rightsOf(granted);
  if (rights.size === 0) return callerOf(subject, ['user']);
  const isAnyUser = !granted.includes('user') || granted.includes('service') || granted.includes('admin');
  return isAnyUser
    ? { name: `subject ${subject}`, rights }
    : { name: `user ${subject}`, rights, onlyUser: subject };
}
