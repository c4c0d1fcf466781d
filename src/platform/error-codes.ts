/**
 * Every error code of the product, by area. docs/ERRORS.md is generated from it, and `npm run check` holds it
 * against the source: a code that is missing here, is of another class or is thrown nowhere is a finding.
 */
import type { Remedy } from './errors.ts';

export type ErrorDescription = {
  readonly code: string;
  readonly remedy: Remedy;
  /** What has happened. */
  readonly meaning: string;
  /** What to do about it. */
  readonly action: string;
};

const as = (remedy: Remedy) => (code: string, meaning: string, action: string) => {
  return { code, remedy, meaning, action };
};
const retry = as('retry');
const giveUp = as('give-up');
const fixInput = as('fix-input');
const fixConfiguration = as('fix-configuration');

const platform: readonly ErrorDescription[] = [
  giveUp(
    'MR_INVARIANT',
    'A promise of our own code is broken: a bug.',
    'Report it with the message and the stack.',
  ),
  giveUp('MR_FAILPOINT', 'A failpoint was armed to fail here.', 'Unset MILLRACE_FAILPOINTS outside tests.'),
  fixConfiguration(
    'MR_CONFIG_CONTRADICTION',
    'Two options have values that do not go together.',
    'Change one of those that the message names.',
  ),
  fixConfiguration(
    'MR_CONFIG_FILE',
    'The configuration file cannot be read or is not one JSON object.',
    'Give --config an existing JSON file.',
  ),
  fixConfiguration(
    'MR_CONFIG_INVALID',
    'An option has a value that does not fit.',
    'Correct it where the message says it came from.',
  ),
  fixConfiguration(
    'MR_CONFIG_UNKNOWN',
    'An option does not exist.',
    'Compare its name with docs/CONFIGURATION.md.',
  ),
  fixConfiguration(
    'MR_DATA_LOCKED',
    'Another process uses the data directory.',
    'Stop that process, or name another directory with --data.',
  ),
  fixConfiguration(
    'MR_DATA_NEWER',
    'The log is processed by a newer release, whose state this one can’t read.',
    'Start the newer release.',
  ),
  fixConfiguration(
    'MR_DATA_OUTDATED',
    'The log was processed by an earlier release that kept no record of its state.',
    'Begin a new data directory, and publish or import the events again.',
  ),
  fixConfiguration(
    'MR_DATA_UNUSABLE',
    'The data directory cannot be created or written.',
    'Name a directory that this user may write.',
  ),
  fixInput(
    'MR_HTTP_ABORTED',
    'A client went away while it sent a request.',
    'Send it again; events with an event_id count once.',
  ),
  fixInput('MR_HTTP_BAD_URL', 'The path of a request is not a valid URL.', 'Percent-encode it.'),
  fixInput('MR_HTTP_BODY_INVALID', 'The body of a request is empty or not JSON.', 'Send one JSON value.'),
  fixInput('MR_HTTP_BODY_TOO_LARGE', 'The body of a request is too large.', 'Send less at once.'),
  retry(
    'MR_DISK_FULL',
    'A disk has no room, or the user no more of it.',
    'Make room on it: work goes on by itself, and nothing that was acknowledged is lost.',
  ),
  retry(
    'MR_DISK_LOW',
    'The disk of the data directory has less room than is kept free of new events.',
    'Make room on it, or lower disk.reserveMb; send the events again with the same event_id.',
  ),
  retry(
    'MR_HTTP_BUSY',
    'The server works on as many requests as it may.',
    'Ask again after the time in the header retry-after.',
  ),
  fixConfiguration(
    'MR_HTTP_CANT_LISTEN',
    'The address cannot be listened on.',
    'Choose an address of this machine, and a port that this user may open.',
  ),
  fixInput(
    'MR_HTTP_HEADERS_TOO_LARGE',
    'The headers of a request, with its address, are too large (431).',
    'Send 16 KiB of them at most.',
  ),
  fixInput(
    'MR_HTTP_HOST',
    'A request is for a host that this server does not answer for (421).',
    'Ask it by its address, or name the host in http.allowedHosts.',
  ),
  fixInput('MR_HTTP_MALFORMED', 'What was sent is not an HTTP request.', 'Send HTTP/1.1, without TLS.'),
  fixInput(
    'MR_HTTP_MEDIA_TYPE',
    'The body of a request is of another type than JSON.',
    'Send JSON, with content-type: application/json.',
  ),
  fixInput('MR_HTTP_NOT_FOUND', 'There is no such method and path.', 'Compare them with the documentation.'),
  retry(
    'MR_HTTP_NOT_READY',
    'The server cannot answer fully yet.',
    'Ask again in a moment; not_ready names what it waits for.',
  ),
  retry(
    'MR_HTTP_PIPELINED',
    'More requests of one connection wait for their answers than the server works on (429).',
    'Read answers before sending more, or spread the requests over several connections.',
  ),
  fixConfiguration(
    'MR_HTTP_PORT_IN_USE',
    'Another program listens on the port.',
    'Stop it, or choose another port with http.port.',
  ),
  fixInput(
    'MR_HTTP_QUERY',
    'A parameter of a request is unknown, or given more than once.',
    'The hint names those that the path takes.',
  ),
  fixInput(
    'MR_HTTP_REQUEST_TIMEOUT',
    'A request did not arrive in time (408): 10 s for its headers, 30 s for all of it.',
    'Send it faster, or less at once.',
  ),
  fixInput(
    'MR_HTTP_URL_TOO_LONG',
    'A part of the path is longer than any id (414).',
    'Ids have 128 characters at most.',
  ),
];

