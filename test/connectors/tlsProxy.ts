import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Made for these tests alone; no machine trusts it, and it stands for 127.0.0.1 and localhost. */
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBpDCCAUmgAwIBAgIUGsY4coRwVnYLxA/C4OwIJFUw9rAwCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNUm93Y2FzdCB0ZXN0czAgFw0yNjExMjQxNDQwNTFaGA8yMTI2
MTAzMTE0NDA1MVowGDEWMBQGA1UEAwwNUm93Y2FzdCB0ZXN0czBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABFP/HmWpN0YW2UpelTf5E5UIhopffT+tW1hFVYaJlW57
b8p7dTpRwrZqEPzJ4jXFU8e2EHIyI70+6xQAJf0TxxCjbzBtMB0GA1UdDgQWBBSa
oYnjD1emnIXVfumEdqDxeR/dUjAfBgNVHSMEGDAWgBSaoYnjD1emnIXVfumEdqDx
eR/dUjAPBgNVHRMBAf8EBTADAQH/MBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAA
ATAKBggqhkjOPQQDAgNJADBGAiEA3HL8L3MW+TlesF6zFDvUO45aTCvdE7mixdzB
E0JA1JACIQCf+tGY++88MyNzH4IRnQ6HQ7VtbFIKoQj0Oy8VuMa91w==
-----END CERTIFICATE-----
`;

export const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg1Wnn157uK6vMIWP7
IFAedEA5YJO9RBc+1L7L3Wj5ZR6hRANCAART/x5lqTdGFtlKXpU3+ROVCIaKX30/
rVtYRVWGiZVue2/Ke3U6UcK2ahD8yeI1xVPHthByMiO9PusUACX9E8cQ
-----END PRIVATE KEY-----
`;

/** A server of a test's own. */
export interface TestServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Accepts connections and does with them as it is told. */
export async function serve(onConnection: (socket: Socket) => void, host = '127.0.0.1'): Promise<TestServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** PostgreSQL behind TLS: answers the request for it, and passes on what then comes. */
export function serveTls(to: { host: string; port: number }): Promise<TestServer> {
  return serve((socket) => {
    socket.once('data', () => {
      socket.write('S');
      const plain = connect(to.port, to.host);
      const secure = new TLSSocket(socket, { isServer: true, key: KEY, cert: CERTIFICATE });
      for (const side of [plain, secure]) side.on('error', () => socket.destroy());
      secure.pipe(plain).pipe(secure);
    });
  });
}
