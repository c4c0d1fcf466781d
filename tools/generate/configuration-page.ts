import type { ConfigurationOption } from '#platform';

/** docs/CONFIGURATION.md. */
export function configurationPage(options: readonly ConfigurationOption[]): string {
  const rows = options.map(({ path, variable, default: value, description, isSecret, isRenewed }) => {
    const shown =
      value === undefined ? '' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
    return `| \`${path}\` | \`${variable}\` | ${shown} | ${description}${isSecret ? ` ${secretNote(isRenewed)}` : ''} |`;
  });
  return `<!-- Generated from each room's options.ts by \`npm run generate\`; not to be edited. -->
# Configuration

Millrace reads, each over the one before: the defaults below, \`millrace.config.json\` in the working directory
(or the file named with \`--config\`), the file of the profile, environment variables, flags of the command. An option that
does not exist and a value that does not fit are refused with the place they came from. \`millrace config show --origins\` lists every
value and where it comes from; \`millrace config check\` checks them as a start does.

Profiles are \`dev\`, \`staging\` and \`prod\`, chosen by \`--profile\`, \`MILLRACE_PROFILE\` or option \`profile\`. The file of
profile \`prod\` is \`millrace.config.prod.json\` (\`other.prod.json\` for \`--config other.json\`), if it exists; it holds what
differs. [SECURITY.md](SECURITY.md#profile-prod) lists what a start with profile \`prod\` refuses.

A *secret* is shown nowhere. Its value may be a reference, \`file:PATH\`, \`env:NAME\` or \`exec:COMMAND\`:
[SECURITY.md](SECURITY.md#secrets).

\`\`\`json
{ "data": ".millrace", "http": { "port": 8080 }, "simulation": { "users": 500 } }
\`\`\`

| option | variable | default | meaning |
|---|---|---|---|
${rows.join('\n')}
`;
}

const secretNote = (isRenewed: boolean) =>
  isRenewed ? '*Secret*; SIGHUP renews it.' : '*Secret*; a new one takes a restart.';
