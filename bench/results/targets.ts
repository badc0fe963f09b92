import type { Measured } from '../compete.ts';
import { copy } from '../contestants/copy.ts';
import type { Contestant } from '../contestants/contestant.ts';
import { posting } from '../contestants/posting.ts';
import { dlt } from '../contestants/python.ts';
import { rowcast } from '../contestants/rowcast.ts';
import { customerioSdk, segmentSdk } from '../contestants/sdks.ts';
import { narrow } from '../tables.ts';
import { line, shown, whole } from './cells.ts';
import { beyondWaitOf, engineOf, msOf, peakOf, rateOf, runsOf, usualPeakOf } from './runs.ts';

/** What Rowcast must reach, on two cores. */
interface Target {
  readonly what: string;
  /** A figure of each part, better where it is larger or smaller. */
  readonly parts: readonly Part[];
}

interface Part {
  readonly atLeast: number;
  readonly aim: number;
  readonly isBetter: 'larger' | 'smaller';
  readonly measured: number;
  readonly show: (value: number) => string;
}

const LARGE = narrow(1_000_000);
const LARGEST = narrow(10_000_000);

function targetsOf(measured: readonly Measured[]): readonly Target[] {
  const ours = (rows: number) => runsOf(measured, rowcast.name, narrow(rows));
  const [large, largest] = [ours(LARGE.rows), ours(LARGEST.rows)];
  const rate = rateOf(large);
  // At the same size: of fewer rows a start is a larger share, of a script as of Rowcast.
  const rateOfOther = ({ name }: Contestant) => rateOf(runsOf(measured, name, LARGE));
  const fastestSdk = Math.max(...[customerioSdk, segmentSdk].map(rateOfOther));
  const posted = msOf(runsOf(measured, posting.name, LARGE));
  const ratio = (value: number) => shown(value, 2);
  const times = (value: number) => `${shown(value, 1)} ×`;
  const seconds = (value: number) => `${shown(value, 2)} s`;
  const events = (value: number) => `${whole(value)} events`;
  const larger = (atLeast: number, aim: number, value: number, show: Part['show']): Part => ({
    ...{ atLeast, aim, measured: value, show },
    isBetter: 'larger',
  });
  const smaller = (atLeast: number, aim: number, value: number, show: Part['show']): Part => ({
    ...{ atLeast, aim, measured: value, show },
    isBetter: 'smaller',
  });
  const eventsOf = (runs: readonly Measured[]) => engineOf(runs, (figures) => figures.events);
  return [
    {
      what: '1,000,000 narrow rows, end to end, against `COPY` drained',
      parts: [larger(0.35, 0.5, rate / rateOfOther(copy), ratio)],
    },
    {
      what: 'against the faster of the scripts on the vendors’ SDKs',
      parts: [larger(10, 15, rate / fastestSdk, times)],
    },
    { what: 'against dlt', parts: [larger(4, 6, rate / rateOfOther(dlt), times)] },
    {
      what: 'delivery of staged chunks, against posting prepared batches',
      parts: [larger(0.8, 0.95, posted / engineOf(large, ({ deliverMs }) => deliverMs), ratio)],
    },
    {
      what: 'peak memory of the worker at 1,000,000 rows',
      parts: [smaller(350, 250, peakOf(large), (value) => `${whole(value)} MB`)],
    },
    {
      what: 'the same at 10,000,000, against 1,000,000',
      parts: [
        smaller(1.1, 1.02, usualPeakOf(largest) / usualPeakOf(large), (value) => `${shown(value, 2)} ×`),
      ],
    },
    {
      what: 'a run that finds nothing, beyond its wait for a full second',
      parts: [smaller(1, 0.3, beyondWaitOf(ours(0)), seconds), smaller(40, 30, eventsOf(ours(0)), events)],
    },
    {
      what: 'a run of 1,000 rows, likewise',
      parts: [
        smaller(1.5, 0.5, beyondWaitOf(ours(1_000)), seconds),
        smaller(60, 45, eventsOf(ours(1_000)), events),
      ],
    },
    { what: 'history of a 10,000,000-row run', parts: [smaller(4_000, 1_500, eventsOf(largest), events)] },
  ];
}

/** At a glance: what is asked, and what was measured. */
export function targetsText(measured: readonly Measured[]): string {
  const lines = targetsOf(measured).map(({ what, parts }) => {
    const all = (valueOf: (part: Part) => string) => parts.map(valueOf).join(', ');
    return line([
      what,
      all(({ show, atLeast }) => show(atLeast)),
      all(({ show, aim }) => show(aim)),
      ...(parts.every(({ measured: value }) => Number.isFinite(value))
        ? [all(({ show, measured: value }) => show(value)), all(reached)]
        : ['not measured', '']),
    ]);
  });
  return `## What it must reach

Medians of the tables below; of peak memory it is the most of any round, but for the ratio.

| | at least | aim | measured | |
| --- | --: | --: | --: | --- |
${lines.join('\n')}
`;
}

function reached({ measured, aim, atLeast, isBetter }: Part): string {
  const has = (value: number) => (isBetter === 'larger' ? measured >= value : measured <= value);
  return has(aim) ? 'aim' : has(atLeast) ? 'reached' : '**missed**';
}
