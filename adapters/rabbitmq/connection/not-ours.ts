/**
 * The virtual host belongs to others: trying again is of no use until an operator has done something. The message is
 * one line that says what. `start` rejects with it at once; a link that stood before logs it as an error, and goes on
 * trying.
 */
export class NotOurs extends Error {}
