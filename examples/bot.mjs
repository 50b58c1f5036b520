/** A bot with dice: `!roll 2d6` in the lobby. */
import { randomInt } from 'node:crypto';
import { connect } from 'parlor/client';

const parlor = connect(process.env.PARLOR_URL ?? 'http://127.0.0.1:8000', { user: 'dice' });
const room = parlor.room('channel:lobby');

parlor.on('status', ({ status, error }) => console.log(status, error?.message ?? ''));
room.on('status', ({ status, error }) => console.log(`${room.id}: ${status}`, error?.message ?? ''));
// Gives up the seat, and ends the loop below.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => parlor.close());

// Joins the room. Each message comes once, in order, however often the connection is lost meanwhile.
for await (const { user, text } of room) {
  const [, count, sides] = /^!roll ([1-9])d([1-9]\d{0,2})$/.exec(text) ?? [];
  if (count === undefined) continue;
  const dice = Array.from({ length: Number(count) }, () => randomInt(1, Number(sides) + 1));
  // Not awaited: without a connection it waits in the outbox. A refusal must not end the bot.
  room.post(`${user ?? 'somebody'} rolls ${dice.join(' + ')}`).catch((error) => console.error(error.message));
}