const schemas: readonly ErrorDescription[] = [
  fixInput(
    'MR_AVRO_DECODE',
    'Bytes are not a value of the schema that they name.',
    'Correct their producer; the record itself is in the dead letters.',
  ),
  fixInput('MR_AVRO_ENCODE', 'A value does not fit its schema.', 'Correct the field that the message names.'),
  fixInput(
    'MR_SCHEMA_INCOMPATIBLE',
    'A schema cannot read what an older one wrote.',
    'Give added fields a default and keep the types of the others, or use another subject.',
  ),
  fixInput('MR_SCHEMA_INVALID', 'A schema is not Avro.', 'Correct it by the Avro specification.'),
  retry(
    'MR_SCHEMA_NOT_LOADED',
    'The schema that wrote a value was not fetched yet.',
    'Fetch it from the registry and decode again.',
  ),
  fixConfiguration(
    'MR_SCHEMA_REGISTRY_ANSWER',
    'What answers at the address of the schema registry is not a Confluent-compatible registry.',
    'Correct the path of the address: /apis/ccompat/v7 on Apicurio, none on Confluent.',
  ),
  fixConfiguration(
    'MR_SCHEMA_REGISTRY_REFUSED',
    'The schema registry refuses the user or what the user may do, or its certificate is not trusted.',
    'Correct the user, the password or the certificate authority that the options of the registry name.',
  ),
  retry(
    'MR_SCHEMA_REGISTRY_UNAVAILABLE',
    'The schema registry does not answer, or answers with an error of its own.',
    'Try again when it runs: schemas that the process knows already go on being used.',
  ),
  fixConfiguration(
    'MR_SCHEMA_REGISTRY_URL',
    'The address of the schema registry cannot be understood.',
    'Write it as http://host:port/path; the message says what is wrong.',
  ),
  fixInput(
    'MR_SCHEMA_UNKNOWN',
    'The registry has no schema of that id.',
    'Find out which registry the producer used.',
  ),
];

const log: readonly ErrorDescription[] = [
  retry(
    'MR_LOG_BUSY',
    'Another process has held the log for long.',
    'Try again; end that process if it is stopped.',
  ),
  fixConfiguration(
    'MR_LOG_CANT_OPEN',
    'The log file cannot be opened or written.',
    'Check that its directory exists and may be written.',
  ),
  fixConfiguration(
    'MR_KAFKA_URL',
    'The address of Kafka is no kafka:// URL, or one of its parameters is wrong.',
    'Write kafka://host:9092; docs/KAFKA.md lists the parameters.',
  ),
  fixConfiguration(
    'MR_KAFKA_LOGIN',
    'The brokers refuse the user or a connection without TLS or login, or their certificate is not trusted.',
    'Check user, password, mechanism and certificates.',
  ),
  fixConfiguration(
    'MR_KAFKA_VERSION',
    'The brokers are older than Kafka 3.7.',
    'Take brokers of Apache Kafka 3.7 or newer.',
  ),
  fixConfiguration(
    'MR_KAFKA_FORBIDDEN',
    'The user has no right to a topic, group or transactional id.',
    'Grant it with kafka-acls.',
  ),
  fixConfiguration(
    'MR_KAFKA_GROUP',
    'A group of Kafka takes no member: consumers of another kind are in it, it is full, or its name is not allowed.',
    'Stop the other consumers, or allow more members with group.max.size.',
  ),
  fixConfiguration(
    'MR_KAFKA_SESSION',
    'The brokers do not allow the session of a group member.',
    'Choose one between group.min.session.timeout.ms and group.max.session.timeout.ms of the brokers.',
  ),
  giveUp(
    'MR_KAFKA_REFUSED',
    'A broker refuses a request for a reason that no retry mends.',
    "Look the name in the message up in Kafka's list of protocol errors.",
  ),
  giveUp(
    'MR_LOG_CLOSED',
    'The log, producer or consumer was closed.',
    'Open it again; nothing acknowledged is lost.',
  ),
  giveUp(
    'MR_LOG_COMMIT_IN_PROGRESS',
    'A transaction was used while it was being committed.',
    'Await commit before the next call.',
  ),
  giveUp(
    'MR_LOG_CORRUPT',
    'The log file or a batch in it is damaged.',
    'Restore the log from a copy or the archive.',
  ),
  giveUp(
    'MR_LOG_FENCED',
    'A newer producer has taken over the transactional id.',
    'Drop what was derived since the last commit and start over.',
  ),
  giveUp(
    'MR_LOG_GENERATION',
    'The group has rebalanced since this member joined.',
    'Join anew and start from the committed offsets.',
  ),
  fixInput(
    'MR_LOG_INVALID_ASSIGNMENT',
    'A group assignment names someone who is no member.',
    'Give shares only to the members that assign was called with.',
  ),
  fixInput(
    'MR_LOG_INVALID_RECORD',
    'A record has no valid timestamp, key, value or header.',
    'Give timestamps in ms, and bytes or null for the rest.',
  ),
  fixInput(
    'MR_LOG_INVALID_TOPIC',
    'A topic has a name or a number of partitions that is not allowed.',
    'Choose a name of a-z A-Z 0-9 . _ - and one partition at least.',
  ),
  fixInput('MR_LOG_KEY_REQUIRED', 'A record without a key was sent to a compacted topic.', 'Give it a key.'),
  fixInput('MR_LOG_METADATA_TOO_LONG', 'The metadata of an offset commit is over 4 KiB.', 'Shorten it.'),
  fixConfiguration(
    'MR_LOG_NETWORK_FS',
    'The data directory is on a network file system.',
    'Put it on a local disk.',
  ),
  fixConfiguration('MR_LOG_NEWER_FORMAT', 'A newer version of Millrace wrote the log.', 'Use that version.'),
  fixConfiguration(
    'MR_LOG_NOT_A_LOG',
    'The file in the place of the log is something else.',
    'Give Millrace a data directory of its own.',
  ),
  giveUp(
    'MR_LOG_OFFSET_OUT_OF_RANGE',
    'Records asked for are not in the log any more, or not yet.',
    'Restore from the start or from an archive.',
  ),
  fixConfiguration(
    'MR_LOG_NOT_THE_OWNER',
    'A connection was asked of a log that does not run the writer thread.',
    'Ask the log of the thread that opened it first.',
  ),
  giveUp('MR_LOG_OFFSET_OVERFLOW', 'A partition has no offsets left.', 'Write to a new topic.'),
  fixConfiguration(
    'MR_LOG_RECORD_FORMAT',
    'A Kafka topic holds records in the format of Kafka before 0.11.',
    'Copy the topic with a current client: brokers keep old batches as they were written.',
  ),
  fixConfiguration(
    'MR_LOG_TOPIC_MISMATCH',
    'A topic exists with other partitions or another cleanup.',
    'Use the existing shape, or delete the topic with its data.',
  ),
  giveUp(
    'MR_LOG_TOPIC_REPLACED',
    'A topic was deleted and made anew while it was being read.',
    'Drop what was derived from the old one and start over.',
  ),
  fixInput('MR_LOG_UNKNOWN_TOPIC', 'The topic or partition does not exist.', 'Create it, or check its name.'),
  giveUp(
    'MR_LOG_WRITER_FAILED',
    'The thread that writes the log has ended.',
    'Start the process again and read the error before it.',
  ),
  retry(
    'MR_LOG_LOCK_HELD',
    'A process has held the write lock of the log for over a second (logged, not thrown).',
    'Continue or end the process that the line names.',
  ),
  retry(
    'MR_LOG_WRITE_FAILED',
    'The disk is full or fails; nothing of the call was written.',
    'Free space or repair the disk.',
  ),
  fixInput(
    'MR_LOG_INVALID_OFFSET',
    'An offset is negative, fractional or too large.',
    'Offsets are whole numbers from 0 to 2^53 - 1.',
  ),
  retry(
    'MR_LOG_UNAVAILABLE',
    'A partition or the brokers can take or give nothing at the moment.',
    'See that the brokers run and can be reached, then try again.',
  ),
  retry(
    'MR_LOG_TRANSACTION_ABORTED',
    'The brokers have aborted a transaction, most often because it took longer than they allow.',
    'Append and commit again: nothing of it is visible.',
  ),
];

