import t from 'tap';
import { createCompositionGuard } from '../../api/page/parts/composition.js';

const enter = (timeStamp: number, more = {}) => ({
  key: 'Enter',
  isComposing: false,
  keyCode: 13,
  timeStamp,
  ...more,
});

t.test('an Enter of its own is not the input method’s', async (t) => {
  t.notOk(createCompositionGuard().takes(enter(1)));
});

t.test('Chromium, Firefox: the key comes while it composes', async (t) => {
  const guard = createCompositionGuard();
  guard.started();
  t.ok(guard.takes(enter(1, { isComposing: true, keyCode: 229 })));
  guard.ended({ timeStamp: 2 });
  guard.released();
  t.notOk(guard.takes(enter(500)), 'the next one sends');
});

t.test('Safari: the key comes after the composition has ended', async (t) => {
  const guard = createCompositionGuard();
  guard.started();
  guard.ended({ timeStamp: 100 });
  t.ok(guard.takes(enter(101)), 'once');
  t.notOk(guard.takes(enter(102)), 'and not twice');
  guard.started();
  guard.ended({ timeStamp: 200 });
  t.ok(guard.takes(enter(199, { keyCode: 229 })), 'by its code, too');
});

t.test('an Enter after another key that ended it, or a moment later, sends', async (t) => {
  const guard = createCompositionGuard();
  guard.started();
  guard.ended({ timeStamp: 100 });
  guard.released();
  t.notOk(guard.takes(enter(130)), 'the key that ended it was released');
  guard.started();
  guard.ended({ timeStamp: 200 });
  t.notOk(guard.takes(enter(900)), 'long after');
});
