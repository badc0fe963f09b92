import { jsonText } from './jsonText.ts';

/** A double holds every decimal number of so many significant digits. */
export const SIGNIFICANT_DIGITS_MAX = 15;

/** The smallest double that still holds them all; below it doubles lose digits, and end at zero. */
const NORMAL_DOUBLE_MIN = 2.2250738585072014e-308;

/** Most of what comes: at most 15 characters that JSON would write just so. */
const PLAIN = /^(?:0|-?[1-9]\d*|-?(?:0|[1-9]\d*)\.\d*[1-9])$/;

/** No part of it can match what another one does, so that it takes one pass, however long the text. */
const DECIMAL = /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;

/**
 * A decimal number as JSON: a number where it has at most 15 significant digits and lies in the range of a
 * double, so that every reader keeps it exact, else text. Zeros at the end of a fraction do not count, and are
 * left out. `NaN` and the like are text.
 */
export function jsonNumber(text: string): string {
  if (text.length <= SIGNIFICANT_DIGITS_MAX && PLAIN.test(text)) return text;
  const match = DECIMAL.exec(text);
  if (match === null) return jsonText(text);
  const [, sign = '', wholeDigits = '', fractionDigits = '', exponent = ''] = match;
  if (wholeDigits === '' && fractionDigits === '') return jsonText(text);
  const whole = wholeDigits.slice(leadingZeros(wholeDigits));
  const fraction = fractionDigits.slice(0, fractionDigits.length - trailingZeros(fractionDigits));
  if (whole === '' && fraction === '') return '0';
  const significant =
    whole === '' ? fraction.length - leadingZeros(fraction) : whole.length + fraction.length;
  if (significant > SIGNIFICANT_DIGITS_MAX) return jsonText(text);
  const decimal = `${whole === '' ? '0' : whole}${fraction === '' ? '' : `.${fraction}`}`;
  const number = exponent === '' ? decimal : `${decimal}e${exponent}`;
  return fitsDouble(number) ? sign + number : jsonText(text);
}

function fitsDouble(number: string): boolean {
  const value = Number(number);
  return value >= NORMAL_DOUBLE_MIN && Number.isFinite(value);
}

const ZERO = 48;

function leadingZeros(digits: string): number {
  let count = 0;
  while (digits.charCodeAt(count) === ZERO) count += 1;
  return count;
}

function trailingZeros(digits: string): number {
  let count = 0;
  while (digits.charCodeAt(digits.length - 1 - count) === ZERO) count += 1;
  return count;
}
