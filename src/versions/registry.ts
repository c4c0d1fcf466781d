import { InputError } from '#platform';
import type { RegisteredVersion, RegistryView } from '#processors';

const SHORTEST_PREFIX = 4;

/** The version that a name, or the beginning of one, stands for. InputError MR_VERSION_UNKNOWN for none, and for several. */
export function versionNamed({ versions }: RegistryView, name: string): RegisteredVersion {
  const fitting = versions.filter(({ version }) =>
    name.length < SHORTEST_PREFIX ? version === name : version.startsWith(name),
  );
  const exact = fitting.find(({ version }) => version === name) ?? fitting[0];
  if (exact !== undefined && (exact.version === name || fitting.length === 1)) return exact;
  const several = fitting.map(({ version }) => version).join(', ');
  throw new InputError(
    'MR_VERSION_UNKNOWN',
    exact === undefined ? `There is no version ${name}.` : `${name} may be ${several}.`,
    {
      hint: `Give a version that "millrace versions" lists, or at least ${SHORTEST_PREFIX} characters of it.`,
    },
  );
}
