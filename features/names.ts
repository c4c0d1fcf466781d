/** Names a version of a view: the topic of its rows, its key in the registry, its tables in the archive. */
export function versionedName({
  name,
  version,
}: {
  readonly name: string;
  readonly version: number;
}): string {
  return `${name}-${version}`;
}

/** Whether every key of the view begins with a user. */
export function isOfUser({ entity }: { readonly entity: string }): boolean {
  return entity !== 'item';
}
