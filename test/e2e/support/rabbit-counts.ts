import type { PrivateRabbit } from '../../support/rabbitmq.js';
import { nameOf } from './cluster-homes.js';

/** What RabbitMQ has counted itself since it started. */
export interface Counts {
  /** Messages published to `parlor.events`, over all virtual hosts. */
  readonly published: number;
  /** Messages handed to nodes from their queues for events. */
  readonly delivered: number;
}

/** Its own statistics per channel and exchange, and per channel and queue (`rabbit_core_metrics`). */
const COUNTS = `
  Sum = fun(Pairs) -> lists:sum([N || {true, N} <- Pairs]) end,
  Is = fun(Name, Start) -> string:prefix(Name, Start) =/= nomatch end,
  Published = Sum([{Name =:= <<"parlor.events">>, element(2, Row)} ||
    {{_, {resource, _, exchange, Name}}, _, _, _, _, _} = Row <- ets:tab2list(channel_exchange_metrics)]),
  Delivered = Sum([{Is(Name, <<"parlor.events.">>), element(5, Row)} ||
    Row <- ets:tab2list(channel_queue_metrics), {_, {resource, _, queue, Name}} <- [element(1, Row)]]),
  io:format("~b ~b~n", [Published, Delivered]).`;

/** From now on channels count what goes through them, which RabbitMQ does for its management plugin only by itself. */
export async function countChannels(rabbit: PrivateRabbit): Promise<void> {
  await rabbit.ctl('-q', 'eval', 'application:set_env(rabbit, collect_statistics, fine).');
}

export async function countsOf(rabbit: PrivateRabbit): Promise<Counts> {
  const printed = await rabbit.ctl('-q', 'eval', COUNTS);
  const [, published, delivered] = /(\d+) (\d+)/.exec(printed) ?? [];
  if (published === undefined || delivered === undefined) throw new Error(`no counts in: ${printed}`);
  return { published: Number(published), delivered: Number(delivered) };
}

/** How many queues, channels and bindings a virtual host has. */
export async function standingIn(
  rabbit: PrivateRabbit,
  vhost: string,
): Promise<{ readonly queues: number; readonly channels: number; readonly bindings: number }> {
  const count = async (what: string, ...args: readonly string[]): Promise<number> =>
    (await rabbit.ctl('-q', what, ...args)).trim().split('\n').length;
  const at = ['-p', nameOf(vhost)];
  return {
    queues: await count('list_queues', ...at, 'name'),
    channels: await count('list_channels', 'pid'),
    bindings: await count('list_bindings', ...at, 'routing_key'),
  };
}
