/** The options of where answers find the rows of users, and of how they choose and order items. */
import { address, count, credentials, option, text, type ValuesOf, whole, z } from '#platform/configuration';

const MOST_CANDIDATES = 500;
const MOST_PROMOTED = 100;

const share = () => z.number().min(0).max(1);

function haveOwnPlaces(promoted: readonly { readonly item: string; readonly position: number }[]): boolean {
  const differ = (values: readonly unknown[]) => new Set(values).size === values.length;
  return differ(promoted.map(({ item }) => item)) && differ(promoted.map(({ position }) => position));
}

export const RESPONDERS_OPTIONS = {
  views: option(address('in-process', 'redis', 'rediss'))`
    Where the rows of users are kept for answers: \`in-process\`, or \`redis://host:6379/database?namespace=NAME\`,
    \`rediss://\` for TLS.`,
  redis: credentials('Redis'),
  recommend: {
    deadlineMs: option(count().default(100))`
      Time for an answer, ms. What is not there by then is left out: the answer is made of the rest, and says so.`,
    concurrency: option(count().default(8))`
      Answers made at a time; others wait for their turn, as many as can be given in two fifths of their time. The rest is
      refused with 503. Answers made side by side go on together: with more of them, new requests are seen later.`,
    cacheMs: option(whole().default(1_000))`
      For how long an answer is repeated to equal requests of its user, ms; 0 for not at all. It ends when a row of the
      user changes.`,
    candidates: option(count().max(MOST_CANDIDATES).default(200))`
      Candidates that a ranker chooses from, from all sources together.`,
    objectives: option(z.record(text(), z.number()).default({}))`
      What a ranker that predicts several things weighs, such as \`{"click": 1, "conversion": 5, "revenue": 0.2}\` of dlrm: an
      item's score is the sum of what it is expected to bring of each. Versions of other models are refused then; without
      it, each ranks by what it was trained for.`,
    assumedAge: option(whole().default(18))`
      Years that users of unknown age are taken to have: items with a higher age limit are not shown to them.`,
    diversity: option(share().default(0))`
      Weight of items being unlike those shown before them, beside their own score (maximal marginal relevance);
      0 for the order of the scores.`,
    perCategory: option(count().optional())`
      Most items of one category in an answer, as long as there are others; any number without it.`,
    freshnessBoost: option(share().default(0))`
      What a brand-new item gains in the order, as a part of the range of the scores; 0 for nothing.`,
    freshnessHalfLifeDays: option(z.number().positive().default(7))`
      Days in the catalogue after which that gain is halved.`,
    explore: option(share().default(0))`
      Probability with which the last item of an answer that is not promoted is drawn from the twenty that follow the answer
      and itself; each item's probability is in the answer's event. 0 for never.`,
    candidatesLogged: option(share().default(0.1))`
      Share of the answers whose events on topic \`answers\` keep all candidates, with their sources and scores, and those that
      filters took out; chosen by the request id, on all responders alike.`,
    featuresLogged: option(z.enum(['rows', 'hashes']).default('rows'))`
      What answers' events keep of the features that the ranker scored each shown item by: \`rows\`, or \`hashes\` alone, by
      which features that are computed again can be compared.`,
    shadow: option(share().default(0))`
      Share of the requests that the newest staged version of each role scores as well, after they were answered; its scores
      go to topic \`shadow-scores\` and are never served. Chosen by the request id; 0 for none, and then no staged version is
      loaded.`,
    promoted: option(
      z
        .array(z.strictObject({ item: text(), position: count().max(100) }))
        .max(MOST_PROMOTED)
        .refine(haveOwnPlaces, 'has an item or a position twice')
        .default([]),
    )`
      Items with a position of their own in every answer that is long enough, such as \`[{"item": "i1", "position": 3}]\`,
      marked as promoted; not for users from whom a filter keeps them. One item has one position, and a position one item.`,
  },
};

/** How items are chosen and ordered. */
export type RecommendingOptions = ValuesOf<typeof RESPONDERS_OPTIONS>['recommend'];

export function recommendingDefaults(): RecommendingOptions {
  return z.object(RESPONDERS_OPTIONS.recommend).parse({});
}
