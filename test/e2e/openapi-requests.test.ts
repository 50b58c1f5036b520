import t from 'tap';
import { chanceOf, mixed } from '../fuzz/chance.js';
import { ask } from '../fuzz/http.js';
import { POOL, requestTo } from '../fuzz/http-requests.js';
import { startParlor, type Parlor } from '../support/parlor.js';
import { readOpenApi } from './support/openapi.js';

/** Requests to each call; `make fuzz` sends more. */
const RUNS = 150;
/** Always the same requests; SEED= for others. */
const SEED = Number(process.env.SEED ?? 3);

/** Opens the rooms that are asked for, with a member in each who can be removed. */
async function moveIn(parlor: Parlor): Promise<void> {
  for (const room of POOL) {
    await parlor.send('PUT', `/api/rooms/${room}`, { capacity: null, grace_ms: 0 });
    await parlor.join(room, 'user=alice');
  }
}

t.test('whatever is asked of a call, right or wrong, its answer is as the document says', async (t) => {
  const parlor = await startParlor({ GRACE_MS: '0', IDLE_MS: '500' });
  t.teardown(() => parlor.end());
  const document = await readOpenApi(parlor);
  const ids: string[] = [];
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      if (operation.operationId === 'removeMember') await moveIn(parlor);
      const faults: string[] = [];
      const seen = new Set<string>();
      for (let run = 0; run < RUNS; run++) {
        const chance = chanceOf(mixed(SEED, run, ...Buffer.from(`${method} ${path}`)));
        const request = requestTo(chance, { path, method, operation }, ids);
        const { came, wrong, answer } = await ask(parlor.port, request);
        seen.add(came);
        const id = answer?.status === 201 ? /"id":"([0-9a-f-]{36})"/.exec(answer.body)?.[1] : undefined;
        if (id !== undefined && ids.length < 20) ids.push(id);
        if (wrong !== null) faults.push(`${wrong}, to ${request.bytes.toString().slice(0, 300)}`);
      }
      t.same(faults.slice(0, 5), [], `${method} ${path}: ${[...seen].sort().join(', ')}`);
      t.ok(
        [...seen].some((status) => /^2/.test(status)),
        `${method} ${path} was done`,
      );
    }
  }
});