const engine: readonly ErrorDescription[] = [
  retry(
    'MR_GLOBAL_TABLE_DAMAGED',
    'The local copy of a global table cannot be read.',
    'Nothing to do: it is read again from its topic.',
  ),
  giveUp(
    'MR_JOURNAL_INCOMPLETE',
    'The journal of a task does not tell all that the task has done.',
    'Compare with a rebuild from the log; keep the journal switched on.',
  ),
  giveUp(
    'MR_JOURNAL_UNREADABLE',
    'An entry of a journal is damaged, or was written by a newer release.',
    'Verify with the release that wrote it, or compare with a rebuild from the log.',
  ),
  fixInput(
    'MR_PROCESSOR_THREW',
    'A processor failed on a record with an error of no code.',
    'Read the dead letter; correct the record or the processor.',
  ),
  retry(
    'MR_QUERY_BEHIND',
    'No copy of a store has come as far as the position that a query asks for.',
    'Ask again in a moment; look at the lag of the task where it stays behind.',
  ),
  fixInput(
    'MR_QUERY_INVALID',
    'A query of a store makes no sense.',
    'Ask by key, by prefix, by from and to, or by key with fromMs and toMs.',
  ),
  fixInput('MR_QUERY_STORE_UNKNOWN', 'A query names a store that there is not.', 'Take one of GET /stores.'),
  retry(
    'MR_QUERY_TASK_MOVING',
    'The task of a store is being moved or restored, or its process cannot be reached.',
    'Ask again in a moment; a standby may answer meanwhile.',
  ),
  giveUp(
    'MR_REBUILD_DEPENDS_ON_ARRIVAL',
    'State that depends on the order of arrival or on the wall clock can come out otherwise in a rebuild.',
    'Verify it from the journal, or force the rebuild and accept what comes out.',
  ),
  giveUp(
    'MR_RECORD_FAILED',
    'A record could not be processed, and the policy is to stop.',
    'Correct the record or the processor, or choose another policy.',
  ),
  fixInput(
    'MR_RECORD_FROM_FUTURE',
    'A record lies further ahead of the wall clock than its source believes.',
    'Correct the clock of its producer.',
  ),
  fixInput(
    'MR_RECORD_KEY',
    'A key has no text: it is a number or an object, and its operator was given no key serde.',
    'Make text of the key, or give the operator a key serde.',
  ),
  fixInput('MR_RECORD_NULL_KEY', 'A record of a keyed topic has no key.', 'Correct its producer.'),
  fixInput(
    'MR_RECORD_NULL_VALUE',
    'A record of a stream has no value.',
    'Correct its producer; tombstones belong on compacted topics.',
  ),
  fixInput(
    'MR_RECORD_TIMESTAMP',
    'The timestamp of a record, a change of a store or a timer is no whole number of milliseconds from 0 to 2^53 - 1.',
    'Correct its producer, or the processor that gave the time.',
  ),
  fixInput(
    'MR_RECORD_TOO_LARGE',
    'A record is larger than a log takes.',
    'Split the value, or keep it elsewhere and send where it is.',
  ),
  fixInput(
    'MR_RECORD_UNDEFINED',
    'A function of a topology returned undefined where a value is needed, or a processor emitted it.',
    'Return a value on every path, or null where there is none.',
  ),
  fixInput(
    'MR_RECORD_UNDECODABLE',
    'A record that a reader needs cannot be decoded; the message names topic, partition and offset.',
    'Find out who else writes to the topic; a newer record of the key stands for it.',
  ),
  fixInput(
    'MR_RECORD_WINDOWED_KEY',
    'A key is read as that of a window, and names none.',
    'Read topics of windowed tables alone with `windowedKey`.',
  ),
  giveUp(
    'MR_GROUP_OFFSET',
    "A group's offset lies beyond the end of the log.",
    'Stop all instances, and set the offset with the command in the hint.',
  ),
  giveUp(
    'MR_STORE_AHEAD',
    "A store holds more of an input than the group's offset says: the offset was set back, or has expired.",
    'Set the offset to the one in the message, or raise the generation of the topology to process all anew.',
  ),
  giveUp(
    'MR_STORE_CORRUPT',
    'A local store cannot be read.',
    'Start again: it is rebuilt from its changelog.',
  ),
  retry(
    'MR_STORE_LOCKED',
    'A local store is still open elsewhere.',
    'Wait until its owner has closed it, or stop the other process.',
  ),
  retry(
    'MR_STORE_OUTDATED',
    'A local store was not brought up to date for longer than its changelog keeps tombstones.',
    'Nothing to do: it is opened again, and restored whole.',
  ),
  retry(
    'MR_STORE_REFUSED',
    'A value that was written to a store cannot be stored.',
    'Nothing to do: the records are processed again, and the one that wrote it is put aside.',
  ),
  fixConfiguration(
    'MR_THREADS_INVALID',
    'The number of worker threads is none.',
    'Use one thread or more, at most as many as there are processors.',
  ),
  giveUp(
    'MR_THREAD_ENDED',
    'A worker thread ended without having been told to.',
    'Look for what it last logged; something in it has ended it.',
  ),
  fixConfiguration(
    'MR_TOPOLOGY_CLASH',
    'A topology of your own has a name of the product’s, or writes to a topic that the product’s own processes write.',
    'Give it and its topics other names; any topic may be read.',
  ),
  fixConfiguration(
    'MR_TOPOLOGY_MODULE',
    'The module given to millrace run cannot be loaded, or its default export is no topology.',
    'Export a topology, or a function that returns one, as default.',
  ),
  fixConfiguration(
    'MR_TOPOLOGY_INVALID',
    'The declaration of a topology is not consistent.',
    'Change what the message names.',
  ),
  giveUp(
    'MR_TOPOLOGY_MANIFEST',
    'What a topology has kept is written down in a form that cannot be read.',
    'Start the release that wrote it.',
  ),
  retry(
    'MR_TOPOLOGY_MIGRATION_BUSY',
    'State cannot be migrated while an instance runs, or another one migrates it.',
    'Stop all instances, and start one.',
  ),
  fixConfiguration(
    'MR_TOPOLOGY_STATE_CHANGED',
    'Stores or repartition topics were renamed, retyped, partitioned anew or removed.',
    'Choose rename, rebuild or drop for each, or declare another generation.',
  ),
  giveUp(
    'MR_VERIFY_INPUT_GONE',
    'A record that verification has to read again is no longer in the log.',
    'Compare digests of what is left; keep inputs as long as they are to be verified.',
  ),
];

