import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/*
 * Writes the bundle of the workflows to the pipe that its worker has opened for it. A process of its own, since the memory that bundling
 * takes is not given back before its process ends.
 */

const BUNDLE_DESCRIPTOR = 3;

const { code } = await bundleWorkflowCode({
  workflowsPath: join(import.meta.dirname, '..', 'workflows', 'index.ts'),
  logger: new DefaultLogger('WARN'),
});
// One character beyond Latin-1, if only in a comment, would make every copy of the code in memory twice as large.
const escaped = code.replaceAll(
  /[^\0-\x7f]/g,
  (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
);
writeFileSync(BUNDLE_DESCRIPTOR, escaped);
