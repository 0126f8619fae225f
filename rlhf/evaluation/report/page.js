"use strict";
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const make = (tag, css, text) => {
  const node = document.createElement(tag);
  if (css) node.className = css;
  if (text !== undefined) node.textContent = text; // model text enters the page here only, as text
  return node;
};

// Charts: the value under the pointer. Sizes as in svg.py.
const LEFT = 46, PLOT = 362, TOP = 10, PLOT_H = 164;
const tip = document.getElementById("tip");
const clamp = (v, most) => Math.max(0, Math.min(most, v));
const number = (v) => (v === null ? "no data" : Math.abs(v) >= 1e4 ? Math.round(v).toLocaleString("en") : String(v));

function under(chart, x, y) {
  const share = (x - LEFT) / PLOT;
  if (chart.kind === "line") {
    const at = chart.lo + share * (chart.hi - chart.lo);
    let i = 0;
    chart.x.forEach((v, k) => { if (Math.abs(v - at) < Math.abs(chart.x[i] - at)) i = k; });
    return { i, px: LEFT + PLOT * (chart.x[i] - chart.lo) / (chart.hi - chart.lo) };
  }
  const i = clamp(Math.floor(share * chart.labels.length), chart.labels.length - 1);
  return { i, px: LEFT + PLOT * (i + 0.5) / chart.labels.length, row: chart.rows && clamp(Math.floor((y - chart.top) / chart.height * chart.rows.length), chart.rows.length - 1) };
}

function words(chart, { i, row }) {
  if (chart.kind === "heat") return `${chart.rows[row]}, ${chart.labels[i]}\n${number(chart.grid[row][i])}× an even share`;
  return [chart.labels[i], ...chart.series.map((s) => `${s.n}: ${number(s.v[i])}`)].join("\n");
}

function watch(figure, chart) {
  const svg = figure.querySelector("svg");
  if (!svg || !chart.labels || !chart.labels.length) return;
  const cursor = document.createElementNS(svg.namespaceURI, "path");
  cursor.setAttribute("class", "cursor");
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
    const found = under(chart, (event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
    if (chart.kind !== "heat") cursor.setAttribute("d", `M${found.px} ${TOP}v${PLOT_H}`), svg.append(cursor);
    tip.textContent = words(chart, found);
    tip.hidden = false;
    tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = Math.max(8, event.clientY - tip.offsetHeight - 10) + "px";
  });
  svg.addEventListener("pointerleave", () => { tip.hidden = true; cursor.remove(); });
}
const charts = read("chart-data");
document.querySelectorAll("figure[data-chart]").forEach((figure) => watch(figure, charts[figure.dataset.chart]));

// Trajectories: filters on responses; a prompt is shown if any of its responses passes.
const groups = read("trajectory-data"), PAGE = 10;
const field = (id) => document.getElementById(id);
let limit = PAGE;

function passes(group, sample, want) {
  if (want.status && sample.status !== want.status) return false;
  if (want.low !== null && (sample.reward === null || sample.reward < want.low)) return false;
  if (want.high !== null && (sample.reward === null || sample.reward > want.high)) return false;
  return !want.text || (group.prompt + "\n" + sample.text).toLowerCase().includes(want.text);
}

function sampleNode(sample) {
  const known = ["correct", "wrong"].includes(sample.status) ? sample.status : "other";
  const node = make("article", "sample s-" + known), head = make("div", "meta");
  const facts = [sample.reward === null ? "no reward" : "reward " + Number(sample.reward.toPrecision(4))];
  if (sample.tokens !== null) facts.push(sample.tokens + " tokens" + (sample.truncated ? ", truncated" : ""));
  if (sample.versions.length) facts.push("weights v" + [...new Set([sample.versions[0], sample.versions.at(-1)])].join("–"));
  if (sample.logp_mean !== null) facts.push("mean log p " + sample.logp_mean.toFixed(2));
  head.append(make("span", "badge", sample.status || "no verdict"), facts.join(" · "));
  node.append(head, make("pre", "", sample.text));
  for (const [name, v] of Object.entries(sample.verdicts)) {
    const parts = [`${name}: ${v.status}`, v.score === null ? "" : ` ${v.score}`, v.extracted === null ? "" : `, read “${v.extracted}”`, v.reason && ` (${v.reason})`];
    node.append(make("p", "why", parts.join("")));
  }
  return node;
}

function groupNode({ group, samples }) {
  const node = make("div", "group"), grid = make("div", "samples");
  const shown = samples.length < group.of ? `${samples.length} of ${group.of} responses` : `${group.of} responses`;
  node.append(make("h3", "", `step ${group.step} · ${group.prompt_id} · ${shown}`), make("pre", "prompt", group.prompt));
  if (group.reference !== null) node.append(make("p", "why", "reference: " + group.reference));
  grid.append(...samples.map(sampleNode));
  node.append(grid);
  return node;
}

function show() {
  const bound = (id) => (field(id).value === "" ? null : Number(field(id).value));
  const want = { status: field("f-status").value, low: bound("f-low"), high: bound("f-high"), text: field("f-text").value.toLowerCase() };
  const step = field("f-step").value;
  const found = groups.filter((g) => !step || String(g.step) === step)
    .map((group) => ({ group, samples: group.samples.filter((s) => passes(group, s, want)) })).filter((f) => f.samples.length);
  field("groups").replaceChildren(...found.slice(0, limit).map(groupNode));
  field("found").textContent = `${found.length} prompts, ${found.reduce((n, f) => n + f.samples.length, 0)} responses`;
  field("more").hidden = found.length <= limit;
}

if (groups.length) {
  const fill = (id, values) => field(id).append(...values.map((v) => { const o = make("option", "", v); o.value = v; return o; }));
  fill("f-status", [...new Set(groups.flatMap((g) => g.samples.map((s) => s.status)))].sort());
  fill("f-step", [...new Set(groups.map((g) => g.step))].sort((a, b) => a - b));
  field("filters").addEventListener("submit", (event) => event.preventDefault());
  field("filters").addEventListener("input", () => { limit = PAGE; show(); });
  field("more").addEventListener("click", () => { limit += PAGE; show(); });
  show();
}
