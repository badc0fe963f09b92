import { isObject } from './validate.ts';

/** How the receiver misbehaves; `times`: for so many requests, absent: until told otherwise. */
export type Fault =
  /** The connection breaks before the request is read. */
  | { readonly kind: 'reset'; readonly times?: number }
  /** The calls are taken, but the connection breaks before the answer. */
  | { readonly kind: 'reset_after'; readonly times?: number }
  /** No answer ever comes. */
  | { readonly kind: 'silence'; readonly times?: number; readonly afterTaking?: boolean }
  /** The answer takes its time; `afterTaking`: the calls are taken at once. */
  | { readonly kind: 'slow'; readonly times?: number; readonly ms: number; readonly afterTaking?: boolean }
  /** This answer, whatever was sent; `$AUTHORIZATION` in its body is replaced by the header that came. */
  | {
      readonly kind: 'answer';
      readonly times?: number;
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: unknown;
      readonly afterTaking?: boolean;
    }
  /** 400 for a batch with a call of one of these users. */
  | {
      readonly kind: 'dislike';
      readonly times?: number;
      readonly users: readonly string[];
      readonly words?: string;
    }
  /** 200 for it, with the calls of these users not taken and listed in the body; `unnamed`: without their indexes. */
  | {
      readonly kind: 'partial';
      readonly times?: number;
      readonly users: readonly string[];
      readonly words?: string;
      readonly unnamed?: boolean;
    };

/** Whether a call is one that the fault is about; `*` stands for every user. */
export function matches({ users }: { readonly users: readonly string[] }, call: unknown): boolean {
  if (users.includes('*')) return true;
  return isObject(call) && typeof call['userId'] === 'string' && users.includes(call['userId']);
}
