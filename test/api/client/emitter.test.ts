import t from 'tap';
import { createEmitter } from '../../../api/client/emitter.js';

t.test('what a listener throws is an uncaught error, and the others are called', async (t) => {
  const { on, emit } = createEmitter<{ word: string }>();
  const heard: string[] = [];
  const fault = new Error('a bug of the page');
  on('word', () => {
    throw fault;
  });
  on('word', (word) => heard.push(word));
  const uncaught = new Promise((resolve) => process.setUncaughtExceptionCaptureCallback(resolve));
  emit('word', 'hello');
  t.same(heard, ['hello']);
  t.equal(await uncaught, fault);
  process.setUncaughtExceptionCaptureCallback(null);
});

t.test('listeners come and go, also while they are called', async (t) => {
  const { on, off, emit } = createEmitter<{ word: string }>();
  const heard: string[] = [];
  const second = (word: string): void => void heard.push(`second ${word}`);
  const away = on('word', (word) => {
    heard.push(word);
    off('word', second);
    on('word', second);
    away();
  });
  on('word', second);
  on('word', second);
  emit('word', '1');
  t.same(heard.splice(0), ['1', 'second 1'], 'who was there is called, once');
  emit('word', '2');
  t.same(heard, ['second 2']);
  off('word', () => undefined);
});
