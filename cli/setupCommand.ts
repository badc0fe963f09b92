import type { Command } from 'commander';
import { say } from './output.ts';

export function addSetup(program: Command): void {
  program
    .command('setup')
    .description('register the search attributes in the namespace; workers do so themselves where they may')
    .action(async () => {
      const { setUpNamespace } = await import('../worker/namespace.ts');
      const { namespace, registered } = await setUpNamespace();
      say(`The namespace ${namespace} has the search attributes ${registered.join(', ')}.`);
    });
}
