import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { inspect } from 'node:util';
import { expect } from 'vitest';
import type { MysqlConfig } from '../../connectors/mysql/config.ts';
import { openMysql } from '../../connectors/mysql/source.ts';
import type { FailureCode } from '../../errors.ts';
import { PASSWORD } from './mysqlDatabase.ts';
import type { MysqlDatabase } from './mysqlDatabase.ts';
import { failureOf } from './request.ts';
import { serve } from './tlsProxy.ts';
import type { TestServer } from './tlsProxy.ts';

/** Fails to open, and tells nobody the password on the way. */
export async function refusalOf(
  database: MysqlDatabase,
  code: FailureCode,
  fields: Partial<MysqlConfig>,
  password = PASSWORD,
): Promise<string> {
  const signal = new AbortController().signal;
  const config = database.config(fields);
  const failure = await failureOf(openMysql(config, () => Promise.resolve(password), signal));
  expect({ code: failure.code, message: failure.message }).toEqual({ code, message: failure.message });
  expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(password);
  return failure.message;
}

/** The server behind a wire of the test's own, which may change what the server says first. */
export function serveRelay(
  { server: { host, port } }: MysqlDatabase,
  changeGreeting: (greeting: Buffer) => void,
  onSocket: (socket: Socket) => void = () => undefined,
): Promise<TestServer> {
  return serve((socket) => {
    const plain = connect(port, host);
    plain.on('error', () => socket.destroy());
    plain.on('close', () => socket.destroy());
    socket.on('close', () => plain.destroy());
    plain.once('data', (greeting) => {
      changeGreeting(greeting);
      socket.write(greeting);
      socket.pipe(plain).pipe(socket);
      onSocket(socket);
    });
  });
}
