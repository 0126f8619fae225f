// Charts: the values under the pointer. Sizes as in svg.py; kinds as in chart.py.
const LEFT = 46, PLOT = 362, TOP = 10, PLOT_H = 164;
const clamp = (v, most) => Math.max(0, Math.min(most, v));
const number = (v) => (v === null ? "no data" : Math.abs(v) >= 1e4 ? Math.round(v).toLocaleString("en") : String(v));
const nearest = (places, at) => places.reduce((best, v, k) => (Math.abs(v - at) < Math.abs(places[best] - at) ? k : best), 0);
const values = (part, i) => part.series.map((s) => `${s.n}: ${number(s.v[i])}`);

// Each takes a chart and a point of its drawing; px: where the cursor goes, if anywhere.
const UNDER = {
  line(chart, x) {
    const i = nearest(chart.x, chart.lo + (x - LEFT) / PLOT * (chart.hi - chart.lo));
    return { px: LEFT + PLOT * (chart.x[i] - chart.lo) / (chart.hi - chart.lo), lines: [chart.labels[i], ...values(chart, i)] };
  },
  bars(chart, x) {
    const n = chart.labels.length, i = clamp(Math.floor((x - LEFT) / PLOT * n), n - 1);
    return { px: LEFT + PLOT * (i + 0.5) / n, lines: [chart.labels[i], ...values(chart, i)] };
  },
  heat(chart, x, y) {
    const i = clamp(Math.floor((x - LEFT) / PLOT * chart.labels.length), chart.labels.length - 1);
    const row = clamp(Math.floor((y - chart.top) / chart.height * chart.rows.length), chart.rows.length - 1);
    return { lines: [`${chart.rows[row]}, ${chart.labels[i]}`, `${number(chart.grid[row][i])}× an even share`] };
  },
  runs(chart, x) { // several runs: of each the steps nearest to the pointer, where it has any there
    const at = chart.lo + (x - LEFT) / PLOT * (chart.hi - chart.lo), reach = (chart.hi - chart.lo) / 20;
    const lines = [];
    for (const part of chart.parts) {
      const i = nearest(part.x, at);
      if (Math.abs(part.x[i] - at) <= reach) lines.push(...values(part, i).map((words) => `${words} (${part.labels[i]})`));
    }
    return { px: clamp(x - LEFT, PLOT) + LEFT, lines: lines.length ? lines : ["no run is here"] };
  },
  places(chart, x) { // points with intervals, at places of their own
    const all = chart.parts.flatMap((part) => part.px), px = all[nearest(all, x)], lines = [];
    for (const part of chart.parts) {
      const i = part.px.indexOf(px);
      if (i < 0) continue;
      const [value, low, high] = part.series.map((s) => number(s.v[i]));
      lines.push(`${part.series[0].n}, ${part.labels[i]}: ${value}\n95%: ${low} to ${high}`);
    }
    return { px, lines };
  },
  rows(chart, x, y) {
    const i = clamp(Math.floor((y - chart.top) / chart.row), chart.labels.length - 1);
    return { lines: [chart.labels[i], ...values(chart, i)] };
  },
};

function watch(figure, chart) {
  const svg = figure.querySelector("svg");
  if (!svg || !UNDER[chart.kind] || !(chart.parts || chart.labels).length) return;
  const cursor = document.createElementNS(svg.namespaceURI, "path");
  cursor.setAttribute("class", "cursor");
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
    const found = UNDER[chart.kind](chart, (event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
    if (found.px !== undefined) cursor.setAttribute("d", `M${found.px} ${TOP}v${PLOT_H}`), svg.append(cursor);
    showTip(found.lines.join("\n"), event.clientX, event.clientY);
  });
  svg.addEventListener("pointerleave", () => { hideTip(); cursor.remove(); });
}
const charts = read("chart-data");
document.querySelectorAll("figure[data-chart]").forEach((figure) => watch(figure, charts[figure.dataset.chart]));
