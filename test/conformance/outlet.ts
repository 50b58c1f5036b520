import t from 'tap';
import type { Outlet, Socket } from '../../engine/ports.js';
import { until } from '../support/until.js';

/** One socket of an adapter, and what its client sees of it. */
export interface Wire {
  readonly socket: Socket;
  /** Frames the client has got so far. */
  readonly got: () => readonly string[];
  /** The code the server closed it with, or null. */
  readonly closedWith: () => number | null;
  /** Why the adapter wants it ended, or null. */
  readonly endedFor: () => string | null;
  /** The client reads nothing until `readOn`. */
  stopReading(): void;
  readOn(): void;
  /** The client goes away; resolves when the server has noticed. */
  leave(): Promise<void>;
}

export interface OutletUnderTest {
  readonly outlet: Outlet;
  connect(): Promise<Wire>;
  close(): Promise<void>;
}

/** What every outlet and its sockets promise; see `Outlet` and `Socket` in engine/ports.ts. */
export function outletConformance(name: string, make: () => Promise<OutletUnderTest>): void {
  t.test(`the ${name} outlet`, async (t) => {
    const under = await make();
    const { outlet } = under;
    t.teardown(() => under.close());
    const all = (wire: Wire, count: number): Promise<unknown> =>
      until(() => wire.got().length >= count, { what: () => `${count} frames; got ${wire.got().join(' ')}` });

    t.test('what is published reaches those who subscribed, in order, and nobody else', async (t) => {
      const [alice, bob, carol] = [await under.connect(), await under.connect(), await under.connect()];
      alice.socket.subscribe('room', null);
      bob.socket.subscribe('room', null);
      carol.socket.subscribe('room:2', null);
      for (let i = 1; i <= 50; i++) outlet.publish('room', `frame ${i} ü😀`);
      outlet.publish('room:2', 'for carol');
      await Promise.all([all(alice, 50), all(bob, 50), all(carol, 1)]);
      const sent = Array.from({ length: 50 }, (_, i) => `frame ${i + 1} ü😀`);
      t.strictSame(alice.got(), sent);
      t.strictSame(bob.got(), sent);
      t.strictSame(carol.got(), ['for carol']);
    });

    t.test('a topic without a subscriber swallows what is published', (t) => {
      t.doesNotThrow(() => outlet.publish('nobody', 'frame'));
      t.end();
    });

    t.test('what one socket is sent and what it hears stand in the order of the calls', async (t) => {
      const dave = await under.connect();
      outlet.publish('order', 'before it subscribed');
      dave.socket.send('1');
      dave.socket.subscribe('order', null);
      outlet.publish('order', '2');
      dave.socket.send('3');
      outlet.publish('order', '4');
      await all(dave, 4);
      t.strictSame(dave.got(), ['1', '2', '3', '4']);
    });

    t.test('what is sent soon comes in order, and before what is sent, heard or closed later', async (t) => {
      const heidi = await under.connect();
      const numbered = (kind: string): string[] => Array.from({ length: 50 }, (_, i) => `${kind} ${i + 1}`);
      numbered('soon').forEach((frame, i) => {
        if (i % 2 === 0) heidi.socket.sendAlong(frame);
        else heidi.socket.sendSoon(frame);
      });
      heidi.socket.send('now', 'with this');
      heidi.socket.sendSoon('before it hears');
      heidi.socket.subscribe('soon', null);
      outlet.publish('soon', 'published');
      await all(heidi, 54);
      t.strictSame(heidi.got(), [...numbered('soon'), 'now', 'with this', 'before it hears', 'published']);
      for (const frame of numbered('soon')) {
        heidi.socket.sendSoon(frame);
        outlet.publish('soon', `published ${frame}`);
      }
      heidi.socket.end(4410, 'room_closed');
      await until(() => heidi.closedWith() !== null, { what: 'the close' });
      const rest = heidi.got().slice(54);
      const of = (kind: string): string[] => rest.filter((frame) => frame.startsWith(kind));
      t.strictSame(of('soon'), numbered('soon'));
      t.strictSame(of('published'), numbered('published soon'));
    });

    t.test('what may go along with another frame goes all the same when none comes', async (t) => {
      const ivan = await under.connect();
      ivan.socket.sendAlong('alone');
      await all(ivan, 1);
      t.strictSame(ivan.got(), ['alone']);
    });

    t.test('ending a socket comes after what it was sent', async (t) => {
      const erin = await under.connect();
      erin.socket.subscribe('end', null);
      outlet.publish('end', 'published');
      erin.socket.send('last words');
      erin.socket.end(4410, 'room_closed');
      await until(() => erin.closedWith() !== null, { what: 'the close' });
      t.equal(erin.closedWith(), 4410);
      t.strictSame(erin.got(), ['published', 'last words']);
    });

    t.test('a socket that changes its topic misses nothing, and gets nothing twice', async (t) => {
      const judy = await under.connect();
      judy.socket.subscribe('one', null);
      const topics = ['one', 'two'];
      let topic = 'one';
      const move = (to: number): void => {
        const next = topics[to] ?? '';
        judy.socket.subscribe(next, topic);
        topic = next;
      };
      for (let i = 0; i < 200; i++) {
        for (const topic of topics) outlet.publish(topic, `${i}`);
        if (i % 7 === 0) move(i % 2);
        if (i % 50 === 0) judy.socket.sendSoon(`soon ${i}`);
      }
      judy.socket.send('last');
      await all(judy, 205);
      const published = judy.got().filter((frame) => /^\d+$/.test(frame));
      t.strictSame(
        published,
        Array.from({ length: 200 }, (_, i) => `${i}`),
      );
      t.equal(judy.got().at(-1), 'last');
    });

    t.test('a socket with several topics hears each of them, until it leaves it', async (t) => {
      const nick = await under.connect();
      for (const topic of ['red', 'green', 'blue']) nick.socket.subscribe(topic, null);
      for (const topic of ['red', 'green', 'blue', 'red']) outlet.publish(topic, topic);
      nick.socket.send('goodbye, red');
      nick.socket.unsubscribe('red');
      outlet.publish('red', 'late');
      outlet.publish('green', 'green again');
      nick.socket.subscribe('yellow', 'green');
      for (const topic of ['red', 'green', 'yellow', 'blue']) outlet.publish(topic, `${topic} at last`);
      nick.socket.sendSoon('soon');
      nick.socket.send('goodbye, all');
      for (const topic of ['yellow', 'blue', 'never heard']) nick.socket.unsubscribe(topic);
      for (const topic of ['red', 'green', 'yellow', 'blue']) outlet.publish(topic, 'late');
      nick.socket.send('the end');
      await until(() => nick.got().includes('the end'), { what: 'the end' });
      t.strictSame(nick.got(), [
        ...['red', 'green', 'blue', 'red', 'goodbye, red', 'green again', 'yellow at last', 'blue at last'],
        ...['soon', 'goodbye, all', 'the end'],
      ]);
    });

    /** Sends numbered frames until more than `bytes` wait; answers how many it sent. */
    function fill({ socket }: Wire, bytes: number): number {
      let sent = 0;
      while (socket.backlog() <= bytes && sent < 10_000) socket.send(`${++sent} ${'x'.repeat(8_000)}`);
      return sent;
    }

    t.test(
      'what a client does not read is counted, and whoever waits for it to read is called',
      async (t) => {
        const kim = await under.connect();
        const calls: string[] = [];
        t.equal(kim.socket.backlog(), 0);
        const caller = {};
        kim.socket.whenRead(0, () => calls.push('nothing waits'), caller);
        t.strictSame(calls, ['nothing waits'], 'at once');
        kim.stopReading();
        const sent = fill(kim, outlet.bufferBytes / 2);
        t.ok(kim.socket.backlog() > outlet.bufferBytes / 2);
        kim.socket.whenRead(outlet.bufferBytes, () => calls.push('little enough'), caller);
        kim.socket.whenRead(outlet.bufferBytes / 2, () => calls.push('replaced'), caller);
        kim.socket.whenRead(outlet.bufferBytes / 3, () => calls.push('another caller'), {});
        kim.socket.whenRead(outlet.bufferBytes / 4, () => {
          calls.push('read');
          t.ok(kim.socket.backlog() <= outlet.bufferBytes / 4);
        }, caller);
        t.strictSame(calls, ['nothing waits', 'little enough']);
        kim.readOn();
        await until(() => calls.includes('read'), { what: 'the call' });
        await all(kim, sent);
        t.strictSame([...calls].sort(), ['another caller', 'little enough', 'nothing waits', 'read'], 'once');
        t.strictSame(
          kim.got().map((frame) => Number.parseInt(frame, 10)),
          Array.from({ length: sent }, (_, i) => i + 1),
          'and nothing is missing',
        );
      },
    );

    t.test(
      'behind a frame that found the buffer full comes none, and the connection is to be ended',
      async (t) => {
        const leo = await under.connect();
        leo.socket.subscribe('full', null);
        leo.stopReading();
        const sent = fill(leo, outlet.bufferBytes);
        leo.socket.send('lost');
        leo.socket.sendSoon('late');
        outlet.publish('full', 'late');
        leo.socket.subscribe('full too', null);
        leo.readOn();
        await until(() => leo.endedFor() !== null, { what: 'the end' });
        outlet.publish('full', 'late');
        outlet.publish('full too', 'late');
        t.equal(leo.endedFor(), 'slow_consumer');
        leo.socket.end(4508, 'slow_consumer');
        await until(() => leo.closedWith() !== null, { what: 'the close' });
        t.equal(leo.closedWith(), 4508);
        t.strictSame(
          leo.got().map((frame) => Number.parseInt(frame, 10)),
          Array.from({ length: sent }, (_, i) => i + 1),
        );
      },
    );

    t.test('nobody is called for a socket that is gone', async (t) => {
      const mia = await under.connect();
      mia.stopReading();
      fill(mia, outlet.bufferBytes / 2);
      mia.socket.whenRead(0, () => t.fail('it has gone'), {});
      mia.socket.end(4410, 'room_closed');
      t.doesNotThrow(() => mia.socket.whenRead(0, () => t.fail('it has gone'), {}));
      mia.readOn();
      await until(() => mia.closedWith() !== null, { what: 'the close' });
    });

    t.test('a socket that is gone does no harm, whatever is asked of it', async (t) => {
      const [frank, grace] = [await under.connect(), await under.connect()];
      frank.socket.subscribe('gone', null);
      grace.socket.subscribe('gone', null);
      await frank.leave();
      frank.socket.send('late');
      frank.socket.subscribe('gone too', null);
      frank.socket.end(4410, 'room_closed');
      outlet.publish('gone', 'for grace');
      await all(grace, 1);
      t.strictSame(grace.got(), ['for grace']);
      t.strictSame(frank.got(), []);
    });
  });
}
