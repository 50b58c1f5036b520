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
      alice.socket.subscribe('room');
      bob.socket.subscribe('room');
      carol.socket.subscribe('room:2');
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
      dave.socket.subscribe('order');
      outlet.publish('order', '2');
      dave.socket.send('3');
      outlet.publish('order', '4');
      await all(dave, 4);
      t.strictSame(dave.got(), ['1', '2', '3', '4']);
    });

    t.test('replies come in their order, soon, and none is lost when the socket is ended', async (t) => {
      const heidi = await under.connect();
      heidi.socket.subscribe('replies');
      for (let i = 1; i <= 50; i++) {
        heidi.socket.reply(`reply ${i}`);
        outlet.publish('replies', `message ${i}`);
      }
      await all(heidi, 100);
      const of = (kind: string): string[] => heidi.got().filter((frame) => frame.startsWith(kind));
      const numbered = (kind: string): string[] => Array.from({ length: 50 }, (_, i) => `${kind} ${i + 1}`);
      t.strictSame(of('reply'), numbered('reply'));
      t.strictSame(of('message'), numbered('message'));
      heidi.socket.send('sent', 'with this');
      heidi.socket.reply('the last one');
      heidi.socket.end(4410, 'room_closed');
      await until(() => heidi.closedWith() !== null, { what: 'the close' });
      t.strictSame(heidi.got().slice(100), ['sent', 'with this', 'the last one']);
    });

    t.test('ending a socket comes after what it was sent', async (t) => {
      const erin = await under.connect();
      erin.socket.subscribe('end');
      outlet.publish('end', 'published');
      erin.socket.send('last words');
      erin.socket.end(4410, 'room_closed');
      await until(() => erin.closedWith() !== null, { what: 'the close' });
      t.equal(erin.closedWith(), 4410);
      t.strictSame(erin.got(), ['published', 'last words']);
    });

    t.test('a socket that is gone does no harm, whatever is asked of it', async (t) => {
      const [frank, grace] = [await under.connect(), await under.connect()];
      frank.socket.subscribe('gone');
      grace.socket.subscribe('gone');
      await frank.leave();
      frank.socket.send('late');
      frank.socket.subscribe('gone too');
      frank.socket.end(4410, 'room_closed');
      outlet.publish('gone', 'for grace');
      await all(grace, 1);
      t.strictSame(grace.got(), ['for grace']);
      t.strictSame(frank.got(), []);
    });
  });
}
