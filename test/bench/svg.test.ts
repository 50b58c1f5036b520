import t from 'tap';
import { chartSvg } from '../../bench/report/chart.js';
import type { Chart, Run, ScenarioResult } from '../../bench/report/result.js';
import { axisText, escapeXml, ticks } from '../../bench/report/svg.js';
import { xmlFault } from '../support/xml.js';

const run = (rate: number): Run => ({ figures: { rate, more: rate * 3 }, cpu: null, faults: [] });

function result(chart: Chart, variant: string): ScenarioResult {
  return {
    ...{ scenario: 's', title: 't', about: '', mode: 'short', command: '', date: '', commit: null },
    machine: { cpu: '', cores: 2, memoryGiB: 1, system: '', node: '' },
    ...{
      versions: {},
      settings: {},
      rounds: 2,
      seconds: 1,
      figures: [],
      comparisons: [],
      skipped: [],
      failed: [],
    },
    cells: [
      { variant, target: 'parlor', runs: [run(4_000_000), run(5_000_000)] },
      { variant, target: 'uws-raw', runs: [run(1_000_000), null] },
      { variant, target: 'ws', runs: [null, null] },
    ],
    chart,
  };
}
const BARS: Chart = { type: 'bars', title: 'Bars <&> "more"', figure: 'rate', digits: 0 };
const LINES: Chart = {
  ...{ type: 'lines', title: 'Lines', variant: 'one & all', xTitle: 'load, %', yTitle: 'p99 < ms' },
  points: [
    { x: 20, figure: 'rate' },
    { x: 80, figure: 'more' },
  ],
};

t.test('what a name has of markup stays text', async (t) => {
  t.equal(escapeXml(`a<b>&"c"'d'\u0000\u0007`), 'a&lt;b&gt;&amp;&quot;c&quot;&apos;d&apos;');
});

t.test(
  'bars: well-formed, a bar with its value for each cell that has figures, whiskers where there are rounds',
  async (t) => {
    const svg = chartSvg(result(BARS, 'rooms <of> "two" & more'));
    t.equal(xmlFault(svg), null);
    t.equal(svg.match(/<rect /g)?.length, 2);
    t.equal(svg.match(/<path /g)?.length, 2, 'one whisker and its halo');
    t.match(svg, '>4,500,000</text>');
    t.match(svg, '>rooms &lt;of&gt; &quot;two&quot; &amp; more</text>');
    t.notMatch(svg, /NaN|undefined|Infinity/);
  },
);

t.test('lines: well-formed, a line for each target that has figures', async (t) => {
  const svg = chartSvg(result(LINES, 'one & all'));
  t.equal(xmlFault(svg), null);
  t.equal(svg.match(/<polyline /g)?.length, 2);
  t.equal(svg.match(/<circle /g)?.length, 4);
  t.match(svg, 'p99 &lt; ms');
  t.notMatch(svg, /NaN|undefined|Infinity/);
});

t.test('nothing at all is still a picture', async (t) => {
  for (const chart of [BARS, LINES]) {
    const svg = chartSvg({ ...result(chart, 'v'), cells: [] });
    t.equal(xmlFault(svg), null);
    t.notMatch(svg, /NaN|undefined|Infinity/);
  }
});

t.test('it needs no font, no script and nothing from elsewhere', async (t) => {
  const svg = chartSvg(result(BARS, 'v'));
  t.notMatch(svg.replace('http://www.w3.org/2000/svg', ''), /https?:|<script|<style|@import|href/);
});

t.test('an axis has round steps and reaches the largest value', async (t) => {
  t.strictSame(ticks(4.6), [0, 2, 4, 6]);
  t.strictSame(ticks(100), [0, 25, 50, 75, 100]);
  t.strictSame(ticks(0), [0, 1]);
  for (const most of [0.003, 7, 99, 1234, 4_700_000])
    t.ok((ticks(most).at(-1) ?? 0) >= most * 0.999, String(most));
  t.strictSame([0, 0.25, 5_000, 25_000, 2_500_000].map(axisText), ['0', '0.25', '5,000', '25 k', '2.5 M']);
});

t.test('the check of these tests finds what is not well-formed', async (t) => {
  t.equal(xmlFault('<a b="c">d &amp; e<f/></a>'), null);
  for (const broken of [
    '<a>',
    '<a></b>',
    '<a b=c/>',
    '<a>&</a>',
    '<a/><a/>',
    '<a b="1" b="2"/>',
    'x<a/>',
    '<a b="<"/>',
  ])
    t.ok(xmlFault(broken), broken);
});
