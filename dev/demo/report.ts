import { moment, sayTable } from '../../cli/output.ts';
import type { ImportRecord, Rowcast } from '../../client/index.ts';
import type { DemoStack } from './stack.ts';

/** The imports of the demo, as `rowcast import list` shows them. */
export async function sayImports(rowcast: Rowcast): Promise<void> {
  console.log('\nImports, newest first:');
  const { items } = await rowcast.imports.page({ limit: 30 });
  const rows = items.map((record) => [
    moment(record.startedAt),
    record.sync,
    record.outcome,
    String(record.rows ?? '-'),
    String(record.delivered ?? '-'),
    String(record.failed ?? '-'),
  ]);
  sayTable(['STARTED', 'SYNC', 'OUTCOME', 'ROWS', 'DELIVERED', 'FAILED'], rows, 'none');
}

/** For each type one row beside the call that it became. */
export async function sayExamples(rowcast: Rowcast, records: readonly ImportRecord[]): Promise<void> {
  console.log('\nOne row of each type beside its call:');
  for (const { run, sync } of records) {
    for await (const { data, call } of rowcast.imports.calls(run)) {
      console.log(`\n  ${sync}`);
      console.log(`    row   ${JSON.stringify(data)}`);
      console.log(`    call  ${JSON.stringify(call)}`);
      break;
    }
  }
}

export function sayWhereToLook(stack: DemoStack, folder: string, keep: boolean): void {
  if (!keep) {
    console.log('\nTo look around yourself: npm run demo -- --keep');
    return;
  }
  const { env } = stack;
  console.log(`
Everything stays up until Ctrl-C.
  Temporal Web UI   ${stack.uiUrl ?? 'that of your cluster'}
  logs              ${folder}
  the rowcast command, in another terminal:
    export TEMPORAL_ADDRESS=${stack.temporalAddress} ROWCAST_TASK_QUEUE=${env['ROWCAST_TASK_QUEUE'] ?? ''} ROWCAST_STORAGE=${env['ROWCAST_STORAGE'] ?? ''}
    npx rowcast sync list
    npx rowcast sync preview people
    npx rowcast import list`);
}
