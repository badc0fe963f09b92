import { connect, RowcastError } from 'rowcast';
import type { AppliedDefinition, FailedRow, ImportRecord, SyncDescription, SyncListing } from 'rowcast';

/* An application that uses Rowcast: it names the package, and none of its files. */

/** What the application found out, as JSON. */
export interface Found {
  readonly syncs: readonly SyncListing[];
  readonly sync: SyncDescription;
  readonly imports: readonly ImportRecord[];
  readonly failed: readonly FailedRow[];
  readonly applied: readonly AppliedDefinition[];
  readonly missing: string;
}

await using rowcast = await connect();
const [name = ''] = process.argv.slice(2);
const imports = await Array.fromAsync(rowcast.imports.list(name));
const found: Found = {
  syncs: await Array.fromAsync(rowcast.syncs.list()),
  sync: await rowcast.syncs.get(name),
  imports,
  failed: await Array.fromAsync(rowcast.imports.errors(imports[0]?.run ?? '')),
  applied: await rowcast.apply({ destinations: [], integrations: [], syncs: [] }),
  missing: await rowcast.syncs.get('nobody').then(
    () => 'found',
    (error: unknown) => (error instanceof RowcastError ? error.code : 'unknown'),
  ),
};
process.stdout.write(JSON.stringify(found));
