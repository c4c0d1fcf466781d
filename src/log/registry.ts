/** The schema registry port: Confluent's model of subjects, versions and global ids. */
export interface SchemaRegistry {
  /**
   * Registers `schema` (Avro JSON) under `subject`, or finds it there, and returns its id. A schema that cannot
   * read what the subject's newest version wrote is refused (MR_SCHEMA_INCOMPATIBLE).
   */
  register(subject: string, schema: object): Promise<number>;
  /** The schema with that id; MR_SCHEMA_UNKNOWN where there is none. */
  schema(id: number): Promise<object>;
  /** Ids of a subject's versions, oldest first; empty for an unknown subject. */
  versions(subject: string): Promise<readonly number[]>;
}
