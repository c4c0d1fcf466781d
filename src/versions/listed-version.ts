import { isInForce, type RegisteredVersion, type RegistryView } from '#processors';

/** A version as lists show it, to programs. */
export function listedVersion(registry: RegistryView, each: RegisteredVersion) {
  const { version, status, ts, reason, actor, previous, candidate } = each.latest;
  const { metrics, popularity, decayed_popularity: decayedPopularity, ...rest } = candidate;
  return {
    ...rest,
    version,
    status,
    serving: isInForce(registry, each),
    ts,
    reason,
    actor,
    previous,
    model: metrics,
    popularity,
    decayedPopularity,
    kind: rest.model,
  };
}
