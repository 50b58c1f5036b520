import { isUuid } from '../../engine/ids.js';
import type { Page, RoomRecord, Store } from '../../engine/ports.js';
import { EVENT_COLUMNS } from '../stores/columns.js';
import type { Row, Statement } from './line.js';
import { HORIZON } from './positions.js';
import { EVENTS, ROOMS, toEvent, toRecord } from './rows.js';

/** Runs a statement on a connection of the store's choice. */
export type Run = (statement: Statement, values?: readonly unknown[]) => Promise<Row[]>;

const WHERE = `SELECT ${EVENTS} FROM parlor.events e WHERE`;
/** The smallest seq of the event's room that is not forgotten. */
const KEPT = '(SELECT r.first_seq FROM parlor.rooms r WHERE r.room_id = e.room_id)';
const BETWEEN = `e.room_id = $1 AND e.seq < $3
  AND e.seq >= greatest($2::bigint + 1, (SELECT r.first_seq FROM parlor.rooms r WHERE r.room_id = $1))`;
const MESSAGE = `e.type = 'message_posted'`;

/** Every statement that reads, by name. Tests check the plan of each. */
export const READS = {
  load: `SELECT ${ROOMS} FROM parlor.rooms r WHERE r.room_id = $1`,
  rooms: `SELECT ${ROOMS} FROM parlor.rooms r WHERE r.room_id > $1 ORDER BY r.room_id LIMIT $2`,
  history_up: `${WHERE} ${BETWEEN} ORDER BY e.seq LIMIT $4`,
  history_down: `${WHERE} ${BETWEEN} ORDER BY e.seq DESC LIMIT $4`,
  messages_up: `${WHERE} ${BETWEEN} AND ${MESSAGE} ORDER BY e.seq LIMIT $4`,
  messages_down: `${WHERE} ${BETWEEN} AND ${MESSAGE} ORDER BY e.seq DESC LIMIT $4`,
  find_event: `${WHERE} e.event_id = $1 AND e.seq >= ${KEPT}`,
  find_events: `${WHERE} e.event_id = ANY ($1::uuid[]) AND e.seq >= ${KEPT}`,
  log_bounds: `SELECT (${HORIZON}), (
    SELECT e.position FROM parlor.events e WHERE e.event_id = $1 AND e.seq >= ${KEPT})`,
  log: `SELECT ${EVENTS}, e.position, e.seq >= ${KEPT} FROM parlor.events e
    WHERE e.position > $1 AND e.position <= $2 ORDER BY e.position LIMIT $3`,
} as const;

/** If the log holds much that is forgotten: positions to read in one step, and such steps in one call. */
const LOG_STEP = 2_000;
const LOG_STEPS = 10;
/** In a row of `log`, behind the columns of the event. */
const POSITION = EVENT_COLUMNS.length;
const LIVE = POSITION + 1;

function statement(name: keyof typeof READS): Statement {
  return { name, text: READS[name] };
}

/** The reading half of the store. Each call is one statement along one index, and `log` one more. */
export function createReads(
  read: Run,
): Pick<Store, 'load' | 'history' | 'log' | 'findEvents' | 'findEvent' | 'rooms'> {
  return {
    async load(roomId): Promise<RoomRecord | null> {
      const [row] = await read(statement('load'), [roomId]);
      return row === undefined ? null : toRecord(row);
    },
    async rooms(after, limit) {
      return (await read(statement('rooms'), [after ?? '', limit])).map(toRecord);
    },
    async history({ room_id, after, before, limit, messages_only }: Page) {
      const up = after !== undefined;
      const name = `${messages_only ? 'messages' : 'history'}_${up ? 'up' : 'down'}` as const;
      const bounds = [up ? after : 0, before ?? Number.MAX_SAFE_INTEGER];
      return (await read(statement(name), [room_id, ...bounds, limit])).map(toEvent);
    },
    async findEvent(eventId) {
      if (!isUuid(eventId)) return null;
      const [row] = await read(statement('find_event'), [eventId]);
      return row === undefined ? null : toEvent(row);
    },
    async findEvents(ids) {
      const valid = ids.filter(isUuid);
      if (valid.length === 0) return [];
      return (await read(statement('find_events'), [valid])).map(toEvent);
    },
    async log(after, limit) {
      const known = after !== null && isUuid(after) ? after : null;
      const [bounds] = await read(statement('log_bounds'), [known]);
      const [horizon, position] = bounds as [number, number | null];
      let from = known === null ? Number(after) : position;
      if (from === null || Number.isNaN(from)) return null;
      const live: Row[] = [];
      let more = true;
      // One more than the limit, to find out whether there is more.
      for (let [step, steps] = [limit + 1, 0]; more && live.length <= limit && steps <= LOG_STEPS; steps++) {
        const rows = await read(statement('log'), [from, horizon, step]);
        live.push(...rows.filter((row) => row[LIVE] === true));
        from = positionOf(rows.at(-1)) ?? from;
        more = rows.length === step;
        step = LOG_STEP;
      }
      const page = live.slice(0, limit);
      if (live.length > limit) [from, more] = [positionOf(page.at(-1)) ?? from, true];
      return { events: page.map(toEvent), cursor: from === 0 ? null : String(from), more };
    },
  };
}

function positionOf(row: Row | undefined): number | undefined {
  return row?.[POSITION] as number | undefined;
}
