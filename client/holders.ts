import { DestinationDefinition } from '../definitions/destination.ts';
import type { DestinationInput } from '../definitions/destination.ts';
import { IntegrationDefinition } from '../definitions/integration.ts';
import type { IntegrationInput } from '../definitions/integration.ts';
import { WEBHOOK_SECRET_FIELDS, WebhookDefinition } from '../definitions/webhook.ts';
import type { WebhookInput } from '../definitions/webhook.ts';
import { RowcastError } from '../errors.ts';
import {
  destinationWorkflowId,
  integrationWorkflowId,
  MESSAGES,
  webhookWorkflowId,
  WORKFLOWS,
} from '../workflows/contract.ts';
import type {
  ApplyAnswer,
  ConnectionTest,
  ConnectionTestRequest,
  DefinitionDescription,
  RemoveAnswer,
} from '../workflows/contract.ts';
import { withKnownHostKey } from '../workflows/knownHostKey.ts';
import { checked } from './checked.ts';
import { testConnection } from './connectionTest.ts';
import { eachItem, missingWords } from './context.ts';
import type { ClientContext, Page, PageRequest, UpdateTarget } from './context.ts';
import { requireExisting } from './references.ts';
import type { Reference } from './references.ts';
import { saveIntegration } from './saveIntegration.ts';
import type { ApplyOptions, SaveOptions } from './saveOptions.ts';

/** What can be done with the definitions of one kind. */
export interface Definitions<Input, Definition, Options extends ApplyOptions = ApplyOptions> {
  /**
   * Creates or changes a definition.
   *
   * @throws RowcastError definition_invalid, revision_conflict, no_worker …; connection_test_failed of an integration.
   */
  update(definition: Input, options?: Options): Promise<ApplyAnswer>;
  /** @throws RowcastError not_found */
  get(name: string, signal?: AbortSignal): Promise<DefinitionDescription<Definition>>;
  /** A definition, or null where there is none. */
  find(name: string, signal?: AbortSignal): Promise<DefinitionDescription<Definition> | null>;
  page(request?: PageRequest): Promise<Page<DefinitionDescription<Definition>>>;
  list(signal?: AbortSignal): AsyncGenerator<DefinitionDescription<Definition>>;
  /**
   * Tries one out as the workers see it, by its name or before it is saved. No row is read, no call is sent.
   *
   * @throws RowcastError not_found, no_worker …; what is wrong with the connection itself is the answer.
   */
  test(what: string | Input, signal?: AbortSignal): Promise<ConnectionTest>;
  /** Deletes one that nobody uses. @throws RowcastError in_use naming the users, not_found */
  delete(name: string, signal?: AbortSignal): Promise<RemoveAnswer>;
}

interface Kind<Definition, Options> {
  readonly word: 'integration' | 'destination' | 'webhook';
  readonly parse: (input: unknown) => Definition;
  readonly workflowId: (name: string) => string;
  readonly save: (definition: Definition, options: Options) => Promise<ApplyAnswer>;
  /** @param saved null where there is none. */
  readonly testOf: (definition: Definition, saved: Definition | null) => ConnectionTestRequest;
  /** What must exist before it. */
  readonly referencesOf: (definition: Definition) => Reference[];
}

export function createDestinations(
  context: ClientContext,
): Definitions<DestinationInput, DestinationDefinition> {
  return createDefinitions(context, {
    word: 'destination',
    parse: (input) => checked(DestinationDefinition, input, 'The destination'),
    workflowId: destinationWorkflowId,
    save: (definition, options) => {
      const { name, kind } = definition;
      const target = {
        ...{ workflowType: WORKFLOWS.destination, workflowId: destinationWorkflowId(name), name },
        summary: `destination ${name}: ${kind}`,
      };
      return save(context, target, definition, options);
    },
    testOf: (definition) => ({ kind: 'destination', definition }),
    referencesOf: () => [],
  });
}

export function createWebhooks(context: ClientContext): Definitions<WebhookInput, WebhookDefinition> {
  return createDefinitions(context, {
    word: 'webhook',
    parse: (input) =>
      checked(WebhookDefinition, input, 'The webhook', { secretFields: WEBHOOK_SECRET_FIELDS }),
    workflowId: webhookWorkflowId,
    save: (definition, options) => {
      const { name } = definition;
      const target = {
        ...{ workflowType: WORKFLOWS.webhook, workflowId: webhookWorkflowId(name), name },
        summary: `webhook ${name}`,
      };
      return save(context, target, definition, options);
    },
    testOf: (definition) => ({ kind: 'webhook', definition }),
    referencesOf: () => [],
  });
}

/** Saves what needs no test. */
function save(
  context: ClientContext,
  target: Omit<UpdateTarget, 'update'>,
  definition: DestinationDefinition | WebhookDefinition,
  { ifRevision, signal }: ApplyOptions,
): Promise<ApplyAnswer> {
  const request = { definition, ...(ifRevision === undefined ? {} : { ifRevision }) };
  return context.updateWithStart<ApplyAnswer>({ ...target, update: MESSAGES.apply }, request, signal);
}

export function createIntegrations(
  context: ClientContext,
): Definitions<IntegrationInput, IntegrationDefinition, SaveOptions> {
  return createDefinitions(context, {
    word: 'integration',
    parse: (input) => checked(IntegrationDefinition, input, 'The integration'),
    workflowId: integrationWorkflowId,
    save: (definition, options) => saveIntegration(context, definition, options),
    testOf: (definition, saved) => ({
      kind: 'integration',
      definition: withKnownHostKey(definition, saved),
    }),
    referencesOf: ({ name, destination }) => [
      { kind: 'destination', name: destination, by: `the integration ${name}` },
    ],
  });
}

function createDefinitions<Input, Definition extends { readonly name: string }, Options extends ApplyOptions>(
  context: ClientContext,
  { word, parse, workflowId, save, testOf, referencesOf }: Kind<Definition, Options>,
): Definitions<Input, Definition, Options> {
  const find = (name: string, signal?: AbortSignal) =>
    context.query<DefinitionDescription<Definition>>(workflowId(name), MESSAGES.describe, [], signal);
  const page = async (request: PageRequest = {}): Promise<Page<DefinitionDescription<Definition>>> => {
    const names = await context.listNames(WORKFLOWS[word], workflowId(''), request);
    const found = await Promise.all(names.items.map((name) => find(name, request.signal)));
    return { items: found.filter((item) => item !== null), nextPageToken: names.nextPageToken };
  };
  const get = async (name: string, signal?: AbortSignal) => {
    const found = await find(name, signal);
    if (found !== null) return found;
    throw new RowcastError('not_found', missingWords(word, name));
  };
  return {
    async update(input, options) {
      const definition = parse(input);
      for (const reference of referencesOf(definition))
        await requireExisting(context, reference, options?.signal);
      return save(definition, options ?? ({} as Options));
    },
    get,
    find,
    page,
    list: (signal) => eachItem(page, signal),
    async test(what, signal) {
      const definition = typeof what === 'string' ? (await get(what, signal)).definition : parse(what);
      const saved = typeof what === 'string' ? definition : (await find(definition.name, signal))?.definition;
      return testConnection(context, testOf(definition, saved ?? null), signal);
    },
    delete: (name, signal) =>
      context.updateWithStart<RemoveAnswer>(
        {
          ...{ workflowType: WORKFLOWS[word], workflowId: workflowId(name), name },
          ...{ summary: `${word} ${name}`, update: MESSAGES.remove },
        },
        undefined,
        signal,
      ),
  };
}
