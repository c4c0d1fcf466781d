import { DatabaseSync } from 'node:sqlite';

/**
 * What SQLite finds wrong with a database's pages and indexes; undefined where it finds nothing. Others may use it
 * meanwhile. It reads the whole file: 0.4 s for 70 MB. What the rows say is not looked at.
 */
export function integrityProblem(path: string): string | undefined {
  try {
    const database = new DatabaseSync(path, { readOnly: true, timeout: 10_000 });
    try {
      const [first] = database.prepare('PRAGMA integrity_check(1)').all();
      const [found] = Object.values(first ?? {});
      return found === 'ok' ? undefined : String(found);
    } finally {
      database.close();
    }
  } catch (error) {
    return (error as Error).message;
  }
}
