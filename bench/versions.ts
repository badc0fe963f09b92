import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

/** Of Rowcast, with the commit where it is known and whether files were changed since, and of Temporal's SDK. */
export function ownVersions(): string[] {
  const { version, dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    version: string;
    dependencies: Readonly<Record<string, string>>;
  };
  const commit = commitHere();
  return [
    `Rowcast ${version}${commit === null ? '' : ` (${commit})`}`,
    `Temporal’s SDK ${dependencies['@temporalio/worker'] ?? '?'}`,
  ];
}

function commitHere(): string | null {
  try {
    const args = ['describe', '--always', '--dirty=, changed', '--match', ''];
    return execFileSync('git', args, {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}
