import { isDeepStrictEqual } from 'node:util';
import type { RowcastFile } from '../definitions/file.ts';
import { RowcastError } from '../errors.ts';
import type { ApplyAnswer } from '../workflows/contract.ts';
import type { Definitions } from './holders.ts';
import type { Syncs } from './syncs.ts';

/** What was done, or would be done, with one definition of a file. */
export interface AppliedDefinition {
  readonly kind: 'destination' | 'integration' | 'sync';
  readonly name: string;
  readonly change: ApplyAnswer['change'];
  /** The fields that changed. */
  readonly changed: readonly string[];
  readonly notices: readonly string[];
}

/** What applying a file needs of the SDK. */
export interface ApplyTargets {
  readonly destinations: Definitions<unknown, { readonly name: string }>;
  readonly integrations: Definitions<unknown, { readonly name: string }>;
  readonly syncs: Syncs;
}

/**
 * Creates and changes what a file names, and deletes nothing. What depends on what exists already is checked
 * before anything is changed.
 *
 * @throws RowcastError definition_invalid naming an integration or a destination that does not exist, or a past
 *   `startAt` of a new sync.
 */
export async function applyFile(
  targets: ApplyTargets,
  file: RowcastFile,
  { dryRun, signal }: { dryRun: boolean; signal?: AbortSignal },
): Promise<AppliedDefinition[]> {
  await refuseBeforehand(targets, file, signal);
  const options = signal === undefined ? {} : { signal };
  const applied: AppliedDefinition[] = [];
  const steps = [
    ...file.destinations.map((definition) => ({
      kind: 'destination' as const,
      definition,
      target: targets.destinations,
      enabled: undefined,
    })),
    ...file.integrations.map((definition) => ({
      kind: 'integration' as const,
      definition,
      target: targets.integrations,
      enabled: undefined,
    })),
    ...file.syncs.map(({ definition, enabled }) => ({
      kind: 'sync' as const,
      definition,
      target: targets.syncs,
      enabled,
    })),
  ];
  for (const { kind, definition, target, enabled } of steps) {
    const answer = dryRun
      ? foreseen((await target.find(definition.name, signal))?.definition ?? null, definition)
      : await target.update(definition, { ...options, ...(enabled === undefined ? {} : { enabled }) });
    applied.push({
      kind,
      name: definition.name,
      change: answer.change,
      changed: answer.changed,
      notices: answer.notices,
    });
  }
  return applied;
}

async function refuseBeforehand(
  targets: ApplyTargets,
  file: RowcastFile,
  signal?: AbortSignal,
): Promise<void> {
  const problems = [
    ...(await unknownNames(targets, file, signal)),
    ...(await pastStarts(targets, file, signal)),
  ];
  if (problems.length === 0) return;
  throw new RowcastError(
    'definition_invalid',
    `Nothing was applied:\n${problems.map((line) => `  ${line}`).join('\n')}`,
  );
}

async function unknownNames(
  { destinations, integrations }: ApplyTargets,
  file: RowcastFile,
  signal?: AbortSignal,
): Promise<string[]> {
  const problems: string[] = [];
  for (const { name, destination } of file.integrations) {
    const isKnown =
      file.destinations.some((other) => other.name === destination) ||
      (await destinations.find(destination, signal)) !== null;
    if (!isKnown)
      problems.push(
        `integrations.${name}.destination: there is no destination ${JSON.stringify(destination)}; define it, or correct the name`,
      );
  }
  for (const { definition } of file.syncs) {
    const { name, integration } = definition;
    const isKnown =
      file.integrations.some((other) => other.name === integration) ||
      (await integrations.find(integration, signal)) !== null;
    if (!isKnown)
      problems.push(
        `syncs.${name}.integration: there is no integration ${JSON.stringify(integration)}; define it, or correct the name`,
      );
  }
  return problems;
}

/** The worker refuses these too, but only after what stands before the sync in the file was applied. */
async function pastStarts(
  { syncs }: ApplyTargets,
  file: RowcastFile,
  signal?: AbortSignal,
): Promise<string[]> {
  const problems: string[] = [];
  for (const { name, startAt } of file.syncs.map(({ definition }) => definition)) {
    if (startAt === undefined || Date.parse(startAt) >= Date.now()) continue;
    if ((await syncs.find(name, signal)) === null)
      problems.push(
        `syncs.${name}.startAt: ${startAt} is past; give a later moment, or leave it out to start at once`,
      );
  }
  return problems;
}

function foreseen(before: object | null, after: object): Pick<ApplyAnswer, 'change' | 'changed' | 'notices'> {
  if (before === null) return { change: 'created', changed: [], notices: [] };
  const [old, now] = [
    before as Record<string, unknown>,
    JSON.parse(JSON.stringify(after)) as Record<string, unknown>,
  ];
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  const changed = names.filter((name) => !isDeepStrictEqual(old[name], now[name])).sort();
  return { change: changed.length === 0 ? 'unchanged' : 'updated', changed, notices: [] };
}
