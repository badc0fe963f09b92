/** A call that the receiver holds. */
export type ReceivedCall = Record<string, unknown>;

export interface ReceiverStats {
  readonly requests: number;
  readonly received: number;
  readonly distinct: number;
  readonly violations: readonly string[];
}

/** The calls that the receiver took, from the one with this index on. @param url the receiver's, ending in /v1 */
export async function receivedCalls(url: string, from: number): Promise<ReceivedCall[]> {
  const response = await fetch(new URL(`/_receiver/calls?from=${from}`, url));
  const lines = (await response.text()).split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as ReceivedCall);
}

export async function receiverStats(url: string): Promise<ReceiverStats> {
  const response = await fetch(new URL('/_receiver/stats', url));
  return (await response.json()) as ReceiverStats;
}
