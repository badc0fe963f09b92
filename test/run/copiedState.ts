import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { syncWorkflowId } from '../../workflows/contract.ts';
import type { SyncState } from '../../workflows/messages.ts';
import type { Engine } from './engine.ts';

/** Makes a sync another one: its copy in storage, with which it comes back, says so. */
export async function changeState(
  engine: Engine,
  name: string,
  change: (state: SyncState) => SyncState,
): Promise<void> {
  const folder = join(engine.storage, 'state', 'sync', name);
  const file = join(folder, readdirSync(folder).sort().at(-1) ?? '');
  const copy = JSON.parse(readFileSync(file, 'utf8')) as { state: SyncState };
  await engine.terminate(syncWorkflowId(name));
  writeFileSync(file, JSON.stringify({ ...copy, state: change(copy.state) }));
  await engine.rowcast.syncs.update(copy.state.definition);
}