const privacy: readonly ErrorDescription[] = [
  retry(
    'MR_PRIVACY_ARCHIVE_BEHIND',
    'Events of a user who is to be erased have not been archived in time.',
    'See that "millrace start" archives, then erase the user again.',
  ),
  fixInput(
    'MR_PRIVACY_ERASED',
    'A user who is erased, or is being erased, is to be opted in or out.',
    'Wait until the erasure is done: who comes back after it is a new user, and can decide anew.',
  ),
  fixInput(
    'MR_PRIVACY_STATUS',
    'A request asks for a privacy status that there is not.',
    'Send {"status":"opted-out"} or {"status":"opted-in"}; erasing is done by "millrace erase".',
  ),
  fixInput(
    'MR_PRIVACY_USER',
    'A user is named by what is no user id.',
    'Name the user by the user_id that events carry.',
  ),
  fixInput(
    'MR_PRIVACY_USERS',
    'A request for pseudonyms carries no list of user ids, or too long a one.',
    'Send {"user_ids": [...]} with 1 to 1,000 of them.',
  ),
  fixConfiguration(
    'MR_PRIVACY_USER_IDS',
    'The option privacy.userIds is not what the log was begun with, or the vault of its pseudonyms is elsewhere.',
    'Set the option to what it was, or bring pseudonyms.sqlite and pseudonyms.key to the data directory.',
  ),
  fixInput(
    'MR_PRIVACY_USER_UNKNOWN',
    'The user to be erased was never seen, or is erased already.',
    'Compare the id with the one that events carry.',
  ),
  retry(
    'MR_PRIVACY_VAULT_BUSY',
    'The vault of pseudonyms cannot be read or written just now.',
    'Try again; see which process holds it and whether the disk is full.',
  ),
  giveUp(
    'MR_PRIVACY_VAULT_DAMAGED',
    'The key of a user in the vault of pseudonyms is not what was written.',
    'Restore pseudonyms.sqlite and pseudonyms.key together from one copy; others are served meanwhile.',
  ),
  fixConfiguration(
    'MR_PRIVACY_VAULT_UNUSABLE',
    'The vault of pseudonyms is damaged, cannot be opened, or lies without its key.',
    'Restore pseudonyms.sqlite and pseudonyms.key together from one copy.',
  ),
  retry(
    'MR_PRIVACY_VERSIONS_REMAIN',
    'A version that was trained with an erased user has not been archived in time.',
    'See that the processors run and are not far behind, then erase the user again.',
  ),
  retry(
    'MR_PRIVACY_VIEWS_REMAIN',
    'The processors have not deleted the rows of an erased user in time.',
    'See that they run and are not far behind, then erase the user again.',
  ),
];

