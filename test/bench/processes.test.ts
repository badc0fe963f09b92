import { expect, test } from 'vitest';
import { runScript, runTimedScript } from '../../bench/processes.ts';

const where = { env: process.env, cwd: import.meta.dirname };
const inline = (code: string) => ['-e', code];

test('a script that says how long it took has that time, though its words come after its end', async () => {
  const saysLate = `
    const words = "setTimeout(() => console.log(JSON.stringify({ ms: 7.5 })), 300)";
    require('child_process').spawn(process.execPath, ['-e', words], { stdio: 'inherit' }).unref();`;
  const { ms } = await runTimedScript(process.execPath, inline(saysLate), where);
  expect(ms).toBe(7.5);
});

test('a script that was to say how long it took, and does not, has no figure', async () => {
  const run = runTimedScript(process.execPath, inline('console.log("posted")'), where);
  await expect(run).rejects.toThrow('did not say how long it took: posted');
});

test('a script that fails is shown with its last words', async () => {
  const run = runScript(process.execPath, inline('console.error("no table"); process.exit(3)'), where);
  await expect(run).rejects.toThrow(/ended with 3: no table/);
});

test('a program that is not there is an error, and no more than that', async () => {
  await expect(runScript('rowcast-has-no-such-program', [], where)).rejects.toThrow('ENOENT');
});
