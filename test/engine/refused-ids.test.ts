import t from 'tap';
import { idOfFrame, refusalFrames } from '../../engine/refused-frame.js';
import { newId } from '../../engine/ids.js';

const id = newId();

t.test('the id of a post is found without reading the post', async (t) => {
  const found: [string, string | undefined][] = [
    [`{"type":"post","text":"a","id":"${id}"}`, id],
    [`{ "id" : "${id}", "type":"post","text":"a"}`, id],
    [`{"type":"post","text":"id","id":"${id}"}`, id],
    [`{"type":"post","text":"say \\"id\\":\\"x\\"","id":"${id}"}`, id],
    [`{"type":"post","text":"a","\\u0069d":"${id}"}`, id],
    [`{"type":"post","text":"say \\"id\\":\\"${id}\\""}`, undefined],
    ['{"type":"post","text":"id"}', undefined],
    ['{"type":"post","text":"a"}', undefined],
    ['{"type":"typing"}', undefined],
    ['no JSON', undefined],
    ['"id":', undefined],
    ['', undefined],
  ];
  for (const [frame, expected] of found) t.equal(idOfFrame(frame), expected, frame);
});

t.test('a refusal names the post it is about, and none if that has no id', async (t) => {
  const frame = refusalFrames({ code: 'unavailable', message: 'say “again”' });
  const told = {
    ...{ type: 'error', code: 'unavailable', message: 'say “again”' },
    ...{ retry: true, retry_after_ms: 1_000 },
  };
  t.same(JSON.parse(frame(id)), { ...told, id });
  t.same(JSON.parse(frame(undefined)), told);
  t.same(JSON.parse(frame(id, '42')), { ...told, id, room: '42' });
  t.same(JSON.parse(frame(undefined, '42')), { ...told, room: '42' });
});
