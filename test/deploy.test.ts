import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { readConfig } from '../api/config.js';
import { createGuard } from '../api/origins.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

const compose = read('docker-compose.yml');
const proxy = read('deploy/haproxy.cfg');
const rabbit = read('deploy/rabbitmq-cluster.conf');
const defaults = readConfig({});

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** What follows a word, in ms: `inter 1s`, `timeout tunnel 10m`. */
function timeAfter(word: string, text = proxy): number {
  const [, number, unit] = new RegExp(`^[^#\n]*\\b${word}:? +(\\d+)(ms|s|m|h)\\b`, 'm').exec(text) ?? [];
  if (number === undefined) throw new Error(`there is no ${word}`);
  return Number(number) * UNITS[unit as keyof typeof UNITS];
}

function all(pattern: RegExp, text: string): string[] {
  return [...text.matchAll(pattern)].map(([, found = '']) => found).sort();
}

const delays = all(/DRAIN_DELAY_MS: (\d+)/g, compose).map(Number);

t.test(
  'in the cluster of docker-compose.yml, the proxy notices that a node goes down before it drains',
  async (t) => {
    const fall = Number(/\bfall (\d+)/.exec(proxy)?.[1]);
    t.equal(delays.length, 3);
    t.ok(delays.every((ms) => ms > 2 * fall * timeAfter('inter')));
    t.match(proxy, /http-check send .*\/health\/ready .*HTTP\/1\.1/);
  },
);

t.test('its containers are given the time to drain', async (t) => {
  const grace = timeAfter(
    'stop_grace_period',
    compose.slice(compose.indexOf('x-parlor'), compose.indexOf('services:')),
  );
  t.ok(grace > Math.max(...delays) + defaults.DRAIN_MS + 1_500, `${grace} ms`);
});

t.test(
  'the proxy ends no WebSocket that a node takes for alive, and uses no HTTP connection that it ends',
  async (t) => {
    t.ok(timeAfter('timeout tunnel') > 2 * (defaults.SILENCE_S + defaults.PING_S) * 1_000);
    t.ok(timeAfter('timeout server') > defaults.REPLY_TIMEOUT_MS);
    // uWebSockets.js ends idle ones after about 10 s.
    t.ok(timeAfter('pool-purge-delay') < 9_000);
  },
);

t.test(
  'each container may be called by its name, and by the name that the proxy checks it with',
  async (t) => {
    const env = Object.fromEntries(
      read('docker.env')
        .split('\n')
        .filter((line) => /^\w+=/.test(line))
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    const { ORIGINS, HOSTS } = readConfig(env);
    const guard = createGuard(ORIGINS, HOSTS);
    const checked = /^ +http-check send .*\bhdr Host (\S+)/m.exec(proxy)?.[1] ?? '';
    const names = ['app', 'proxy', ...all(/^ +server \w+ (\w+):8000$/gm, proxy)];
    t.equal(names.length, 5);
    for (const host of [checked, ...names.map((name) => `${name}:8000`), 'localhost:8000'])
      t.equal(guard.refusal('', host), null, host);
  },
);

t.test('the proxy and RabbitMQ know each node by its name, and so do the nodes', async (t) => {
  const services = compose.slice(compose.indexOf('\nservices:'), compose.indexOf('\nvolumes:'));
  const names = (prefix: string): string[] => all(new RegExp(`^  (${prefix}\\d):$`, 'gm'), services);
  t.same(names('parlor'), ['parlor1', 'parlor2', 'parlor3']);
  t.same(all(/^ +server (\w+) /gm, proxy), names('parlor'));
  t.same(all(/^ +server \w+ (\w+):8000$/gm, proxy), names('parlor'));
  t.same(all(/= rabbit@(\w+)$/gm, rabbit), names('rabbit'));
  t.same(all(/hostname: (rabbit\d)/g, compose), names('rabbit'));
  const urls = all(/AMQP_URL: (.*)$/gm, compose);
  t.equal(urls.length, 3);
  for (const url of urls) {
    const hosts = readConfig({ AMQP_URL: url }).AMQP_URL.map((one) => new URL(one).hostname);
    t.same(hosts.sort(), names('rabbit'));
  }
  t.equal(new Set(urls).size, 3, 'each begins with another one');
});
