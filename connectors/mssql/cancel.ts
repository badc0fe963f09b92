import type { Request } from './driver.ts';

/**
 * Asks the server to stop what it is at work on, by an attention over the same connection, which a server answers at any
 * time; the request then ends with an error. Where no answer comes, tedious drops the connection after `cancelTimeout`,
 * which stops the statement too.
 */
export function sendAttention(request: Request): void {
  request.cancel();
}
