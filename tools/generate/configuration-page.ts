import type { ConfigurationOption } from '#platform';

/** docs/CONFIGURATION.md. */
export function configurationPage(options: readonly ConfigurationOption[]): string {
  const rows = options.map(({ path, variable, default: value, description }) => {
    const shown =
      value === undefined ? '' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
    return `| \`${path}\` | \`${variable}\` | ${shown} | ${description} |`;
  });
  return `<!-- Generated from each room's options.ts by \`npm run generate\`; not to be edited. -->
# Configuration

Millrace reads, each over the one before: the defaults below, \`millrace.config.json\` in the working directory
(or the file named with \`--config\`), environment variables, flags of the command. An option that does not
exist and a value that does not fit are refused with the place they came from.

\`\`\`json
{ "data": ".millrace", "http": { "port": 8080 }, "simulation": { "users": 500 } }
\`\`\`

| option | variable | default | meaning |
|---|---|---|---|
${rows.join('\n')}
`;
}
