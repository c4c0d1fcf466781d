import type { ConnectionOptions as TlsOptions } from 'node:tls';
import {
  ConfigurationError,
  type Credentials,
  credentialsOf,
  readAuthorities,
  refuseOtherParameters,
} from '#platform';
import type { WrittenCompression } from '../records/compression.ts';

const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
const compressions: readonly WrittenCompression[] = ['none', 'lz4', 'zstd'];
const retentions = ['topic', 'none'] as const;
const parameters = ['prefix', 'client', 'tls', 'ca', 'sasl', 'replication', 'compression', 'retention'];
const DEFAULT_PORT = 9092;

export type SaslMechanism = (typeof mechanisms)[number];
export type Address = { readonly host: string; readonly port: number };

export type KafkaOptions = {
  /** Brokers to ask for the others. */
  readonly brokers: readonly Address[];
  readonly clientId: string;
  /** Stands before the names of topics, groups and transactional ids, so that several installations share a cluster. */
  readonly prefix: string;
  /** Present: connections are encrypted, and the broker's certificate is checked. */
  readonly tls?: TlsOptions;
  readonly sasl?: { readonly mechanism: SaslMechanism; readonly username: string; readonly password: string };
  /** Replicas of the topics created; -1: as many as the brokers give by default. */
  readonly replication: number;
  readonly compression: WrittenCompression;
  /**
   * The brokers measure a record's age by their own clock. 'none' creates topics that keep records for ever, for a history
   * whose event times are long past; 'topic' gives each topic the retention that it asks for.
   */
  readonly retention: 'topic' | 'none';
};

/**
 * Reads `kafka://[user:password@]host[:port][,host[:port]...][?parameter=value...]`: prefix, client (the client id),
 * tls=true, ca (a file of certificates, PEM), sasl (a mechanism), replication, compression and retention. Errors:
 * MR_KAFKA_URL, whose text shows no password.
 */
export function parseKafkaUrl(url: string, secrets: Credentials = {}): KafkaOptions {
  const match = /^kafka:\/\/(?:([^:@/?]*)(?::([^@/?]*))?@)?([^/?@]+)\/?(?:\?(.*))?$/.exec(url);
  if (match === null) throw wrongUrl('it is no kafka:// URL');
  const [, user = '', password = '', hosts = '', query = ''] = match;
  const given = new URLSearchParams(query);
  refuseOtherParameters(given, parameters, wrongUrl);
  const flag = given.get('tls') ?? String(given.has('ca'));
  if (flag !== 'true' && flag !== 'false') throw wrongUrl(`tls is ${flag}, neither true nor false`);
  const ca = given.get('ca');
  const replication = Number(given.get('replication') ?? -1);
  if (!Number.isInteger(replication) || replication === 0 || replication < -1) {
    throw wrongUrl(`replication is ${given.get('replication')}, which is no number of replicas`);
  }
  const sasl = credentials(given.get('sasl'), credentialsOf({ username: user, password }, secrets, wrongUrl));
  return {
    brokers: hosts.split(',').map(address),
    clientId: given.get('client') ?? 'millrace',
    prefix: prefixOf(given.get('prefix') ?? ''),
    ...(flag === 'true' && { tls: ca === null ? {} : { ca: readAuthorities(ca, wrongUrl) } }),
    ...(sasl !== undefined && { sasl }),
    replication,
    compression: oneOf('compression', compressions, given.get('compression') ?? 'none'),
    retention: oneOf('retention', retentions, given.get('retention') ?? 'topic'),
  };
}

function address(text: string): Address {
  const match = /^(\[[0-9a-fA-F:]+\]|[^:]+)(?::(\d+))?$/.exec(text);
  const port = Number(match?.[2] ?? DEFAULT_PORT);
  if (match === null || port < 1 || port > 65_535) throw wrongUrl(`${text} is no address of a broker`);
  return { host: (match[1] ?? '').replace(/^\[|\]$/g, ''), port };
}

function prefixOf(prefix: string): string {
  if (/^[a-zA-Z0-9._-]{0,100}$/.test(prefix)) return prefix;
  throw wrongUrl(`${prefix} can't stand before the name of a topic`);
}

function credentials(
  mechanism: string | null,
  { username = '', password = '' }: Credentials,
): KafkaOptions['sasl'] {
  if (mechanism === null && username === '') return undefined;
  if (username === '' || password === '') throw wrongUrl('sasl needs a user and a password');
  return { mechanism: oneOf('sasl', mechanisms, mechanism ?? 'SCRAM-SHA-512'), username, password };
}

function oneOf<T extends string>(name: string, choices: readonly T[], given: string): T {
  const found = choices.find((choice) => choice === given);
  if (found === undefined) throw wrongUrl(`${name} is ${given}; there is ${choices.join(', ')}`);
  return found;
}

function wrongUrl(reason: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError('MR_KAFKA_URL', `the address of Kafka is wrong: ${reason}`, {
    hint: 'write kafka://host:9092, with several brokers as kafka://a:9092,b:9092; docs/KAFKA.md lists the parameters',
    cause,
  });
}
