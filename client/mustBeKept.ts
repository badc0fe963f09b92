import { keepMs, keepWords } from '../definitions/keepMs.ts';
import { RowcastError } from '../errors.ts';
import type { ImportRecord } from '../workflows/contract.ts';
import type { ClientContext } from './context.ts';
import { describeSync } from './syncStorage.ts';

/** @throws RowcastError not_found where a run's failed rows or calls are not kept any more, or never were. */
export async function mustBeKept(
  context: ClientContext,
  { run, sync, startedAt, failed, delivered }: ImportRecord,
  what: 'errors' | 'calls',
  signal?: AbortSignal,
): Promise<void> {
  const hadSome = what === 'errors' ? failed !== 0 : delivered !== 0;
  const keep = (await describeSync(context, sync, signal))?.definition.keep;
  if (!hadSome || Date.now() - Date.parse(startedAt) <= keepMs(keep, what)) return;
  const rows = what === 'errors' ? 'failed rows' : 'calls';
  const kept = keepMs(keep, what) === 0 ? 'none' : `them for ${keepWords(keep, what)}`;
  throw new RowcastError(
    'not_found',
    `The ${rows} of the run ${run} are not kept: the sync ${sync} keeps ${kept} (\`keep.${what}\`).`,
  );
}
