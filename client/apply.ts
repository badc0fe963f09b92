import type { RowcastFile } from '../definitions/file.ts';
import { nearest } from '../definitions/nearest.ts';
import { pastStart } from '../definitions/scheduleNotices.ts';
import type { IntegrationDefinition } from '../definitions/integration.ts';
import { RowcastError } from '../errors.ts';
import type { FailureCode } from '../errors.ts';
import type { ApplyAnswer, CheckAnswer } from '../workflows/contract.ts';
import { withKnownHostKey } from '../workflows/knownHostKey.ts';
import type { ClientContext } from './context.ts';
import { foresee, foreseeSync } from './foresee.ts';
import type { Change } from './foresee.ts';
import type { Definitions } from './holders.ts';
import { checkIntegration, sendIntegration } from './saveIntegration.ts';
import type { AcceptHostKey, SaveOptions } from './saveOptions.ts';
import { describeSchedule } from './schedules.ts';
import type { Syncs } from './syncs.ts';

/** What was done, or would be done, with one definition of a file. */
export interface AppliedDefinition {
  readonly kind: 'destination' | 'integration' | 'sync' | 'webhook';
  readonly name: string;
  readonly change: ApplyAnswer['change'];
  /** The fields that changed. */
  readonly changed: readonly string[];
  /** Whether it was tried out before: an integration, where the change is one of how its source is reached. */
  readonly tested: boolean;
  readonly notices: readonly string[];
}

export interface ApplyFileOptions {
  /** Only say what would be done: nothing is changed, nor tried out. */
  readonly dryRun?: boolean;
  /** As in `SaveOptions`. */
  readonly test?: boolean;
  readonly acceptHostKey?: AcceptHostKey;
  readonly signal?: AbortSignal;
}

/** What applying a file needs of the SDK. */
export interface ApplyTargets {
  readonly destinations: Definitions<unknown, { readonly name: string }>;
  readonly integrations: Definitions<never, IntegrationDefinition, SaveOptions>;
  readonly syncs: Syncs;
  readonly webhooks: Definitions<unknown, { readonly name: string }>;
}

/** One definition of a file: what to do, and what would be done. */
interface Step {
  readonly kind: AppliedDefinition['kind'];
  readonly name: string;
  readonly tested: boolean;
  readonly apply: () => Promise<Change>;
  readonly foresee: () => Promise<Change>;
}

/**
 * Creates and changes what a file names, and deletes nothing. What can be refused without changing anything is
 * refused before anything is changed.
 *
 * @throws RowcastError definition_invalid naming an integration or a destination that does not exist, or the past
 * `startAt` of a new sync; connection_test_failed naming the integrations that do not work.
 */
export async function applyFile(
  context: ClientContext,
  targets: ApplyTargets,
  file: RowcastFile,
  options: ApplyFileOptions,
): Promise<AppliedDefinition[]> {
  const { dryRun = false, signal } = options;
  const problems = [
    ...(await unknownNames(targets, file, signal)),
    ...(await pastStarts(targets, file, signal)),
  ];
  if (problems.length > 0) throw nothingApplied('definition_invalid', problems);
  const integrations = await checkAll(context, file.integrations, options);
  const applied: AppliedDefinition[] = [];
  for (const step of stepsOf(context, targets, { ...file, integrations }, options)) {
    const { kind, name, tested, apply, foresee } = step;
    const { change, changed, notices } = dryRun
      ? await foresee()
      : await apply().catch((error: unknown) => {
          throw withApplied(error, applied);
        });
    applied.push({ kind, name, change, changed, tested, notices });
  }
  return applied;
}

/** An integration as it is to be saved, and whether it was tried out. */
type Checked = Pick<CheckAnswer, 'definition' | 'tested'>;

