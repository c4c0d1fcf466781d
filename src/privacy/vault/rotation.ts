import { failpoint, invariant } from '#platform';
import type { FollowedView } from './followed-view.ts';
import type { Change, Keyring } from './keyring.ts';
import type { MasterKey } from './master-key.ts';
import { LOOKUP_RECORD, type SealedRow } from './vault-view.ts';

/** Records of one transaction. */
const SEALED_AT_ONCE = 5_000;

export type RotationOptions = {
  /** Told how many keys were sealed so far. */
  readonly onProgress?: (sealed: number) => void;
  readonly signal: AbortSignal;
};

/** `todo`: what is left to the user. */
export type Rotation = {
  readonly masterKey: string;
  readonly sealed: number;
  readonly damaged: number;
  readonly todo: string | undefined;
};

type Parts = { readonly followed: FollowedView; readonly keyring: Keyring };

/**
 * Seals the lookup key under the next master key, from where on new users are sealed under it too, then page by page all
 * others. Errors: ConfigurationError MR_PRIVACY_MASTER_KEY; those of changes.
 */
export async function rotateMasterKey(
  parts: Parts,
  { onProgress, signal }: RotationOptions,
): Promise<Rotation> {
  const { followed, keyring } = parts;
  const next = keyring.next();
  await followed.change(() => {
    const { lookup } = followed.view;
    invariant(lookup !== undefined, 'an open vault has a lookup key');
    return lookup.masterKey === next.name ? [] : [keyring.resealed(LOOKUP_RECORD, lookup, next) as Change];
  });
  failpoint('privacy.vault.rotation-begun');
  let [sealed, damaged] = [0, 0];
  for (let after = ''; ; ) {
    signal.throwIfAborted();
    const page = followed.view.page(after, SEALED_AT_ONCE, next.name);
    if (page.length === 0) break;
    const counts = await sealPage(parts, page, next);
    failpoint('privacy.vault.rotated-page');
    sealed += counts.sealed;
    damaged += counts.damaged;
    onProgress?.(sealed);
    after = (page.at(-1) as SealedRow).handle;
  }
  failpoint('privacy.vault.rotated');
  return { masterKey: next.name, sealed, damaged, todo: keyring.rotated() };
}

async function sealPage({ followed, keyring }: Parts, page: readonly SealedRow[], next: MasterKey) {
  let counts = { sealed: 0, damaged: 0 };
  await followed.change(() => {
    // As the vault is now: a user of the page may have been forgotten meanwhile.
    const changes = page.flatMap(({ handle }) => {
      const row = followed.view.find(handle);
      return row === undefined || row.masterKey === next.name ? [] : [keyring.resealed(handle, row, next)];
    });
    const records = changes.filter((change) => change !== undefined);
    counts = { sealed: records.length, damaged: changes.length - records.length };
    return records;
  });
  return counts;
}
