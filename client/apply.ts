import type { RowcastFile } from '../definitions/file.ts';
import { pastStart } from '../definitions/scheduleNotices.ts';
import { RowcastError } from '../errors.ts';
import type { ApplyAnswer } from '../workflows/contract.ts';
import type { ClientContext } from './context.ts';
import { foresee, foreseeSync } from './foresee.ts';
import type { Change } from './foresee.ts';
import type { Definitions } from './holders.ts';
import { describeSchedule } from './schedules.ts';
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

/** One definition of a file: what to do, and what would be done. */
interface Step {
  readonly kind: AppliedDefinition['kind'];
  readonly name: string;
  readonly apply: () => Promise<Change>;
  readonly foresee: () => Promise<Change>;
}

/**
 * Creates and changes what a file names, and deletes nothing. What can be refused without changing anything is
 * refused before anything is changed.
 *
 * @throws RowcastError definition_invalid naming an integration or a destination that does not exist, or the past
 * `startAt` of a new sync.
 */
export async function applyFile(
  context: ClientContext,
  targets: ApplyTargets,
  file: RowcastFile,
  { dryRun, signal }: { dryRun: boolean; signal?: AbortSignal },
): Promise<AppliedDefinition[]> {
  const problems = [
    ...(await unknownNames(targets, file, signal)),
    ...(await pastStarts(targets, file, signal)),
  ];
  if (problems.length > 0) {
    const lines = problems.map((line) => `  ${line}`).join('\n');
    throw new RowcastError('definition_invalid', `Nothing was applied:\n${lines}`);
  }
  const applied: AppliedDefinition[] = [];
  for (const { kind, name, apply, foresee } of stepsOf(context, targets, file, signal)) {
    const { change, changed, notices } = dryRun
      ? await foresee()
      : await apply().catch((error: unknown) => {
          throw withApplied(error, applied);
        });
    applied.push({ kind, name, change, changed, notices });
  }
  return applied;
}

function stepsOf(
  context: ClientContext,
  { destinations, integrations, syncs }: ApplyTargets,
  file: RowcastFile,
  signal?: AbortSignal,
): Step[] {
  const options = signal === undefined ? {} : { signal };
  const held = (kind: 'destination' | 'integration', definition: { readonly name: string }): Step => {
    const target = kind === 'destination' ? destinations : integrations;
    const { name } = definition;
    return {
      kind,
      name,
      apply: () => target.update(definition, options),
      foresee: async () => foresee((await target.find(name, signal))?.definition ?? null, definition),
    };
  };
  return [
    ...file.destinations.map((definition) => held('destination', definition)),
    ...file.integrations.map((definition) => held('integration', definition)),
    ...file.syncs.map(({ definition, ...enabled }): Step => {
      const { name } = definition;
      return {
        kind: 'sync',
        name,
        apply: () => syncs.update(definition, { ...options, ...enabled }),
        foresee: async () => {
          const before = await syncs.find(name, signal);
          const schedule = await describeSchedule(context, name, signal);
          return foreseeSync(before, schedule, { definition, ...enabled });
        },
      };
    }),
  ];
}

/** A failure half-way says what was applied before it. */
function withApplied(error: unknown, applied: readonly AppliedDefinition[]): unknown {
  const done = applied
    .filter(({ change }) => change !== 'unchanged')
    .map(({ kind, name }) => `${kind} ${name}`);
  if (!(error instanceof RowcastError) || done.length === 0) return error;
  return new RowcastError(error.code, `${error.message} Applied before it: ${done.join(', ')}.`, {
    cause: error,
  });
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

/** An existing sync keeps its `startAt`, which has passed by now. */
async function pastStarts(
  { syncs }: ApplyTargets,
  file: RowcastFile,
  signal?: AbortSignal,
): Promise<string[]> {
  const problems: string[] = [];
  for (const { definition } of file.syncs) {
    const problem = pastStart(definition, Date.now());
    if (problem !== null && (await syncs.find(definition.name, signal)) === null) problems.push(problem);
  }
  return problems;
}
