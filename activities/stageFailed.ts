import { Context } from '@temporalio/activity';
import { ulid } from 'ulid';
import { RowcastError } from '../errors.ts';
import { restage } from '../extraction/restage.ts';
import { writeManifest } from '../storage/manifest.ts';
import { runFolder } from '../workflows/contract.ts';
import type { ActivityDeps } from './deps.ts';
import { explained } from './failures.ts';
import { heartbeating } from './heartbeat.ts';
import { mappingOptions } from './mappingOptions.ts';
import type { ExtractRowsInput, StagedRows } from './types.ts';

/** Stages the failed rows of an earlier run, under a folder of this attempt's own. */
export async function stageFailed(
  { plan, folder }: ExtractRowsInput,
  { storage, memory, digester, settings }: ActivityDeps,
): Promise<StagedRows> {
  const { cancellationSignal: signal } = Context.current();
  let progress = { stage: 'extract', rows: 0 };
  const { retry, sync } = plan;
  if (retry === undefined) throw new RowcastError('internal_error', 'The run is no retry.');
  const attempt = `${folder}/${ulid()}`;
  const heart = heartbeating(() => progress, settings);
  const staged = explained(async () => {
    const { manifest, untriedFiles } = await restage({
      storage,
      from: runFolder(sync.name, retry.from),
      folder: attempt,
      code: retry.code,
      mapping: mappingOptions(plan),
      lanes: plan.settings.lanes,
      chunkBytes: settings.chunkBytes,
      memory,
      digester,
      signal,
      onProgress: (rows) => (progress = { stage: 'extract', rows }),
    });
    const key = await writeManifest(storage, attempt, manifest);
    const { rows, failed, errorFiles, lanes } = manifest;
    return {
      manifest: failed === rows ? null : key,
      rows,
      failed,
      laneRows: lanes.map((chunks) => chunks.reduce((sum, chunk) => sum + chunk.rows, 0)),
      errorFiles,
      untriedFiles,
      described: key,
      until: null,
      warnings: [],
      filesLeft: true,
    };
  });
  return await staged.finally(() => heart[Symbol.dispose]());
}
