import { expect, test } from 'vitest';
import { Steps } from '../../activities/testSteps.ts';
import { RowcastError } from '../../errors.ts';
import { failureOf } from '../connectors/request.ts';

test('a step that never answers is given up when its time is over, and says so', async () => {
  const late = new AbortController();
  const steps = new Steps((text) => text.replace('hunter2', '[secret]'), late.signal);
  await steps.run(
    'name found',
    () => Promise.resolve('10.0.0.7'),
    (address) => address,
  );
  const hanging = failureOf(
    steps.run(
      'forwarding',
      () => new Promise(() => undefined),
      () => '',
    ),
  );
  late.abort(new RowcastError('source_unreachable', 'There was no answer from hunter2 within 30 seconds.'));
  expect((await hanging).code).toBe('source_unreachable');
  expect(steps.found).toEqual([
    { step: 'name found', ok: true, words: '10.0.0.7' },
    { step: 'forwarding', ok: false, words: 'There was no answer from [secret] within 30 seconds.' },
  ]);
});
