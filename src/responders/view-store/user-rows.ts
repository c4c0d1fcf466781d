import { type UserState, userFeaturesView, userProfileView } from '#features';
import type { Profile } from '#schemas';
import type { ViewStore } from './port.ts';

/** What is known of a user. */
export type UserRows = {
  readonly state: UserState | undefined;
  readonly profile: Profile | null;
};

/** The rows of each user in the requested order; empty for an unknown user. Errors: those of `views.rows`. */
export async function userRows(
  views: Pick<ViewStore, 'rows'>,
  userIds: readonly string[],
): Promise<readonly UserRows[]> {
  const rows = await views.rows(
    userIds.flatMap((key) => [
      { view: userFeaturesView.name, key },
      { view: userProfileView.name, key },
    ]),
  );
  return userIds.map((_, i) => ({
    state: rows[2 * i] as UserState | undefined,
    profile: (rows[2 * i + 1] ?? null) as Profile | null,
  }));
}