const models: readonly ErrorDescription[] = [
  fixInput(
    'MR_EVALUATION_NEGATIVES',
    'A user has had so many items that there are not as many others as are to be drawn.',
    'Draw fewer, or rank all items.',
  ),
  fixInput(
    'MR_EVALUATION_PAIRS',
    'Two rankers to compare were not evaluated on the same users.',
    'Evaluate both on the same users, one at least.',
  ),
  fixInput('MR_GRAPH_NAME', 'A name is used twice in a graph.', 'Choose another.'),
  fixInput(
    'MR_GRAPH_SHAPE',
    'Tensors of an operation do not fit.',
    'Check the shapes where the graph is built.',
  ),
  fixInput(
    'MR_INDEX_CORRUPT',
    'An index file is damaged or is none.',
    'Fetch the version again, or build the index anew.',
  ),
  fixInput(
    'MR_INDEX_DIMENSION',
    'A vector has another dimension than the index.',
    'Take query and index from the same version.',
  ),
  fixInput(
    'MR_INDEX_VECTOR',
    'A vector holds a number that is not finite.',
    'Train again with a lower learning rate.',
  ),
  fixInput(
    'MR_MODEL_CHECKPOINT',
    'A checkpoint is damaged, or of another training.',
    'Train from the start, or with the data and configuration it was made with.',
  ),
  fixConfiguration(
    'MR_MODEL_MODULE',
    'A module of training.modelModules cannot be loaded, or its default export is no model, or has the name of another one.',
    'Export a Model under a name of its own as default.',
  ),
  fixConfiguration(
    'MR_MODEL_CONFIG',
    'A parameter of the model is out of its range.',
    'Set it as the hint says.',
  ),
  fixInput('MR_MODEL_DATA', 'Training data is inconsistent.', 'Correct what the message names.'),
  giveUp('MR_MODEL_DIVERGED', 'The loss is not finite any more.', 'Train again with a lower learning rate.'),
  fixInput(
    'MR_MODEL_FEATURE',
    'A model from outside reads a feature that no view declares, or of another version.',
    'Train it on features that `millrace features` lists, and name the versions of their views.',
  ),
  fixInput(
    'MR_MODEL_GRAPH',
    'The ONNX graph of a model from outside can’t be run: an unknown operator, or a damaged file.',
    'Export it again with standard operators and its weights inside of the file.',
  ),
  fixInput(
    'MR_MODEL_HASH',
    'The graph of a model from outside is not the one that its manifest names.',
    'Copy both again, or write the manifest anew.',
  ),
  fixInput(
    'MR_MODEL_INPUT',
    'A model was given other inputs than it wants.',
    'Compare them with those that the hint lists.',
  ),
  fixInput(
    'MR_MODEL_MANIFEST',
    'The directory of a model from outside lacks a file, or its manifest is malformed.',
    'Correct model.json where the message says.',
  ),
  fixInput(
    'MR_MODEL_PROBE',
    'A model from outside fails over rows of zeros or of missing values, or scores them with no number.',
    'Say in the manifest what stands for a missing value, and try the graph by itself.',
  ),
  fixInput(
    'MR_MODEL_SIGNATURE',
    'The inputs or outputs of a graph are not those that its manifest says.',
    'Correct the manifest, or export the model again.',
  ),
  giveUp(
    'MR_MODEL_UNREADABLE',
    'A model file is damaged, or is no ONNX that can be run.',
    'Fetch the version again, or train anew.',
  ),
  fixConfiguration(
    'MR_TEXT_ENCODER_MISSING',
    'A file of the text encoder for titles can’t be read.',
    'Set training.textEncoder to an ONNX file, with the tokenizer.json or vocab.txt of its tokens beside it.',
  ),
  fixConfiguration(
    'MR_TEXT_ENCODER_UNFIT',
    'The text encoder for titles can’t be run, or takes or gives something else than one does.',
    'Export it as docs/MODELS.md says, or leave training.textEncoder out: titles are then read by their n-grams.',
  ),
  fixInput(
    'MR_ADMIN_DISABLED',
    'A request that needs the token of option admin.token, and none is configured.',
    'Set admin.token, and start again.',
  ),
  fixInput(
    'MR_ADMIN_REQUEST',
    'The body of a request under /admin is malformed.',
    'Send what the hint shows.',
  ),
  fixInput(
    'MR_ADMIN_TOKEN',
    'A request that needs the token of option admin.token has none, or a wrong one.',
    'Send the one of option admin.token as a bearer token.',
  ),
  retry(
    'MR_NOTIFICATION_UNDELIVERED',
    'The receiver of notifications does not answer, or fails.',
    'It is tried again by itself; see that the receiver runs.',
  ),
  fixInput(
    'MR_NOTIFICATION_REFUSED',
    'The receiver of notifications refuses one; it is in the dead letters.',
    'Correct the options of section notifications.',
  ),
  giveUp(
    'MR_VERSION_CORRUPT',
    'A file of a version is not what its manifest says.',
    'Train again, or restore the directory; the version in service stays.',
  ),
  fixInput(
    'MR_VERSION_FILE',
    'A file of a version has a name that could lead out of its directory.',
    'Name it with letters, digits, dots, hyphens and underscores.',
  ),
  fixInput(
    'MR_VERSION_IN_FORCE',
    'The version is in force, or what a rollback returns to.',
    'Promote another one first.',
  ),
  fixConfiguration(
    'MR_VERSION_MISSING',
    'The directory of a version is not there.',
    'Copy it from the data directory that trained it: a running start loads it by itself. Or train again.',
  ),
  retry(
    'MR_VERSION_NO_ANSWER',
    'Nobody has answered a command over versions in time; it is carried out later.',
    'See that the processors run, and look at `millrace versions`.',
  ),
  fixInput(
    'MR_VERSION_NO_PREVIOUS',
    'There is no version to roll back to.',
    'Promote another one with `millrace promote`.',
  ),
  fixInput(
    'MR_VERSION_NOT_IN_FORCE',
    'The version that was to be rolled back is not in force.',
    'Look at `millrace versions`: someone may have been quicker.',
  ),
  fixInput(
    'MR_VERSION_NOT_PROMOTABLE',
    'The version was rejected by the gates, or archived.',
    'Train a better one; what is archived stays so.',
  ),
  fixInput('MR_VERSION_UNKNOWN', 'There is no such version.', 'Give one that `millrace versions` lists.'),
];

