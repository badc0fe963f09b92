import type { Arrival, Truth, Version } from './truth.ts';
import type { Covered } from './windows.ts';

/** A first arrival with what is known of its row and its window. */
interface Placed {
  readonly arrival: Arrival;
  readonly row: Version;
  /** When its window was first tried; 0 where its call does not say. */
  readonly windowMs: number;
}

/**
 * The calls of a person arrive in the order of the query, window after window. Of two rows, the later one may only
 * come first where the earlier one was not yet to be seen when the later one was read, or was refused at first.
 */
export function checkOrder({ plan, versions }: Truth, windows: readonly Covered[]): string[] {
  const rows = new Map(versions.map((row) => [`${row.k}/${row.version}`, row]));
  // Where calls belong to several windows, all windows hold the same ones.
  const distinct = plan.byColumns ? windows.slice(0, 1) : windows;
  const placed = distinct.flatMap(({ arrivals, firstAttemptMs }) =>
    arrivals.flatMap((arrival): Placed[] => {
      const row = rows.get(`${arrival.k}/${arrival.version}`);
      return row === undefined ? [] : [{ arrival, row, windowMs: firstAttemptMs ?? 0 }];
    }),
  );
  const persons = Map.groupBy(placed, ({ row }) => row.person);
  return [...persons.values()].flatMap((calls) => {
    calls.sort((left, right) => left.arrival.place - right.arrival.place);
    const pair = outOfOrder(calls);
    if (pair === null) return [];
    const words = pair.map(
      ({ arrival, windowMs }) => `${JSON.stringify(arrival.call)} (window of ${windowMs})`,
    );
    return [`${plan.name}: out of order: ${words.join(' came before ')}`];
  });
}

/** The first pair of which the second ought to have come first. */
function outOfOrder(calls: readonly Placed[]): [Placed, Placed] | null {
  for (const [index, late] of calls.entries()) {
    for (let before = 0; before < index; before += 1) {
      const early = calls[before];
      if (early !== undefined && oughtToPrecede(late, early)) return [early, late];
    }
  }
  return null;
}

function oughtToPrecede(one: Placed, other: Placed): boolean {
  if (one.arrival.mayHaveBeenRefused) return false;
  if (one.windowMs !== other.windowMs) return one.windowMs < other.windowMs;
  const [first, second] = [one.row, other.row];
  const isBefore = first.at < second.at || (first.at === second.at && first.k < second.k);
  const wasSeen = first.surelyFromMs <= second.fromMs || first.fromMs === second.fromMs;
  return isBefore && wasSeen;
}
