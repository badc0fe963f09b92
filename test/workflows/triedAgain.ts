/* A history in which an activity fails that waits longer after each time. */

type Event = Record<string, unknown>;

const SECOND_MS = 1_000;

/**
 * The beginning of a history up to where it last scheduled the activity; then that fails, and is scheduled again once
 * so many seconds are over, for each number in turn.
 */
export function triedAgain(events: readonly Event[], activity: string, seconds: readonly number[]): Event[] {
  const isOf = (event: Event) => JSON.stringify(event).includes(`"activityType":{"name":"${activity}"}`);
  const last = events.findLastIndex(isOf);
  const scheduled = events[last];
  const told = events.slice(0, last + 1);
  let ms = Date.parse(scheduled?.['eventTime'] as string);
  let ids = Number(attributesOf(scheduled)['activityId']);
  const add = (type: string, name: string, attributes: object) => {
    const eventId = String(told.length + 1);
    told.push({ eventId, eventTime: new Date(ms).toISOString(), eventType: type, [name]: attributes });
    return eventId;
  };
  const task = () => {
    const scheduledEventId = add(
      'EVENT_TYPE_WORKFLOW_TASK_SCHEDULED',
      'workflowTaskScheduledEventAttributes',
      {},
    );
    const started = { scheduledEventId, requestId: scheduledEventId };
    const startedEventId = add(
      'EVENT_TYPE_WORKFLOW_TASK_STARTED',
      'workflowTaskStartedEventAttributes',
      started,
    );
    const completed = { scheduledEventId, startedEventId };
    return add('EVENT_TYPE_WORKFLOW_TASK_COMPLETED', 'workflowTaskCompletedEventAttributes', completed);
  };
  for (const [tries, wait] of seconds.entries()) {
    const scheduledEventId = String(told.length);
    const begun = { scheduledEventId, attempt: 1 };
    const startedEventId = add(
      'EVENT_TYPE_ACTIVITY_TASK_STARTED',
      'activityTaskStartedEventAttributes',
      begun,
    );
    const failure = { message: 'Not now.', applicationFailureInfo: { type: 'gone', nonRetryable: true } };
    const failed = { scheduledEventId, startedEventId, failure };
    add('EVENT_TYPE_ACTIVITY_TASK_FAILED', 'activityTaskFailedEventAttributes', failed);
    const timer = { timerId: String(tries + 1), startToFireTimeout: `${wait}s` };
    const afterFailure = { ...timer, workflowTaskCompletedEventId: task() };
    const timerEventId = add('EVENT_TYPE_TIMER_STARTED', 'timerStartedEventAttributes', afterFailure);
    ms += wait * SECOND_MS;
    const fired = { timerId: timer.timerId, startedEventId: timerEventId };
    add('EVENT_TYPE_TIMER_FIRED', 'timerFiredEventAttributes', fired);
    ids += 1;
    add('EVENT_TYPE_ACTIVITY_TASK_SCHEDULED', 'activityTaskScheduledEventAttributes', {
      ...attributesOf(scheduled),
      activityId: String(ids),
      workflowTaskCompletedEventId: task(),
    });
  }
  return told;
}

const attributesOf = (event?: Event) =>
  (event?.['activityTaskScheduledEventAttributes'] ?? {}) as Record<string, unknown>;
