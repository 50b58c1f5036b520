import { errorText } from '../../engine/errors.js';

/** Why a transfer ended early: one line for an operator. */
export class TransferFault extends Error {}

/** What is wrong with a line. The caller adds its number. */
export class LineFault extends TransferFault {}

/** The reader of an export has closed the pipe (`parlor export 42 | head`). That is no error to report. */
export class ReaderGone extends Error {}

/** The text of anything thrown, as one line without control characters, as it may quote a file. */
export function faultText(cause: unknown): string {
  return errorText(cause)
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}