/** Tries out side by side what changes how a source is reached, unless nothing is to be tried out. */
async function checkAll(
  context: ClientContext,
  integrations: readonly IntegrationDefinition[],
  options: ApplyFileOptions,
): Promise<Checked[]> {
  const { dryRun = false, test = true } = options;
  if (dryRun || !test) return integrations.map((definition) => ({ definition, tested: false }));
  const answers = await Promise.all(
    integrations.map((definition) => checkIntegration(context, definition, options)),
  );
  const refusals = answers.map(({ refusal }) => refusal).filter((refusal) => refusal !== null);
  const [first] = refusals;
  if (first === undefined) return answers;
  throw nothingApplied(
    first.code,
    refusals.map(({ message }) => message),
  );
}

function nothingApplied(code: FailureCode, problems: readonly string[]): RowcastError {
  return new RowcastError(code, `Nothing was applied:\n${problems.map((line) => `  ${line}`).join('\n')}`);
}

function stepsOf(
  context: ClientContext,
  { destinations, integrations, syncs, webhooks }: ApplyTargets,
  file: Omit<RowcastFile, 'integrations'> & { readonly integrations: readonly Checked[] },
  { test = true, signal }: ApplyFileOptions,
): Step[] {
  const options = signal === undefined ? {} : { signal };
  type Plain = Pick<Definitions<unknown, { readonly name: string }>, 'update' | 'find'>;
  const plainStep = (kind: Step['kind'], of: Plain, definition: { readonly name: string }): Step => ({
    kind,
    name: definition.name,
    tested: false,
    apply: () => of.update(definition, options),
    foresee: async () => foresee((await of.find(definition.name, signal))?.definition ?? null, definition),
  });
  return [
    // First, so that they are told of the first run of a new sync too.
    ...(file.webhooks ?? []).map((definition) => plainStep('webhook', webhooks, definition)),
    ...file.destinations.map((definition) => plainStep('destination', destinations, definition)),
    ...file.integrations.map(({ definition, tested }): Step => {
      const { name } = definition;
      return {
        kind: 'integration',
        name,
        tested,
        apply: () => sendIntegration(context, definition, { ...options, test }),
        foresee: async () => {
          const before = (await integrations.find(name, signal))?.definition ?? null;
          return foresee(before, withKnownHostKey(definition, before));
        },
      };
    }),
    ...file.syncs.map(({ definition, ...enabled }): Step => {
      const { name } = definition;
      return {
        kind: 'sync',
        name,
        tested: false,
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

/** A name in a file of something that is defined in it, or was before. */
interface Named {
  /** The path of the field. */
  readonly at: string;
  readonly kind: 'destination' | 'integration' | 'sync';
  readonly name: string;
}

function namedIn({ integrations, syncs, webhooks = [] }: RowcastFile): Named[] {
  return [
    ...integrations.map(({ name, destination }): Named => {
      return { at: `integrations.${name}.destination`, kind: 'destination', name: destination };
    }),
    ...syncs.map(({ definition: { name, integration } }): Named => {
      return { at: `syncs.${name}.integration`, kind: 'integration', name: integration };
    }),
    ...webhooks.flatMap(({ name: webhook, ...named }): Named[] => [
      ...(named.integrations ?? []).map(
        (name) => ({ at: `webhooks.${webhook}.integrations`, kind: 'integration', name }) as const,
      ),
      ...(named.syncs ?? []).map(
        (name) => ({ at: `webhooks.${webhook}.syncs`, kind: 'sync', name }) as const,
      ),
    ]),
  ];
}

async function unknownNames(
  { destinations, integrations, syncs }: ApplyTargets,
  file: RowcastFile,
  signal?: AbortSignal,
): Promise<string[]> {
  const existing = { destination: destinations, integration: integrations, sync: syncs } as const;
  const inFile = {
    destination: file.destinations.map(({ name }) => name),
    integration: file.integrations.map(({ name }) => name),
    sync: file.syncs.map(({ definition }) => definition.name),
  };
  const problems: string[] = [];
  for (const { at, kind, name } of namedIn(file)) {
    if (inFile[kind].includes(name) || (await existing[kind].find(name, signal)) !== null) continue;
    const meant = nearest(name, inFile[kind]);
    const hint = meant === null ? 'define it, or correct the name' : `did you mean ${JSON.stringify(meant)}?`;
    problems.push(`${at}: there is no ${kind} ${JSON.stringify(name)}; ${hint}`);
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
