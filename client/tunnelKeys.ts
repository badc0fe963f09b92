import { RowcastError } from '../errors.ts';
import { MESSAGES } from '../workflows/contract.ts';
import type { ApplyAnswer, KeyAnswer, KeyRequest } from '../workflows/contract.ts';
import type { IntegrationDefinition, IntegrationInput } from '../definitions/integration.ts';
import type { ClientContext } from './context.ts';
import type { Definitions } from './holders.ts';
import { integrationTarget } from './saveIntegration.ts';
import type { SaveOptions } from './saveOptions.ts';

export type SaveKeyOptions = Pick<SaveOptions, 'acceptHostKey' | 'signal'>;

/** What can be done with integrations, and with the keys of their tunnels. */
export interface Integrations extends Definitions<IntegrationInput, IntegrationDefinition, SaveOptions> {
  /**
   * The keys of an integration's tunnel, which need not exist yet: `show` makes the first one, `rotate` a pending one
   * beside the active one, and `discard` takes the pending one back. Private halves never leave the workers.
   *
   * @throws RowcastError secret_missing where the worker has no identity; not_found for what is no name.
   */
  key(name: string, action: KeyRequest['action'], signal?: AbortSignal): Promise<KeyAnswer>;
  /**
   * Saves the pending key of an integration's tunnel, and the host key of its SSH server where that is not known yet:
   * runs use them from now on.
   *
   * @throws RowcastError connection_test_failed where the database is not reached with it, tunnel_host_key_unknown
   * where the server is not accepted; then nothing changes.
   */
  save(name: string, options?: SaveKeyOptions): Promise<ApplyAnswer>;
}

export function withTunnelKeys(
  context: ClientContext,
  integrations: Definitions<IntegrationInput, IntegrationDefinition, SaveOptions>,
): Integrations {
  return {
    ...integrations,
    key: (name, action, signal) =>
      context.updateWithStart<KeyAnswer>(
        integrationTarget(name, MESSAGES.key),
        { action } satisfies KeyRequest,
        signal,
      ),
    async save(name, options = {}) {
      const { definition, revision } = await integrations.get(name, options.signal);
      if (definition.tunnel === undefined) {
        throw new RowcastError(
          'definition_invalid',
          `The integration ${name} has no \`tunnel\`, so there is no key to save; add one to its definition and apply it.`,
        );
      }
      return integrations.update(definition, { ...options, ifRevision: revision });
    },
  };
}
