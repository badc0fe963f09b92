import type { ScheduleDescription } from '@temporalio/client';
import { changedElsewhere, createdAgain } from '../definitions/scheduleNotices.ts';
import type { SyncDefinition } from '../definitions/sync.ts';
import { changedFields } from '../workflows/changedFields.ts';
import type { ApplyAnswer, SyncDescription } from '../workflows/contract.ts';
import { queryNotice } from '../workflows/words.ts';
import { lostWords } from './lostSyncs.ts';

/** What applying a definition does, or would do. */
export type Change = Pick<ApplyAnswer, 'change' | 'changed' | 'notices'>;

/** What applying a definition would do. @param before null where there is none. */
export function foresee(before: object | null, after: object): Change {
  if (before === null) return { change: 'created', changed: [], notices: [] };
  const changed = changedFields(before, after);
  return { change: changed.length === 0 ? 'unchanged' : 'updated', changed, notices: [] };
}

export interface SyncToApply {
  readonly definition: SyncDefinition;
  readonly enabled?: boolean;
}

/** What applying a sync would do, with its Schedule as it is. */
export function foreseeSync(
  before: SyncDescription | null,
  schedule: ScheduleDescription | null,
  { definition, enabled }: SyncToApply,
): Change {
  const foreseen = foresee(before?.definition ?? null, definition);
  if (before === null)
    return schedule === null ? foreseen : { ...foreseen, notices: [lostWords(definition.name)] };
  const fromSchedule =
    schedule === null
      ? [createdAgain(definition.name, enabled ?? true)]
      : changedElsewhere(schedule.spec, before.definition);
  const notices = [...fromSchedule, ...queryNotice(foreseen.changed, before.lastSyncTime)];
  return withEnabled({ ...foreseen, notices }, schedule, enabled);
}

/** Whether a sync runs is a field of its file, though it lives in its Schedule. */
export function withEnabled<Answer extends Change>(
  answer: Answer,
  schedule: ScheduleDescription | null,
  enabled: boolean | undefined,
): Answer {
  if (schedule === null || answer.change === 'created' || enabled !== schedule.state.paused) return answer;
  return { ...answer, change: 'updated', changed: [...answer.changed, 'enabled'].sort() };
}
