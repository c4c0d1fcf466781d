import { InputError } from '#platform';
import type { SimilarItems } from './recommendation.ts';
import type { VersionsFollower } from './versions/versions-follower.ts';
import { itemIdOf, knownItem } from './view-store/item-numbers.ts';
import type { ViewStore } from './view-store/port.ts';

type Parts = { readonly views: ViewStore; readonly versions: VersionsFollower };

/** By the version in use. Errors: InputError MR_SIMILAR_MODEL, MR_SIMILAR_ITEM. */
export function similarItems({ views, versions }: Parts, itemId: string, k: number): SimilarItems {
  const asked = knownItem(itemId);
  if (asked === undefined || views.facts.classOf(asked) === undefined) {
    throw new InputError('MR_SIMILAR_ITEM', `The catalogue has no item ${itemId}.`, {
      hint: 'Request an item that is on topic items.',
    });
  }
  const version = versions.acquireSimilar() ?? versions.acquire();
  try {
    const found = version?.similar(asked, k);
    if (version === undefined || found === undefined) throw saysNothingOfItems();
    const items = found.map(({ item, score }) => {
      return { item_id: itemIdOf(item), title: views.title(item), score };
    });
    return { item_id: itemId, version: version.id, k, items };
  } finally {
    version?.release();
  }
}

function saysNothingOfItems(): InputError {
  return new InputError(
    'MR_SIMILAR_MODEL',
    'The model of the version in use does not provide similar items.',
    { hint: 'docs/MODELS.md lists the models that do: train and promote one of them.' },
  );
}
