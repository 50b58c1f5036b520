import t, { type Test } from 'tap';
import { BEAT_MS, Heartbeat, type Beating } from '../../adapters/uws/heartbeat.js';

/** A socket whose client answers nothing unless it is told to. */
class FakeSocket implements Beating {
  lastBeat = 0;
  slot = 0;
  pings: number[] = [];
  endedAt: number | null = null;

  constructor(
    private readonly heartbeat: Heartbeat,
    private readonly answers = false,
  ) {
    heartbeat.add(this);
  }

  ping(): void {
    this.pings.push(this.heartbeat.now);
    if (this.answers) this.lastBeat = this.heartbeat.now;
  }

  endSilent(): void {
    this.endedAt = this.heartbeat.now;
    this.heartbeat.remove(this);
  }
}

const S = 1_000 / BEAT_MS;

/** A heartbeat whose beats the test gives: `pass` one after another, on time; `late` one after so many ms. */
function start(t: Test, pingS: number, silenceS: number) {
  const heartbeat = new Heartbeat({ pingS, silenceS });
  const sockets: FakeSocket[] = [];
  let at = performance.now();
  t.teardown(() => sockets.forEach((one) => heartbeat.remove(one)));
  return {
    heartbeat,
    add: (answers = false): FakeSocket => {
      const socket = new FakeSocket(heartbeat, answers);
      sockets.push(socket);
      return socket;
    },
    pass: (beats: number): void => {
      for (let i = 0; i < beats; i++) heartbeat.beat((at += BEAT_MS));
    },
    late: (ms: number): void => {
      heartbeat.beat((at += ms));
    },
  };
}

t.test('each socket is pinged once in the time that is set, and not all in the same moment', async (t) => {
  const { add, pass } = start(t, 25, 120);
  const sockets = Array.from({ length: 1_000 }, () => add(true));
  pass(25 * S);
  t.ok(sockets.every(({ pings }) => pings.length === 1));
  const busiest = Math.max(
    ...[...Array(25 * S).keys()].map((n) => sockets.filter(({ pings }) => pings[0] === n + 1).length),
  );
  t.equal(busiest, 1_000 / (25 * S), 'all beats have the same to do');
  pass(25 * S);
  t.ok(sockets.every(({ pings: [first = 0, second = 0] }) => second - first === 25 * S));
});

t.test('a silent client is tolerated as long as is set, and ended at its next ping', async (t) => {
  const { add, pass, heartbeat } = start(t, 25, 120);
  pass(7);
  const sockets = Array.from({ length: 100 }, () => add());
  const since = heartbeat.now;
  pass(120 * S - 1);
  t.ok(sockets.every(({ endedAt }) => endedAt === null));
  pass(25 * S);
  t.ok(sockets.every(({ endedAt }) => endedAt !== null && endedAt - since >= 120 * S));
  const lives = add(true);
  pass(500 * S);
  t.equal(lives.endedAt, null, 'one that answers is never ended');
});

t.test('with a short SILENCE_S, a client is pinged twice before it is taken for dead', async (t) => {
  const { add, pass } = start(t, 25, 8);
  const answers = Array.from({ length: 50 }, () => add(true));
  const silent = Array.from({ length: 50 }, () => add());
  pass(100 * S);
  t.ok(answers.every(({ endedAt }) => endedAt === null));
  t.ok(silent.every(({ pings, endedAt }) => pings.length >= 1 && endedAt !== null));
});

t.test('after a pause of the process nobody is ended before what came meanwhile is read', async (t) => {
  const { add, pass, late } = start(t, 2, 8);
  // In every phase: at each of these beats the time of some of them would be over.
  const sockets = [];
  for (let i = 0; i < 8 * S; i++) {
    sockets.push(add());
    pass(1);
  }
  const before = sockets.filter(({ endedAt }) => endedAt === null);
  t.ok(before.length > 20);
  late(40_000);
  t.same(
    before.filter(({ endedAt }) => endedAt !== null),
    [],
    'not in the beat after it',
  );
  // Then their pongs are read.
  for (const socket of before) socket.lastBeat = Infinity;
  pass(20 * S);
  t.same(
    before.filter(({ endedAt }) => endedAt !== null),
    [],
    'nor later',
  );
});

t.test('without sockets there is no timer', async (t) => {
  const { add, heartbeat } = start(t, 25, 120);
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  const [one, two] = [add(), add()];
  heartbeat.remove(one);
  heartbeat.remove(one);
  t.ok(two.slot !== one.slot);
  heartbeat.remove(two);
  t.equal(timers(), before);
});
