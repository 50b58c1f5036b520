import t from 'tap';
import { createReadDoor, TooManyReads } from '../../api/read-door.js';

/** A read that ends when the test says so. */
function openRead(): {
  read: () => Promise<string>;
  begun: () => boolean;
  end: (text: string) => void;
  fail: () => void;
} {
  let begun = false;
  let end = (_text: string): void => undefined;
  let fail = (): void => undefined;
  const result = new Promise<string>((resolve, reject) => {
    end = resolve;
    fail = () => reject(new Error('the disk is gone'));
  });
  const read = (): Promise<string> => {
    begun = true;
    return result;
  };
  return { read, begun: () => begun, end, fail };
}

const turn = (): Promise<void> => new Promise((next) => setImmediate(next));

t.test('a few reads are with the store, the others wait and have their turns in order', async (t) => {
  const door = createReadDoor({ maxRunning: 2, maxQueued: 2 });
  const reads = [openRead(), openRead(), openRead(), openRead()];
  const answers = reads.map(({ read }) => door.pass(read));
  await turn();
  const begun = (): boolean[] => reads.map((one) => one.begun());
  t.same(begun(), [true, true, false, false]);
  t.equal(door.waiting, 2);
  reads[1]?.end('second');
  t.equal(await answers[1], 'second');
  await turn();
  t.same(begun(), [true, true, true, false], 'the one that came first');
  for (const [i, one] of reads.entries()) one.end(`read ${i}`);
  t.same(await Promise.all(answers), ['read 0', 'second', 'read 2', 'read 3']);
  t.equal(door.waiting, 0);
});

t.test('when too many wait, the next one is refused and costs the store nothing', async (t) => {
  const door = createReadDoor({ maxRunning: 1, maxQueued: 1 });
  const [first, second, third] = [openRead(), openRead(), openRead()];
  const answers = [door.pass(first.read), door.pass(second.read)];
  await t.rejects(door.pass(third.read), new TooManyReads());
  t.notOk(third.begun());
  first.end('1');
  second.end('2');
  t.same(await Promise.all(answers), ['1', '2']);
  third.end('3');
  t.equal(await door.pass(third.read), '3', 'later there is room');
});

t.test('a read that fails gives its place back', async (t) => {
  const door = createReadDoor({ maxRunning: 1, maxQueued: 1 });
  const [bad, good] = [openRead(), openRead()];
  const failed = door.pass(bad.read);
  const answered = door.pass(good.read);
  bad.fail();
  await t.rejects(failed, /the disk is gone/);
  good.end('fine');
  t.equal(await answered, 'fine');
  await t.rejects(
    door.pass(() => {
      throw new Error('not even begun');
    }),
    /not even begun/,
  );
  t.equal(await door.pass(async () => 'and goes on'), 'and goes on');
});
