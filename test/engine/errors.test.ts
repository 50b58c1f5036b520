import t from 'tap';
import { CLOSE_SERVICE_RESTART, ERRORS, ERROR_CODES, errorText } from '../../engine/errors.js';

t.test('a connection that an error ends is closed with 4000 plus the HTTP status that fits', async (t) => {
  for (const code of ERROR_CODES) {
    const { http, close } = ERRORS[code];
    t.equal(close, 4000 + http, code);
    t.ok(http >= 400 && http < 600, code);
  }
});

t.test('the codes that clients know are those of the design', async (t) => {
  const closes = Object.fromEntries(ERROR_CODES.map((code) => [code, ERRORS[code].close]));
  t.match(closes, {
    bad_request: 4400,
    unauthorized: 4401,
    forbidden: 4403,
    room_not_found: 4404,
    room_full: 4409,
    room_closed: 4410,
    rate_limited: 4429,
    unavailable: 4503,
    slow_consumer: 4508,
  });
  t.equal(CLOSE_SERVICE_RESTART, 1012);
});

t.test('each has a line for a human, and says whether a retry may help', async (t) => {
  const titles = ERROR_CODES.map((code) => ERRORS[code].title);
  t.equal(new Set(titles).size, titles.length, 'no two say the same');
  for (const code of ERROR_CODES) t.match(code, /^[a-z_]+$/);
  for (const code of ['unavailable', 'rate_limited', 'internal', 'slow_consumer', 'room_full'] as const)
    t.ok(ERRORS[code].retry, code);
  for (const code of ['bad_request', 'forbidden', 'room_closed', 'id_conflict'] as const)
    t.notOk(ERRORS[code].retry, code);
});

t.test('whatever is thrown has a text', async (t) => {
  t.equal(errorText(new Error('why')), 'why');
  t.equal(errorText('why'), 'why');
  t.equal(errorText(undefined), 'undefined');
  t.equal(errorText(null), 'null');
});