const features: readonly ErrorDescription[] = [
  fixInput(
    'MR_EVALUATION_OUTCOMES',
    'Predictions and outcomes cannot be judged: of different length, none, of one class, or no probabilities.',
    'Evaluate on rows with both classes, with probabilities from 0 to 1.',
  ),
  giveUp(
    'MR_FEATURES_DECLARATION',
    'A version of a view is declared otherwise than when its rows were made.',
    'Raise the version of the view.',
  ),
  fixInput(
    'MR_FEATURES_ENTITY',
    'Features were asked for without naming whose.',
    'Name a user, items or both, as the view needs them.',
  ),
  fixInput(
    'MR_FEATURES_IN_USE',
    'A version of a view that is declared cannot be dropped.',
    'Take its module out of features.modules first.',
  ),
  fixInput(
    'MR_FEATURES_KEY',
    "A view of a module gives an event a key that is not its user's.",
    'Key a view of users by the user, and a crossed one by crossKey(event.user_id, ...).',
  ),
  fixConfiguration(
    'MR_FEATURES_MODULE',
    'A module of features.modules cannot be loaded, or declares no view, or one that is declared already.',
    'Export from it what defineView gives, under a name and version of its own.',
  ),
  fixInput(
    'MR_FEATURES_REQUEST',
    'A question for features is malformed, names an id that is none, or more than 1,000 items.',
    'Correct what the message names.',
  ),
  giveUp(
    'MR_FEATURES_STATE_MALFORMED',
    'The bytes of a view row are damaged.',
    'Rebuild the view from its source topic.',
  ),
  giveUp(
    'MR_FEATURES_STATE_VERSION',
    'A view row was written by another version of the view.',
    'Build the view again under a new generation.',
  ),
  fixConfiguration(
    'MR_FEATURES_TTL',
    'Option features.ttlMs names a view or a feature that there is not.',
    'Name view and feature as "millrace features show" does, joined by a dot.',
  ),
  fixInput(
    'MR_FEATURES_UNKNOWN_VIEW',
    'There is no feature view of this name.',
    'Name one that "millrace features" lists.',
  ),
];

const processors: readonly ErrorDescription[] = [
  fixInput(
    'MR_EVENT_FUTURE',
    'An event lies further in the future than admission allows.',
    'Correct the clock of its producer; admission.futureMs is the bound.',
  ),
  fixInput(
    'MR_EVENT_INVALID',
    'An event contradicts itself or its key.',
    'Correct its producer as the message says.',
  ),
  fixInput(
    'MR_EVENT_NOT_PSEUDONYM',
    'An event on the log names its user by no pseudonym, where privacy.userIds wants them: nobody would find the user.',
    'Let its producer ask POST /pseudonyms for the names, or post to /events.',
  ),
  fixInput(
    'MR_EVENT_TOO_LATE',
    'An event is so late that a repetition of it could not be recognised.',
    'Publish events sooner, or raise admission.dedupHorizonMs.',
  ),
  fixInput(
    'MR_EVENT_UNKNOWN_ITEM',
    'An event names an item that is not in the catalogue, and admission.unknownItem refuses it.',
    'Publish the item to `items` first, then the event under a new id; or accept unknown items.',
  ),
  fixInput(
    'MR_EVENT_UNKNOWN_USER',
    'An event is of a user without a profile, and admission.unknownUser refuses it.',
    'Publish the user to `users` first, then the event under a new id; or accept unknown users.',
  ),
];

const simulator: readonly ErrorDescription[] = [
  fixInput(
    'MR_IMPORT_NOT_MOVIELENS',
    'A directory does not hold MovieLens 100K.',
    'Point to the one with u.data, u.item and u.user.',
  ),
  fixConfiguration(
    'MR_SIMULATOR_EVENTS',
    'A world was asked for an impossible number of events.',
    'Give a whole number.',
  ),
  fixConfiguration(
    'MR_SIMULATOR_RATE',
    'The rate of live events is no rate.',
    'Give a number greater than 0, or start no live agents.',
  ),
  fixConfiguration('MR_SIMULATOR_WORLD', 'The parameters make no world.', 'Change what the message names.'),
];

const operations: readonly ErrorDescription[] = [
  fixConfiguration(
    'MR_COPY_EXPIRES',
    'A record to be copied is older than the target keeps the records of its topic.',
    'Give the address of the target ?retention=none, on a prefix of its own.',
  ),
  fixConfiguration(
    'MR_COPY_TARGET_OCCUPIED',
    'A topic of the target holds records that are not of this copy.',
    'Copy to a log without that topic.',
  ),
  giveUp(
    'MR_PROCESSING_FAILED',
    'The thread that runs the processors has ended.',
    'Start again: processing goes on from the last commit; the message names what ended it.',
  ),
];

