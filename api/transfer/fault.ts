import { errorText } from '../../engine/errors.js';

/** Why a transfer ended early: one line for an operator. */
export class TransferFault extends Error {}

/** What is wrong with the line that is being read; whoever reads it knows its number. */
export class LineFault extends TransferFault {}

/** An export's reader has gone (`parlor export 42 | head`): nothing that anybody has to be told. */
export class ReaderGone extends Error {}

/** The text of anything thrown, as one line without control characters: it may quote what stands in a file. */
export function faultText(cause: unknown): string {
  return errorText(cause)
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}
