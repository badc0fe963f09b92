import type { AcceptHostKey, ConnectionTest, Rowcast, UnknownServer } from '../client/index.ts';
import { asked } from './confirm.ts';
import { printable } from './output.ts';

export const ACCEPT_FLAG = '--accept-host-key';
export const ACCEPT_ABOUT = 'take the SSH server of a tunnel for the right one where it is not known yet';

/**
 * Whether SSH servers that are not known yet are accepted: by an option, or by somebody at the terminal, who is asked
 * about one after the other, and about each once. Where nobody is there, none is.
 */
export function acceptHostKeys(isAccepted = false): AcceptHostKey {
  const answers = new Map<string, Promise<boolean>>();
  let last: Promise<unknown> = Promise.resolve();
  return (server) => {
    const id = JSON.stringify([server.host, server.port, server.fingerprint]);
    const answer = answers.get(id) ?? last.then(() => (isAccepted ? saidSo(server) : asksFor(server)));
    answers.set(id, answer);
    last = answer.catch(() => undefined);
    return answer;
  };
}

const placeOf = ({ host, port }: UnknownServer) => `${host}:${port}`;

function saidSo(server: UnknownServer): boolean {
  const words = `The host key ${server.fingerprint} of the SSH server ${placeOf(server)} is accepted.`;
  process.stderr.write(`${printable(words)}\n`);
  return true;
}

async function asksFor(server: UnknownServer): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const lines = [
    `The SSH server ${placeOf(server)} of the integration ${server.integration} is not known yet. Its host key is`,
    '',
    `  ${server.fingerprint}`,
    '',
    'Compare it with what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints on that server.',
  ];
  process.stderr.write(`${printable(lines.join('\n'))}\n`);
  return asked('Is it the same?');
}

/** Tries an integration out, through a server that is accepted now where it is not known yet; nothing is saved. */
export async function testIntegration(
  { integrations }: Rowcast,
  name: string,
  accept: AcceptHostKey,
  signal: AbortSignal,
): Promise<ConnectionTest> {
  const found = await integrations.test(name, signal);
  const { definition } = await integrations.get(name, signal);
  const { tunnel } = definition;
  if (found.unknownHostKey === undefined || tunnel === undefined) return found;
  const { host, port } = tunnel;
  const server = { integration: name, host, port, fingerprint: found.unknownHostKey };
  if (!(await accept(server))) return found;
  process.stderr.write(
    `It is not saved by this; \`rowcast integration save ${name}\` asks again and saves it.\n`,
  );
  return integrations.test({ ...definition, tunnel: { ...tunnel, hostKey: server.fingerprint } }, signal);
}
