/** What a caller may do. Each route names the right that it requires, or that it is public. */
export const RIGHTS = [
  'recommend',
  'features',
  'publish',
  'observe',
  'stores',
  'peer',
  'promote',
  'train',
  'jobs',
  'privacy',
] as const;

export type Right = (typeof RIGHTS)[number];

/** The rights of a user's own token, which it has over that user alone. */
export type UserRight = 'recommend' | 'features';

/** Where a request names the users that it is about: `params.user_id`, `body.requests.*.user_id`; `none` where it names none. */
export type UsersPath = 'none' | `${'params' | 'query' | 'body'}.${string}`;

/**
 * Who may call a route. With `refuseUnlimited`, requests are refused while the rate limits cannot be checked; other routes
 * answer then, since an answer without a limit is better than none.
 */
export type Access =
  | 'public'
  | { readonly right: UserRight; readonly users: UsersPath; readonly refuseUnlimited?: true }
  | {
      readonly right: Exclude<Right, UserRight>;
      readonly users?: undefined;
      readonly refuseUnlimited?: true;
    };

/** Who sends a request. */
export type Caller = {
  /** Unique among callers, for limits, log lines and as the actor of commands: `key shop`, `user u1`, `admin.token`. */
  readonly name: string;
  readonly rights: ReadonlySet<Right>;
  /** The only user that the caller may ask about; undefined: any. */
  readonly onlyUser?: string;
  /** Whether the caller is known by its address alone. */
  readonly isAnonymous?: true;
};

/** The users that a request names, at `path` in its validated parts. */
export function usersIn(parts: Readonly<Record<string, unknown>>, path: UsersPath): readonly string[] {
  if (path === 'none') return [];
  let found: readonly unknown[] = [parts];
  for (const name of path.split('.')) {
    found = found.flatMap((value) => {
      if (name === '*') return Array.isArray(value) ? value : [];
      return typeof value === 'object' && value !== null ? [(value as Record<string, unknown>)[name]] : [];
    });
  }
  return found.filter((value) => typeof value === 'string');
}
