import { listGroupsV4 } from '@platformatic/kafka';
import type { Cluster } from '../wire/cluster.ts';
import { retrying } from '../wire/retry.ts';

const PURPOSE = 'groups';
/** Of Kafka's consumers; '' is that of a group which has only committed offsets. Connect has others. */
const PROTOCOLS = ['consumer', ''];

/** As Log.groups: each broker knows those that it coordinates. */
export async function listGroups(cluster: Cluster): Promise<readonly string[]> {
  await cluster.refresh([]);
  const { prefix } = cluster.options;
  const answers = await Promise.all(
    cluster.brokerIds.map((broker) =>
      retrying(
        cluster,
        async () => listGroupsV4.api.async(await cluster.connection(broker, PURPOSE), [], []),
        {
          what: `the groups of broker ${broker}`,
        },
      ),
    ),
  );
  const groups = answers
    .flatMap((each) => each.groups)
    .filter((each) => PROTOCOLS.includes(each.protocolType));
  return groups
    .map(({ groupId }) => groupId)
    .filter((id) => id.startsWith(prefix))
    .map((id) => id.slice(prefix.length));
}
