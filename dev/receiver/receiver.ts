import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:https';
import { APIS } from './api.ts';
import type { Api, ApiName } from './api.ts';
import { CallLog } from './callLog.ts';
import { matches } from './fault.ts';
import type { Fault } from './fault.ts';
import { isObject, problemOf } from './validate.ts';

export interface ReceiverOptions {
  /** 0 or absent: any free port. */
  readonly port?: number;
  readonly writeKey: string;
  /** Whose API it behaves like; Customer.io's by default. */
  readonly api?: ApiName;
  /** What is remembered of the calls; `ids` keeps no contents. */
  readonly store?: 'calls' | 'ids';
  /** At most so many requests in three seconds; the API's rate by default. */
  readonly requestsPer3s?: number;
  readonly tls?: { readonly key: string; readonly cert: string };
}

/**
 * A server that behaves like Customer.io's Pipelines API, or another, where Rowcast meets it: Basic authorization,
 * strict mode, limits, validation of every call, the rate; and that can be made to misbehave.
 */
export class Receiver {
  readonly log: CallLog;
  readonly #options: ReceiverOptions;
  readonly #api: Api;
  readonly #server: Server;
  readonly #recent: number[] = [];
  #faults: Fault[] = [];
  #requests = 0;
  #connections = 0;

  private constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#api = APIS[options.api ?? 'customerio'];
    this.log = new CallLog(options.store ?? 'calls');
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      this.#serve(request, response).catch(() => request.socket.destroy());
    };
    this.#server = options.tls ? createTlsServer(options.tls, answer) : createServer(answer);
    this.#server.on('connection', () => (this.#connections += 1));
  }

  static async start(options: ReceiverOptions): Promise<Receiver> {
    const receiver = new Receiver(options);
    await new Promise<void>((resolve, reject) => {
      receiver.#server.once('error', reject);
      receiver.#server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    return receiver;
  }

  /** What a destination's `url` is set to. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `${this.#options.tls ? 'https' : 'http'}://127.0.0.1:${port}/v1`;
  }

  get requests(): number {
    return this.#requests;
  }

  /** How many connections were opened. */
  get connections(): number {
    return this.#connections;
  }

  /** Misbehaves from now on: each fault for as many requests as it says. */
  misbehave(...faults: Fault[]): void {
    this.#faults = faults;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url?.startsWith('/_receiver/')) return this.#administer(request, response);
    this.#requests += 1;
    const fault = this.#nextFault();
    if (fault?.kind === 'reset') return void request.socket.destroy();
    const body = await bodyOf(request);
    if (fault?.kind === 'reset_after') {
      this.#take(body, request);
      return void request.socket.destroy();
    }
    if (fault?.kind === 'silence') {
      if (fault.afterTaking === true) this.#take(body, request);
      return;
    }
    const taken =
      fault?.kind === 'slow' && fault.afterTaking === true ? this.#take(body, request) : undefined;
    if (fault?.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    const answer =
      fault?.kind === 'answer'
        ? this.#faultAnswer(fault, body, request)
        : (taken ?? this.#take(body, request, fault));
    const contentType = this.#api.answersInText ? 'text/plain; charset=utf-8' : 'application/json';
    response.writeHead(answer.status, { 'content-type': contentType, ...answer.headers });
    response.end(this.#api.answersInText ? textOf(answer) : jsonOf(answer));
  }

  #faultAnswer(
    fault: Extract<Fault, { kind: 'answer' }>,
    body: Buffer,
    request: IncomingMessage,
  ): ReceiverAnswer {
    if (fault.afterTaking === true) this.#take(body, request);
    const echoed = String(request.headers.authorization);
    const text =
      typeof fault.body === 'string' ? fault.body.replace('$AUTHORIZATION', echoed) : (fault.body ?? {});
    return { status: fault.status, body: text, headers: fault.headers ?? {} };
  }

  #nextFault(): Fault | undefined {
    const [fault] = this.#faults;
    if (fault?.times === undefined) return fault;
    if (fault.times <= 1) this.#faults.shift();
    else this.#faults[0] = { ...fault, times: fault.times - 1 };
    return fault;
  }

  /** What the API does with a request, and answers. */
  #take(body: Buffer, request: IncomingMessage, fault?: Fault): ReceiverAnswer {
    const strict = request.headers['x-strict-mode'] === '1';
    if (request.method !== 'POST' || request.url !== '/v1/batch') return refuse(404, 'not found');
    if (!this.#isAuthorized(request)) return refuse(401, 'the write key is wrong');
    const { batchBytesMax, batchCallsMax, tooLargeStatus, saysWhen, takesNoCalls } = this.#api;
    if (this.#isTooFast()) return refuse(429, 'too many requests', saysWhen ? { 'retry-after': '1' } : {});
    if (body.length > batchBytesMax)
      return refuse(tooLargeStatus, `the batch is larger than ${batchBytesMax} bytes`);
    const read = readBatch(body);
    if (read === null) return refuse(400, 'the body is not a batch');
    if (read.calls.length === 0 && !takesNoCalls) return refuse(400, 'the batch is empty');
    const { shared } = read;
    const atMs = performance.now();
    this.log.read(read.calls, { bytes: body.length, shared, headers: request.headers, atMs });
    const judged = read.calls.map((call) => ({ call, problem: this.#judge(call, fault) }));
    const bad = judged.find(({ problem }) => problem !== null);
    if (bad !== undefined && this.#api.refusesInvalid(strict)) {
      return refuse(400, (this.#api.namesInvalid ? bad.problem : null) ?? 'one of the calls is invalid');
    }
    const isDropped = read.calls.length > batchCallsMax;
    const good = isDropped ? [] : judged.filter(({ problem }) => problem === null).map(({ call }) => call);
    this.log.take(good, shared);
    this.log.drop(read.calls.length - good.length);
    if (fault?.kind === 'partial') return partialAnswer(judged, fault);
    return { status: 200, body: { success: true }, headers: {} };
  }

  #judge(call: unknown, fault: Fault | undefined): string | null {
    const { callBytesMax, takesNoPerson } = this.#api;
    const tooLarge = Buffer.byteLength(JSON.stringify(call)) > callBytesMax;
    if (tooLarge) return `the call is larger than ${callBytesMax} bytes`;
    if ((fault?.kind === 'dislike' || fault?.kind === 'partial') && matches(fault, call)) {
      return fault.words ?? 'one of the calls is invalid';
    }
    return problemOf(call, takesNoPerson);
  }

  #isAuthorized({ headers }: IncomingMessage): boolean {
    if (!this.#api.checksWriteKey) return true;
    return headers.authorization === `Basic ${Buffer.from(`${this.#options.writeKey}:`).toString('base64')}`;
  }

  #isTooFast(): boolean {
    const { requestsPer3s } = this.#options;
    const { requests, perMs } =
      requestsPer3s === undefined ? this.#api.rate : { requests: requestsPer3s, perMs: 3_000 };
    const nowMs = performance.now();
    while ((this.#recent[0] ?? nowMs) <= nowMs - perMs) this.#recent.shift();
    this.#recent.push(nowMs);
    return this.#recent.length > requests;
  }

  async #administer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://receiver');
    if (pathname === '/_receiver/calls') {
      for (const call of this.log.calls.slice(Number(searchParams.get('from') ?? 0))) {
        response.write(`${JSON.stringify(call)}\n`);
      }
      response.end();
    } else if (pathname === '/_receiver/stats') {
      response.end(JSON.stringify({ requests: this.#requests, ...this.log.stats() }));
    } else if (pathname === '/_receiver/faults' && request.method === 'PUT') {
      this.misbehave(...(JSON.parse(String(await bodyOf(request))) as Fault[]));
      response.end('{}');
    } else {
      response.writeHead(404).end();
    }
  }
}

interface ReceiverAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Record<string, string>;
}

function refuse(status: number, reason: string, headers: Record<string, string> = {}): ReceiverAnswer {
  return { status, body: { success: false, reason }, headers };
}

function jsonOf({ body }: ReceiverAnswer): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}

function textOf({ body }: ReceiverAnswer): string {
  if (typeof body === 'string') return body;
  const reason = isObject(body) ? body['reason'] : undefined;
  return typeof reason === 'string' ? reason : 'OK';
}

/** Some services answer 200 and list what they did not take. */
function partialAnswer(
  judged: readonly { problem: string | null }[],
  { unnamed }: { readonly unnamed?: boolean },
): ReceiverAnswer {
  const errors = judged.flatMap(({ problem }, index) =>
    problem === null ? [] : [unnamed === true ? problem : { index, message: problem }],
  );
  const okEvents = judged.length - errors.length;
  return {
    status: 200,
    body: { ok: errors.length === 0, okEvents, receivedEvents: judged.length, errors },
    headers: {},
  };
}

function readBatch(body: Buffer): { calls: unknown[]; shared: Record<string, unknown> } | null {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    if (!isObject(parsed) || !Array.isArray(parsed['batch'])) return null;
    const { batch, ...shared } = parsed;
    return { calls: batch as unknown[], shared };
  } catch {
    return null;
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
