import t from 'tap';
import { createMachine } from '../../../api/client/machine.js';

type State = { readonly name: 'off' } | { readonly name: 'on'; readonly volume: number };
type Event = { readonly type: 'press' | 'fuse' } | { readonly type: 'turn'; readonly by: number };

function radio() {
  const log: string[] = [];
  const machine = createMachine<State, Event>(
    { name: 'off' },
    {
      off: { on: { press: () => ({ name: 'on', volume: 1 }) } },
      on: {
        enter({ volume }) {
          log.push(`enter ${volume}`);
          if (volume > 10) machine.send({ type: 'fuse' });
          return () => log.push(`leave ${volume}`);
        },
        on: {
          press: () => ({ name: 'off' }),
          fuse: () => ({ name: 'off' }),
          turn: ({ by }, { volume }) => (by === 0 ? null : { name: 'on', volume: volume + by }),
        },
      },
    },
    ({ name }) => log.push(name),
  );
  return { machine, log };
}

t.test('a state is entered, and cleaned up when it is left', async (t) => {
  const { machine, log } = radio();
  machine.send({ type: 'press' });
  machine.send({ type: 'turn', by: 2 });
  machine.send({ type: 'press' });
  t.same(log, ['enter 1', 'on', 'leave 1', 'enter 3', 'on', 'leave 3', 'off']);
});

t.test('null stays, and neither leaves nor enters', async (t) => {
  const { machine, log } = radio();
  machine.send({ type: 'press' });
  machine.send({ type: 'turn', by: 0 });
  t.same(log, ['enter 1', 'on']);
});

t.test('an event that cannot happen throws, and says which can', async (t) => {
  const { machine } = radio();
  t.throws(() => machine.send({ type: 'turn', by: 1 }), { message: /turn while off; legal: press/ });
  machine.send({ type: 'press' });
  t.equal(machine.state().name, 'on', 'it goes on');
});

t.test('what is sent while a state is entered waits for its turn', async (t) => {
  const { machine, log } = radio();
  machine.send({ type: 'press' });
  machine.send({ type: 'turn', by: 20 });
  t.same(log, ['enter 1', 'on', 'leave 1', 'enter 21', 'on', 'leave 21', 'off']);
});
