/**
 * Yoochoose (RecSys Challenge 2015) and click logs of its form, without header lines. Clicks: session, ISO time, item,
 * category ("S" special offer, "0" not known, 1 to 12 a category, longer ones a brand). Purchases: session, ISO time, item,
 * price, quantity. A session is all that is known of a user.
 */
import { eventOf, itemOf } from '../events.ts';
import type { FileFormat, OpenedSource, RowReader, RowSink, Source } from '../source.ts';
import { decimal, idProblem, isoTime, quoted, wholeNumber } from '../values.ts';

type Fields = readonly string[];

const UNKNOWN = '0';
const SPECIAL = 'S';

export const yoochoose: Source = {
  name: 'yoochoose',
  does: 'Import click logs of the form session,time,item,category, and purchases session,time,item,price,quantity.',
  expected:
    'Expected yoochoose-clicks.dat and yoochoose-buys.dat, or other .dat, .csv or .txt files of that form: those with ' +
    '"buy" in their names hold purchases, those with "click" clicks; each plain or gzipped.',
  examples: [
    ['millrace import yoochoose yoochoose-data --data .yoochoose', 'a folder with clicks and purchases'],
    ['zcat clicks-*.gz | millrace import yoochoose -', 'clicks from standard input'],
  ],
  isMapped: false,
  stdinName: 'clicks.dat',
  open,
};

function open(): OpenedSource {
  const categories = new Categories();
  const clicks = { format: format(clickReader(categories)), namesUsers: true };
  const finish = (sink: RowSink) => categories.give(sink);
  return {
    readingOf: (name, isChosen) => {
      if (!/\.(dat|csv|txt)$/i.test(name) && !isChosen) return undefined;
      if (/buy/i.test(name)) return { format: format(purchaseReader(categories)), namesUsers: true, finish };
      return isChosen || /click/i.test(name) ? { ...clicks, finish } : undefined;
    },
    missing: (names) => (names.length === 0 ? 'there is no file of clicks or purchases' : undefined),
    identity: 'yoochoose',
  };
}

function format(read: RowReader<Fields>): FileFormat {
  return {
    rows: 'delimited',
    delimiter: ',',
    isQuoted: false,
    mayBeLatin1: false,
    open: () => ({ isHeader: false, read }),
  };
}

function clickReader(categories: Categories): RowReader<Fields> {
  return (fields, sink) => {
    if (fields.length !== 4) return `${fields.length} fields instead of 4`;
    const [session = '', time = '', item = '', category = ''] = fields;
    const ts = isoTime(time);
    if (ts === undefined) return `time ${quoted(time)} is not ISO 8601`;
    const problem =
      idProblem('session', session) ?? idProblem('item', item) ?? idProblem('category', category);
    if (problem !== undefined) return problem;
    categories.add(item, category);
    sink.event(eventOf({ user_id: session, item_id: item, kind: 'click', session_id: session, ts }));
    return undefined;
  };
}

function purchaseReader(categories: Categories): RowReader<Fields> {
  return (fields, sink) => {
    if (fields.length !== 5) return `${fields.length} fields instead of 5`;
    const [session = '', time = '', item = '', price = '', quantity = ''] = fields;
    const ts = isoTime(time);
    if (ts === undefined) return `time ${quoted(time)} is not ISO 8601`;
    const problem = idProblem('session', session) ?? idProblem('item', item);
    if (problem !== undefined) return problem;
    const each = decimal(price);
    if (each === undefined || each < 0) return `price ${quoted(price)} is not a number`;
    const pieces = wholeNumber(quantity);
    if (pieces === undefined) return `quantity ${quoted(quantity)} is not a whole number`;
    categories.add(item, UNKNOWN);
    sink.event(
      eventOf({
        user_id: session,
        item_id: item,
        kind: 'purchase',
        value: each * pieces,
        session_id: session,
        ts,
      }),
    );
    return undefined;
  };
}

/** The catalogue that clicks tell of; holds every item, some ten thousand. The first category that says something counts. */
class Categories {
  readonly #byItem = new Map<string, string>();
  #given = false;

  add(item: string, category: string): void {
    const known = this.#byItem.get(item);
    if (known === undefined || (saysNothing(known) && !saysNothing(category)))
      this.#byItem.set(item, category);
  }

  give(sink: RowSink): void {
    if (this.#given) return;
    this.#given = true;
    for (const [item, category] of this.#byItem) {
      const tags = saysNothing(category) ? [] : [category];
      sink.item(itemOf({ item_id: item, type: 'product', title: `Item ${item}`, tags }));
    }
  }
}

function saysNothing(category: string): boolean {
  return category === UNKNOWN || category === SPECIAL;
}
