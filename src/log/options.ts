/** The options of the log and of the schema registry. */
import { address, credentials, option } from '#platform/configuration';

export const LOG_OPTIONS = {
  log: option(address('embedded', 'kafka'))`
    The log: \`embedded\` in the data directory, or brokers as \`kafka://host:9092[,host2:9092]\`; docs/SERVERS.md lists
    its parameters.`,
  registry: option(address('embedded', 'http', 'https'))`
    The schema registry: \`embedded\` in the log, or one with Confluent’s API as \`http(s)://host/path\`; docs/SERVERS.md
    lists its parameters.`,
  kafka: credentials('the brokers'),
  schemaRegistry: credentials('the schema registry'),
};
