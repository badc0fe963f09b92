import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readWorkerSettings } from '../../activities/settings.ts';

const DAY_MS = 86_400_000;

/** Variable, setting, unit, least, most, default. */
const SETTINGS: [string, string, string, number, number, number][] = [
  ['ROWCAST_LANES', 'lanes', 'lanes', 1, 32, 4],
  ['ROWCAST_EXTRACT_SLOTS', 'extractSlots', 'queries', 1, 1_000, 4],
  ['ROWCAST_DELIVER_SLOTS', 'deliverSlots', 'activities', 1, 1_000, 16],
  ['ROWCAST_PAGE_ROWS', 'pageRows', 'rows', 1, 100_000, 5_000],
  ['ROWCAST_CHUNK_BYTES', 'chunkBytes', 'bytes', 1_024, 268_435_456, 2_097_152],
  ['ROWCAST_SMALL_RUN_ROWS', 'smallRunRows', 'rows', 0, 100_000_000, 1_000_000],
  ['ROWCAST_HEARTBEAT_MS', 'heartbeatMs', 'milliseconds', 1_000, DAY_MS, 30_000],
  ['ROWCAST_REQUEST_TIMEOUT_MS', 'requestTimeoutMs', 'milliseconds', 100, DAY_MS, 30_000],
  ['ROWCAST_RETRY_BUDGET_MS', 'retryBudgetMs', 'milliseconds', 0, DAY_MS, 30_000],
  ['ROWCAST_SOURCE_PATIENCE_MS', 'sourcePatienceMs', 'milliseconds', 0, DAY_MS, 120_000],
  ['ROWCAST_STORAGE_WAIT_MS', 'storageWaitMs', 'milliseconds', 1_000, DAY_MS, 600_000],
  ['ROWCAST_DELIVER_MS', 'deliverMs', 'milliseconds', 1_000, DAY_MS, 600_000],
  ['ROWCAST_GRACE_MS', 'graceMs', 'milliseconds', 0, DAY_MS, 10_000],
];

describe.each(SETTINGS)('%s', (variable, setting, unit, min, max, byDefault) => {
  test('takes its least and its most, and has a default', () => {
    const others = readWorkerSettings({});
    expect(others).toMatchObject({ [setting]: byDefault });
    for (const value of [min, max])
      expect(readWorkerSettings({ [variable]: String(value) })).toEqual({ ...others, [setting]: value });
  });

  test.each([String(min - 1), String(max + 1), 'abc', '', '1.5', '1e3', '0x10', ' 5', '30s'])(
    'as %j is refused in a sentence that says what is allowed',
    (text) => {
      expect(() => readWorkerSettings({ [variable]: text })).toThrow(
        `The environment variable ${variable} is "${text}"; give a whole number of ${unit} from ${min} to ${max}, or unset it for ${byDefault}.`,
      );
    },
  );

  test('is in the README with its default', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const written = new RegExp(`\\| \`${variable}\` +\\| ([\\d,]+)( MiB)? +\\| worker`).exec(readme);
    const [, digits = '', mebi] = written ?? [];
    expect(Number(digits.replaceAll(',', '')) * (mebi === undefined ? 1 : 1_048_576)).toBe(byDefault);
  });
});
