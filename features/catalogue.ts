/** Every view of the product. The registry, SQL and the checks iterate over these lists. */

import type { AnyView } from './view.ts';
import { itemFeaturesView } from './views/item-features.ts';
import { itemProfileView } from './views/item-profile.ts';
import { userCategoryFeaturesView } from './views/user-category-features.ts';
import { userFeaturesView } from './views/user-features.ts';
import { userItemFeaturesView } from './views/user-item-features.ts';
import { userProfileView } from './views/user-profile.ts';

/** Aggregated from accepted events. */
export const featureViews: readonly AnyView[] = [
  userFeaturesView,
  itemFeaturesView,
  userCategoryFeaturesView,
  userItemFeaturesView,
];

/** The newest record of a topic. */
export const recordViews = [userProfileView, itemProfileView] as const;