const cli: readonly ErrorDescription[] = [
  fixInput(
    'MR_USAGE',
    'A command line cannot be understood.',
    'See millrace --help, and --help after a command.',
  ),
  giveUp(
    'MR_UNEXPECTED',
    'An error that has no code of its own.',
    'Run the command again with --log-level debug, and report what it shows.',
  ),
  fixConfiguration(
    'MR_DATA_EMPTY',
    'The data directory holds no log yet.',
    'Run millrace start or millrace import first, or name another directory with --data.',
  ),
  giveUp(
    'MR_DATA_CORRUPT',
    'A small file of the data directory is damaged.',
    'Restore it from a copy, or begin anew in another directory.',
  ),
  fixConfiguration(
    'MR_IMPORT_EXPIRES',
    'A data set is older than the brokers keep records: they would delete it as it is written.',
    'Give the address of the log ?retention=none, on a prefix of its own.',
  ),
  fixInput(
    'MR_IMPORT_MALFORMED',
    'A row of an import cannot be read; it is in the dead letters with its file and line.',
    'Correct the row and import the data set again.',
  ),
  fixInput(
    'MR_IMPORT_TOO_OLD',
    'A data set ends before the events that the log holds, so they would all be too late.',
    'Import into a data directory of its own with --data.',
  ),
  retry(
    'MR_SERVER_STARTING',
    'A start is at work and does not serve yet.',
    'Ask again when it has printed its address.',
  ),
  retry(
    'MR_SERVER_UNREACHABLE',
    'The running server does not answer as it should.',
    'Try again in a moment.',
  ),
  giveUp(
    'MR_TRAINING_FAILED',
    'The running start could not carry out a train command.',
    'Read the dead letter that the hint names.',
  ),
];

const offline: readonly ErrorDescription[] = [
  giveUp(
    'MR_OFFLINE_FILE_CORRUPT',
    'A file of the archive is not the one that was written: truncated, altered or damaged.',
    'Bring it back from a backup; the message names it.',
  ),
  giveUp(
    'MR_OFFLINE_FILE_MISSING',
    'A file of the archive is not there.',
    'Bring it back from a backup; the message names it.',
  ),
  giveUp(
    'MR_OFFLINE_HISTORY_INCOMPLETE',
    'The history of a view would have to begin with events that the archive has dropped.',
    'Keep the version of the view that was computed before, or bring the events back.',
  ),
  giveUp(
    'MR_OFFLINE_INCOMPLETE',
    'Archived records were asked for that are not archived yet, or were dropped at the end of their retention.',
    'Ask for less, or let the archive catch up.',
  ),
  fixInput(
    'MR_OFFLINE_QUERY',
    'An SQL query is not one SELECT, has an error, or asks for what a query may not do.',
    'Correct what the message names.',
  ),
  giveUp(
    'MR_OFFLINE_TYPE',
    'The schema of an archived topic has a type that has no column in Parquet.',
    'Use records, enums, arrays, primitive types, and unions of one of them with null.',
  ),
];

const trainer: readonly ErrorDescription[] = [
  giveUp(
    'MR_SNAPSHOT_CORRUPT',
    'A file of a snapshot is not what its manifest says.',
    'Take another snapshot; the log still has the examples.',
  ),
  retry('MR_SNAPSHOT_EMPTY', 'There are no examples to train on.', 'Import or publish events first.'),
  giveUp(
    'MR_SNAPSHOT_FAILED',
    'The running start could not take the snapshot that was asked for.',
    'Read the dead letter: "millrace events tail dead-letters".',
  ),
  fixInput(
    'MR_SNAPSHOT_SUSPECT',
    'A column of the snapshot is broken, or has moved far from what it was.',
    'Look at "millrace snapshot --last"; where the change is meant, run "millrace train --force".',
  ),
  retry(
    'MR_SNAPSHOT_WITHDRAWN',
    'A user in a snapshot was erased while it was taken or trained on.',
    'Ask again: the next snapshot is without them.',
  ),
  giveUp(
    'MR_RUN_ABANDONED',
    'A run was begun again and again and never came to its end.',
    'Look at what ends the process, memory most of all; then train again.',
  ),
  fixInput(
    'MR_RUN_AMBIGUOUS',
    'The beginning of a run’s id fits several runs.',
    'Write more of it: see "millrace runs".',
  ),
  giveUp(
    'MR_RUN_CANCELLED',
    'A run was cancelled.',
    'Nothing was published; train again where that is wanted.',
  ),
  giveUp(
    'MR_RUN_DEADLINE',
    'A run was not done in time.',
    'Raise training.deadlineMinutes, or train with fewer epochs.',
  ),
  fixInput(
    'MR_RUN_OVER',
    'A run that is to be cancelled is over.',
    'Look at what came of it: "millrace runs show ID".',
  ),
  giveUp(
    'MR_RUN_OVERLAP',
    'A run was due while another one was at work.',
    'Train less often, or say otherwise with training.overlap.',
  ),
  fixInput('MR_RUN_REQUEST', 'What a run was asked to be cannot be read.', 'Correct what the message names.'),
  fixInput('MR_RUN_UNKNOWN', 'There is no run of that id.', 'See "millrace runs".'),
  fixInput(
    'MR_SEARCH_SPACE',
    'The space of a search cannot be read.',
    'Correct what the message names: see "millrace runs search --help".',
  ),
  fixInput(
    'MR_SNAPSHOT_RETIRED',
    'The snapshot that a run needs is not there any more.',
    'Train on a new one: "millrace train".',
  ),
  fixInput(
    'MR_TRAINING_FEATURES',
    'A snapshot has other features than answers are made from, or lacks some.',
    'Take a new snapshot: "millrace train".',
  ),
  fixInput(
    'MR_TRAINING_NOTHING_HELD_OUT',
    'Nothing in the snapshot would say how good a model is.',
    'Wait for further events, or raise the share that is held out.',
  ),
  fixInput(
    'MR_TRAINING_NOTHING_NEW',
    'A refresh has no examples that were not learned before.',
    'Wait for further events, or train from scratch.',
  ),
  fixInput(
    'MR_TRAINING_NOT_FINITE',
    'A number that is learned from is not finite.',
    'Correct what computes it, and take a new snapshot.',
  ),
  fixInput(
    'MR_TRAINING_NO_BASE',
    'The version that a training is to begin with is not there.',
    'Train from scratch: "millrace train".',
  ),
  giveUp(
    'MR_TRAINING_NO_WEIGHTS',
    'A version was written without the weights that a refresh begins with.',
    'Train from scratch once: "millrace train".',
  ),
  fixInput(
    'MR_TRAINING_ONE_CLASS',
    'All examples are of one item: there is nothing to tell apart.',
    'Import or publish events on several items.',
  ),
  giveUp(
    'MR_TRAINING_MODEL',
    'The code of a model has thrown: one of a module of yours, or one of ours by a bug.',
    'Mend the model where the stack in the log points.',
  ),
  giveUp(
    'MR_TRAINING_OUT_OF_MEMORY',
    'A training needs more memory than there is.',
    'Lower training.dimension, train on fewer examples, or give it more memory.',
  ),
  retry(
    'MR_TRAINING_PROVIDER',
    'The runtime of the model has failed in the midst of a training.',
    'It is tried again from the last checkpoint; if it goes on, use another provider.',
  ),
  fixConfiguration(
    'MR_TRAINING_SCHEDULE',
    'A schedule cannot be read.',
    'Write five fields of cron, such as "0 3 * * *", or "off".',
  ),
  giveUp(
    'MR_TRAINING_THREAD',
    'The thread of a training has ended by itself.',
    'Look at what the system says of the process; train again.',
  ),
  giveUp(
    'MR_TRAINER_STOPPED',
    'The trainer was stopped before it had finished.',
    'Start it again; it goes on from the snapshot.',
  ),
];

