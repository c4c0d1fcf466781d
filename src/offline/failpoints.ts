/** The steps of a change of the archive at which a test can stop the program, in their order. */
export const ARCHIVE_FAILPOINTS = [
  'archive.file.written',
  'archive.file.placed',
  'archive.commit.before',
  'archive.commit.after',
  'archive.file.removed',
] as const;
