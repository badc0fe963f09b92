import type { Batch, Group } from './batch.ts';
import type { Sender } from './sender.ts';

/** A group, and the batch that it is sent as; null where it cannot be sent. Whoever takes it disposes of the batch. */
export interface ReadyGroup {
  readonly group: Group;
  readonly batch: Batch | null;
}

/**
 * Makes groups ready to be sent, each next one while the one before it is on its way: the destination would wait for it
 * otherwise.
 */
export function* readyAhead(
  groups: Iterator<Group>,
  sender: Pick<Sender, 'batchOf'>,
): Generator<ReadyGroup, void, undefined> {
  /** One, or none where there is no more or it is not made yet. */
  const ahead: ReadyGroup[] = [];
  const make = () => nextOf(groups, sender);
  let making: NodeJS.Immediate | undefined;
  try {
    for (let ready = make(); ready !== null; ready = ahead.pop() ?? make()) {
      // Not before what is to be sent now is on its way.
      making = setImmediate(() => {
        const next = make();
        if (next === null) return;
        ahead.push(next);
        write(next.batch);
      });
      yield ready;
      clearImmediate(making);
    }
  } finally {
    clearImmediate(making);
    for (const { batch } of ahead) batch?.[Symbol.dispose]();
  }
}

function nextOf(groups: Iterator<Group>, sender: Pick<Sender, 'batchOf'>): ReadyGroup | null {
  const next = groups.next();
  if (next.done === true) return null;
  const group = next.value;
  if (group.kind === 'too_large') return { group, batch: null };
  return { group, batch: sender.batchOf(group.calls) };
}

/** Writes the body of a batch; one for which there is no memory now is written, or fails, when it is sent. */
function write(batch: Batch | null): void {
  try {
    batch?.content();
  } catch {
    // Told to whoever sends it.
  }
}
