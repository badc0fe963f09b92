/*
 * Whose API the receiver behaves like, where Rowcast meets it, as their documentation has it and as was seen:
 *
 * - Customer.io's Pipelines API: https://docs.customer.io/integrations/api/cdp/
 * - Segment's HTTP API, which answers 200 to everything but what is too large or no JSON, and drops what is invalid:
 *   https://www.twilio.com/docs/segment/connections/sources/catalog/libraries/server/http-api
 * - RudderStack's gateway, which answers in plain text, and refuses a batch for one bad call without naming it:
 *   https://www.rudderstack.com/docs/api/http-api/
 */
export type ApiName = 'customerio' | 'segment' | 'rudderstack';

export interface Api {
  readonly callBytesMax: number;
  readonly batchBytesMax: number;
  /** A batch of more calls is answered 200, and dropped. */
  readonly batchCallsMax: number;
  readonly tooLargeStatus: 400 | 413;
  readonly checksWriteKey: boolean;
  /** Whether a batch with an invalid call is refused; else the call is dropped behind a 200. */
  readonly refusesInvalid: (isStrict: boolean) => boolean;
  /** Whether a refusal says which call is invalid, and why. */
  readonly namesInvalid: boolean;
  /** Whether an identify by email and a group without a person are taken. */
  readonly takesNoPerson: boolean;
  /** At most so many requests in any span of so many milliseconds. */
  readonly rate: { readonly requests: number; readonly perMs: number };
  /** Whether a 429 says when to come again. */
  readonly saysWhen: boolean;
  /** Whether a batch without calls is taken. */
  readonly takesNoCalls: boolean;
  /** Whether answers are plain text; else JSON. */
  readonly answersInText: boolean;
}

export const APIS: Readonly<Record<ApiName, Api>> = {
  customerio: {
    callBytesMax: 32_000,
    batchBytesMax: 500_000,
    batchCallsMax: Infinity,
    tooLargeStatus: 413,
    checksWriteKey: true,
    refusesInvalid: (isStrict) => isStrict,
    namesInvalid: true,
    takesNoPerson: true,
    rate: { requests: 3_000, perMs: 3_000 },
    saysWhen: true,
    takesNoCalls: true,
    answersInText: false,
  },
  segment: {
    callBytesMax: 32_000,
    batchBytesMax: 500_000,
    batchCallsMax: 2_500,
    tooLargeStatus: 400,
    checksWriteKey: false,
    refusesInvalid: () => false,
    namesInvalid: false,
    takesNoPerson: false,
    rate: { requests: 1_000, perMs: 1_000 },
    saysWhen: true,
    takesNoCalls: true,
    answersInText: false,
  },
  rudderstack: {
    callBytesMax: 32_000,
    batchBytesMax: 4_096_000,
    batchCallsMax: Infinity,
    tooLargeStatus: 413,
    checksWriteKey: true,
    refusesInvalid: () => true,
    namesInvalid: false,
    takesNoPerson: false,
    rate: { requests: Infinity, perMs: 1_000 },
    saysWhen: false,
    takesNoCalls: false,
    answersInText: true,
  },
};
