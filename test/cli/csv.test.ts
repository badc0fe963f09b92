import { expect, test } from 'vitest';
import { csvLine } from '../../cli/csv.ts';

test('a field with commas, quotes or line ends is quoted, and its quotes are doubled', () => {
  expect(csvLine(['plain', 'a, b', 'say "hi"', 'two\nlines', '漢😀', ''])).toBe(
    'plain,"a, b","say ""hi""","two\nlines",漢😀,',
  );
});

test('what a spreadsheet would run as a formula is text, and a number stays one', () => {
  expect(csvLine(['=1+1', '@SUM(A1)', '+49 30 1', '-x', '\tx', '-12.5', '+1'])).toBe(
    "'=1+1,'@SUM(A1),'+49 30 1,'-x,'\tx,-12.5,'+1",
  );
});
