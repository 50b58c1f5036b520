/**
 * The virtual host belongs to another cluster: a retry is useless until an operator has done something. The message is one
 * line that says what. `start` rejects with it at once; a link that was connected before logs it as an error, and keeps
 * retrying.
 */
export class NotOurs extends Error {}
