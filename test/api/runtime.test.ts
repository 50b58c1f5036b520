import t from 'tap';
import { missingOn } from '../../api/runtime.js';
import { startParlor } from '../support/parlor.js';

void t.test('Node 20 is told to be old in one line at start, and newer ones are not', async (t) => {
  t.match(missingOn(20), /Node 20 is out of support.*505.*not answered.*Use Node 24 or 22/);
  t.equal(missingOn(22), null);
  t.equal(missingOn(24), null);
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const told = parlor.logs.filter(({ level, msg }) => level === 40 && /out of support/.test(msg));
  const expected = missingOn(Number.parseInt(process.versions.node, 10));
  t.same(
    told.map(({ msg }) => msg),
    expected === null ? [] : [expected],
  );
});
