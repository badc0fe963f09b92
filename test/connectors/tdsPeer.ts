import type { Socket } from 'node:net';
import { MssqlConfig } from '../../connectors/mssql/config.ts';
import { openMssql } from '../../connectors/mssql/source.ts';
import type { Source } from '../../connectors/source.ts';
import { ATTENTION, BATCH, LOGIN, onMessages, packet, PRELOGIN } from './tdsPackets.ts';
import { secureSocket } from './tdsTls.ts';
import { serve } from './tlsProxy.ts';
import {
  attentionTaken,
  columns,
  done,
  doneWithError,
  inShort,
  loginTaken,
  prelogin,
  row,
  u16,
} from './tdsTokens.ts';

/*
 * A peer that speaks the protocol of SQL Server as far as Rowcast needs it, and answers what a test tells it to. It shows
 * how the connector takes what the protocol allows; what SQL Server itself answers, it cannot show.
 */

const ENCRYPTS = 1;

export const PASSWORD = 'peer pass/wörd-5d2';

/** What the peer answers to a batch: tokens, or what it does with the wire itself. */
export type Answer = Buffer | ((wire: Wire) => void);

/** The wire to one client. */
export interface Wire {
  readonly socket: Socket;
  /** Whether the answer to a batch has not ended yet. */
  isAnswering: boolean;
  /** Sends tokens, in packets of at most so many bytes; the last one ends the message unless more is to come. */
  send(tokens: Buffer, more?: { readonly isLast?: boolean; readonly packetBytes?: number }): void;
}

export interface Behaviour {
  /** Answers a batch; where it has none of its own, the answer is a statement without columns. */
  readonly answer?: (sql: string) => Answer | undefined;
  /** Answers a login. */
  readonly login?: Buffer;
  /** As in `prelogin`. */
  readonly encryption?: number;
  /** Speaks TLS. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Takes no notice of attentions. */
  readonly isDeaf?: boolean;
}

export interface TdsPeer {
  readonly port: number;
  /** The batches that came, in their order; `attention` for what stops one. */
  readonly heard: string[];
  /** A configuration for it, with fields that differ. */
  config(fields?: Partial<MssqlConfig>): MssqlConfig;
  open(fields?: Partial<MssqlConfig>, signal?: AbortSignal): Promise<Source>;
  stop(): Promise<void>;
}

/** `edition` and `snapshots`, as the connector asks for them; the database here allows none. */
const status = (snapshots: string) =>
  Buffer.concat([
    columns([
      ['edition', varchar(10)],
      ['snapshots', varchar(10)],
    ]),
    row(inShort(Buffer.from('3')), inShort(Buffer.from(snapshots))),
    done(1),
  ]);

export const WITH_SNAPSHOTS = status('1');
const WITHOUT_SNAPSHOTS = status('0');

/** The type of text in the code page 1252. */
export function varchar(bytes: number): Buffer {
  return Buffer.concat([Buffer.from([0xa7]), u16(bytes), Buffer.from('0904d00034', 'hex')]);
}

export async function startTdsPeer(behaviour: Behaviour): Promise<TdsPeer> {
  const heard: string[] = [];
  const server = await serve((socket) => serveTds(socket, behaviour, heard));
  const config = (fields: Partial<MssqlConfig> = {}) =>
    MssqlConfig.parse({
      ...{ kind: 'mssql', host: '127.0.0.1', port: server.port, database: 'shop', user: 'rowcast' },
      ...{ password: { secret: 'reader' }, tls: 'off', ...fields },
    });
  return {
    port: server.port,
    heard,
    config,
    open: (fields, signal = new AbortController().signal) =>
      openMssql(config(fields), () => Promise.resolve(PASSWORD), signal),
    stop: () => server.stop(),
  };
}

function serveTds(socket: Socket, behaviour: Behaviour, heard: string[]): void {
  const { tls } = behaviour;
  if (tls === undefined) return serveMessages(socket, behaviour, heard);
  socket.once('data', () => {
    socket.write(packet(prelogin(ENCRYPTS), true));
    serveMessages(secureSocket(socket, tls.key, tls.cert), behaviour, heard);
  });
}

function serveMessages(socket: Socket, behaviour: Behaviour, heard: string[]): void {
  const wire: Wire = {
    socket,
    isAnswering: false,
    send(tokens, { isLast = true, packetBytes = 4_000 } = {}) {
      wire.isAnswering = !isLast;
      for (let at = 0; at < tokens.length; at += packetBytes) {
        const part = tokens.subarray(at, at + packetBytes);
        socket.write(packet(part, isLast && at + packetBytes >= tokens.length));
      }
    },
  };
  onMessages(socket, (type, content) => take(type, content, wire, behaviour, heard));
}

function take(type: number, content: Buffer, wire: Wire, behaviour: Behaviour, heard: string[]): void {
  switch (type) {
    case PRELOGIN:
      return wire.send(prelogin(behaviour.encryption ?? 2));
    case LOGIN:
      return wire.send(behaviour.login ?? loginTaken());
    case ATTENTION:
      heard.push('attention');
      if (behaviour.isDeaf === true) return;
      // The answer under way ends, and the attention has one of its own.
      if (wire.isAnswering) wire.send(doneWithError());
      return wire.send(attentionTaken());
    case BATCH: {
      const sql = content.toString('utf16le', content.readUInt32LE(0));
      heard.push(sql);
      wire.isAnswering = true;
      const answer = behaviour.answer?.(sql) ?? (sql.includes('EngineEdition') ? WITHOUT_SNAPSHOTS : done());
      return typeof answer === 'function' ? answer(wire) : wire.send(answer);
    }
    default:
      wire.socket.destroy();
  }
}
