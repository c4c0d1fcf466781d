/** `millrace config`: what the options are, where they come from, and whether a start would take them. */
import { Command } from 'commander';
import { requireFitForProduction } from '#service';
import { explainConfiguration } from '#service/configuration';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';

type Showing = { readonly origins?: true };
type Explained = ReturnType<typeof explainConfiguration>[number];

const SHOW = 'millrace config show';

export function configCommand(command: Command): Command {
  return defineCommand({
    command,
    examples: [
      [SHOW, 'every option with its value'],
      ['millrace config check --profile prod', 'whether a start with this profile would take them'],
    ],
    notes: NOTES,
    run: async () => {
      throw usageError(
        'config does nothing by itself.',
        'Use "millrace config show" or "millrace config check".',
      );
    },
  })
    .enablePositionalOptions()
    .addCommand(showCommand())
    .addCommand(checkCommand());
}

const NOTES = `
Options come from the defaults, millrace.config.json, the file of the profile (millrace.config.prod.json), the
environment and the flags, each over the one before. docs/CONFIGURATION.md lists them; docs/SECURITY.md says how
secrets are kept out of all of these.`;

function showCommand(): Command {
  return defineCommand<Showing>({
    command: new Command('show')
      .description('Show the options with their values; secrets are left out.')
      .option('--origins', 'also where each value comes from'),
    examples: [
      [SHOW, 'every option with its value'],
      ['millrace config show --origins --profile prod', 'and where it comes from'],
      ['millrace config show --json | jq -r "select(.origin != \\"default\\") | .option"', 'what is set'],
    ],
    run: async ({ options, output, sources }) => {
      const explained = explainConfiguration(sources);
      const columns = ['option', 'value', ...(options.origins ? ['origin', 'where'] : [])];
      const cells = (each: Explained) => {
        const { kind, source } = each.origin;
        return [each.path, shown(each), ...(options.origins ? [kind, kind === 'default' ? '' : source] : [])];
      };
      output.list(explained, columns, cells, asJson);
      return EXIT.done;
    },
  });
}

function checkCommand(): Command {
  return defineCommand({
    command: new Command('check').description('Check the options as a start does, and read the secrets.'),
    examples: [['millrace config check --profile prod', 'exit code 0 where a start would take them, else 2']],
    notes: `
It opens no data directory and asks no server: a start may still refuse an address at which nobody answers, and one
that nobody could authenticate to.`,
    run: check,
  });
}

/** All else was checked when the command read its options. */
async function check({ configuration, output }: Invocation<object>): Promise<number> {
  requireFitForProduction(configuration);
  const { profile } = configuration;
  if (output.json) output.value({ ok: true, profile: profile ?? null });
  else
    output.line(
      `The configuration is sound${profile === undefined ? '' : `, and fit for profile ${profile}`}.`,
    );
  return EXIT.done;
}

function shown({ isSecret, isSet, reference, value }: Explained): string {
  if (!isSet) return '-';
  if (isSecret) return reference ?? '(secret)';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function asJson({ path, isSecret, isSet, reference, value, origin }: Explained) {
  const { kind, source } = origin;
  return {
    option: path,
    ...(isSecret ? { secret: true, set: isSet, reference: reference ?? null } : { value: value ?? null }),
    origin: kind,
    where: kind === 'default' ? null : source,
  };
}
