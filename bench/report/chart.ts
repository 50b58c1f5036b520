import { barsSvg } from './bars.js';
import { linesSvg } from './lines.js';
import type { ScenarioResult } from './result.js';

/** The picture of a result, as an SVG file of its own. */
export function chartSvg(result: ScenarioResult): string {
  const { chart } = result;
  return chart.type === 'bars'
    ? barsSvg(result, chart.title, chart.figure, chart.digits)
    : linesSvg(result, chart);
}
