/** The error codes of the Avro codecs. */
import { type CodesOf, fixInput, retry } from '#platform';

export const AVRO_ERRORS = {
  MR_AVRO_DECODE: fixInput`Bytes are not a value of the schema that they refer to.
    Correct the producer; the record itself is in the dead letters.`,
  MR_AVRO_ENCODE: fixInput`A value does not fit its schema.
    Correct the field that the message names.`,
  MR_SCHEMA_INCOMPATIBLE: fixInput`A schema cannot read data written with an older one.
    Give new fields a default and keep the types of the others, or use another subject.`,
  MR_SCHEMA_INVALID: fixInput`A schema is not valid Avro.
    Correct it according to the Avro specification.`,
  MR_SCHEMA_NOT_LOADED: retry`The schema that a value was written with has not been fetched yet.
    Fetch it from the registry and decode again.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof AVRO_ERRORS> {}
}
