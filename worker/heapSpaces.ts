import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/*
 * To be imported before anything else is loaded. On a machine with much memory V8 gives young objects up to 128 MB,
 * which it fills before it collects them, and never gives back while there is work. In an eighth of that a run takes
 * no more time. How far the space may grow is fixed when a process starts, but not by how much at a time.
 *
 * Old objects are collected once the space for them has grown by a part of what lives. V8 takes a larger part the faster
 * they come, so that a run of ten times the rows takes more memory; here it is always the same.
 */

/** Both halves of the space. */
const YOUNG_BYTES = 16 * 1_024 * 1_024;

/** Half of the space in threads that start later, in MB: that of the workflows, which make little. */
const THREAD_HALF_MB = 4;

/** The space for old objects may grow by so much of what lives in it before it is collected, in percent. */
const OLD_GROWTH_PERCENT = 20;

/** A factor of 1 lets the space be; one that V8 has shrunk meanwhile may grow again. */
function holdGrowth(): void {
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  const isLarge = (young?.space_size ?? 0) >= YOUNG_BYTES;
  setGrowthFactor(isLarge ? 1 : 2);
}

function setGrowthFactor(factor: number): void {
  setFlagsFromString(`--semi-space-growth-factor=${factor}`);
}

setFlagsFromString(`--max-semi-space-size=${THREAD_HALF_MB}`);
setFlagsFromString(`--heap-growing-percent=${OLD_GROWTH_PERCENT}`);
// While modules are loaded nobody is told of a collection, and the space would grow past its limit.
setGrowthFactor(1);
new PerformanceObserver(holdGrowth).observe({ entryTypes: ['gc'] });
