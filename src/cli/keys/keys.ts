/** `millrace keys`: API keys of services. */
import { Command } from 'commander';
import { createApiKey, grantOf, type ListedApiKey, listApiKeys, revokeApiKey } from '#access';
import { systemClock } from '#platform';
import { withLog } from '#service';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { moment, notice } from '../output.ts';

type Granting = { readonly role?: string; readonly rights?: string };

export function keysCommand(command: Command): Command {
  return defineCommand({
    command,
    examples: [
      ['millrace keys', 'all keys, with what they may do'],
      ['millrace keys create shop --role service', 'prints a new key, once'],
      ['millrace keys create prometheus --rights observe', 'may read metrics and nothing else'],
      ['millrace keys revoke shop', 'the key of that name is refused from now on'],
    ],
    notes: `
A service sends its key as a bearer token. The log has hashes alone: a key that is lost cannot be shown again. Every
process on the log learns of changes within seconds. docs/SECURITY.md lists roles and rights.`,
    run: listKeys,
  })
    .enablePositionalOptions()
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(revokeCommand());
}

function listCommand(): Command {
  return defineCommand({
    command: new Command('list').description('List the keys, revoked ones included.'),
    examples: [['millrace keys list --json', 'one JSON object per line']],
    run: listKeys,
  });
}

function createCommand(): Command {
  return defineCommand<Granting>({
    command: new Command('create')
      .description('Create an API key and print it.')
      .argument('<name>', 'whose key it is')
      .option('--role <role>', 'service, or admin')
      .option('--rights <rights>', 'individual rights, separated by commas'),
    examples: [
      ['millrace keys create shop --role service', 'recommendations, features, and publishing events'],
      ['millrace keys create ci --rights promote,train', 'only these two'],
    ],
    run: (invocation, [name = '']) => createKey(invocation, name),
  });
}

function revokeCommand(): Command {
  return defineCommand({
    command: new Command('revoke')
      .description('Revoke a key.')
      .argument('<name>', 'the name that it was created with'),
    examples: [['millrace keys revoke shop', 'its next request is answered with 401']],
    run: async ({ configuration, output }, [name = '']) =>
      withLog(configuration, async ({ log, keys: topic }) => {
        await revokeApiKey({ log, topic, clock: systemClock }, name);
        if (output.json) output.value({ name, revoked: true });
        else output.line(`The key ${name} is revoked.`);
        return EXIT.done;
      }),
  });
}

async function createKey(
  { configuration, options, output }: Invocation<Granting>,
  name: string,
): Promise<number> {
  const { role, rights = '' } = options;
  const named = rights.split(',').map((right) => right.trim());
  const granted = [role ?? '', ...named].filter((grant) => grant !== '').map(grantOf);
  if (granted.length === 0) {
    throw usageError(
      'The key would have no right.',
      'Add --role service, or --rights with a list of rights.',
    );
  }
  if (granted.includes('user')) {
    throw usageError('Users have tokens of their own, not keys.', 'Use --role service or --role admin.');
  }
  return withLog(configuration, async ({ log, keys: topic }) => {
    const key = await createApiKey({ log, topic, clock: systemClock }, { name, granted });
    if (output.json) output.value({ name, grants: granted, key });
    else output.line(key);
    notice(output, 'Keep it: it cannot be shown again. It is sent as "authorization: Bearer KEY".');
    return EXIT.done;
  });
}

async function listKeys({ configuration, output }: Invocation<object>): Promise<number> {
  return withLog(configuration, async ({ log, keys: topic }) => {
    const keys = await listApiKeys({ log, topic });
    if (!output.json && keys.length === 0)
      output.line('No key yet: "millrace keys create NAME --role service".');
    else output.list(keys, ['name', 'may', 'created', 'revoked'], row);
    return EXIT.done;
  });
}

function row({ name, grants, created_ts, revoked_ts }: ListedApiKey): readonly string[] {
  return [name, grants.join(', '), moment(created_ts), revoked_ts === null ? '' : moment(revoked_ts)];
}