const gateway: readonly ErrorDescription[] = [
  retry(
    'MR_EVENTS_LAG',
    'More events wait to be processed than may; none are taken until fewer do (429).',
    'Send them again later with the same event_id, or raise gateway.maxLag.',
  ),
  retry(
    'MR_EVENTS_UNWRITTEN',
    'The log has not acknowledged the events in time, or too many wait for it already.',
    'Send them again with the same event_id: what the log has already counts once.',
  ),
  fixInput('MR_EVENT_BATCH', 'A request carries no events, or too many.', 'Send 1 to 1,000 events at once.'),
  fixInput(
    'MR_EVENT_MALFORMED',
    'An event has a field that is unknown, missing or of the wrong type.',
    'Correct the field that the reason names.',
  ),
  retry(
    'MR_EVENT_USER_PENDING',
    'So many events of one user wait to be processed that no more are taken (429).',
    'Send them again in a moment; admission.userPendingEvents is the bound.',
  ),
];

const responders: readonly ErrorDescription[] = [
  giveUp(
    'MR_INFERENCE_ENDED',
    'The thread of a model that answers are made with has ended.',
    'The version is loaded again by itself; report what the log says.',
  ),
  fixInput(
    'MR_RECOMMEND_CONTEXT',
    'The device that an answer is asked for is none that events can carry, or another part of the context is no text.',
    'Give device, country and language as events carry them, or leave them out.',
  ),
  fixInput(
    'MR_RECOMMEND_K',
    'More or fewer items were asked for than an answer can have.',
    'Ask for 1 to 100.',
  ),
  fixInput(
    'MR_RECOMMEND_REQUEST',
    'A request id is empty, too long, or holds control characters.',
    'Leave it out to have one made.',
  ),
  fixInput(
    'MR_SIMILAR_ITEM',
    'Items like one that the catalogue does not have were requested.',
    'Ask for an item that topic items has.',
  ),
  fixInput(
    'MR_SIMILAR_MODEL',
    'The version in use is of a model that does not say which items are alike.',
    'Train and promote a model that does: docs/MODELS.md lists them.',
  ),
  fixConfiguration(
    'MR_REDIS_REFUSED',
    'Redis refuses the password, the database or a command, or may drop rows.',
    'Correct the address of the views or the settings of Redis that the message names.',
  ),
  retry(
    'MR_REDIS_UNAVAILABLE',
    'Redis does not answer, or takes nothing at the moment.',
    'Try again; nothing is lost, the views are rebuilt from the log where they must be.',
  ),
  fixConfiguration(
    'MR_REDIS_URL',
    'The address of Redis is not one.',
    'Write redis://HOST:PORT/DATABASE, or rediss:// for TLS.',
  ),
  retry('MR_RESPONDER_CLOSED', 'The responder is closing.', 'Ask another one.'),
  retry(
    'MR_VIEWS_CHANGED',
    'The rows that a writer of views writes to were sealed, are gone or are older than it left them.',
    'Nothing: the writer goes on from what Redis holds, or builds them anew.',
  ),
  fixConfiguration(
    'MR_VIEWS_FOREIGN',
    'The namespace of the views in Redis belongs to another log.',
    'Leave ?namespace= out of the option views, or name another one.',
  ),
  retry(
    'MR_VIEWS_NOT_BUILT',
    'The views in Redis are not there, or not all of them.',
    'Wait until a writer has built them from the log.',
  ),
  fixInput(
    'MR_VIEWS_ROW_DAMAGED',
    'A value in Redis is no row of a view; it is counted and left out.',
    'Find out who else writes below the namespace of the views; rebuild them.',
  ),
];

export const errorCatalogue: readonly ErrorDescription[] = [
  ...platform,
  ...schemas,
  ...log,
  ...engine,
  ...privacy,
  ...models,
  ...features,
  ...processors,
  ...simulator,
  ...offline,
  ...trainer,
  ...gateway,
  ...responders,
  ...operations,
  ...cli,
];
