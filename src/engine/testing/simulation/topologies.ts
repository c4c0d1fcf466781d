import { chainedJoinsTopology } from './topologies/chained-joins.ts';
import { chainedTablesTopology } from './topologies/chained-tables.ts';
import { chainedWindowsTopology } from './topologies/chained-windows.ts';
import { enrichedViewsTopology } from './topologies/enriched-views.ts';
import { globalLookupsTopology } from './topologies/global-lookups.ts';
import { ledgerTopology } from './topologies/ledger.ts';
import { noticesTopology } from './topologies/notices.ts';
import { pastPricesTopology } from './topologies/past-prices.ts';
import { pointInTimeTopology } from './topologies/point-in-time.ts';
import { streamJoinsTopology } from './topologies/stream-joins.ts';
import { tableJoinsTopology } from './topologies/table-joins.ts';
import { userRowsTopology } from './topologies/user-rows.ts';
import { windowedCountsTopology } from './topologies/windowed-counts.ts';
import { windowsTopology } from './topologies/windows.ts';
import type { TopologyUnderTest } from './topology-under-test.ts';

/** What the simulation runs, in turn. */
export const TOPOLOGIES: readonly TopologyUnderTest[] = [
  ledgerTopology,
  windowedCountsTopology,
  enrichedViewsTopology,
  pointInTimeTopology,
  userRowsTopology,
  streamJoinsTopology,
  tableJoinsTopology,
  windowsTopology,
  pastPricesTopology,
  noticesTopology,
  globalLookupsTopology,
  chainedWindowsTopology,
  chainedJoinsTopology,
  chainedTablesTopology,
];
