// The browser: filters on responses; a prompt is shown if any of its responses passes.
const groups = read("trajectory-data"), PAGE = 10;
const most = greatestAdvantage(groups);
let limit = PAGE;
groups.forEach((group) => group.samples.forEach((sample) => { sample.text ??= sample.details.t.join(""); }));

function passes(group, sample, want) {
  if (want.status && sample.status !== want.status) return false;
  if (want.detailed && !sample.details) return false;
  const within = (v, low, high) => (low === null && high === null) || (v !== null && v >= (low ?? -Infinity) && v <= (high ?? Infinity));
  if (!within(sample.reward, want.low, want.high) || !within(sample.tokens, want.short, want.long)) return false;
  return !want.text || (group.prompt + "\n" + sample.text).toLowerCase().includes(want.text);
}

function sampleNode(sample, shade) {
  const known = ["correct", "wrong"].includes(sample.status) ? sample.status : "other";
  const node = make("article", "sample s-" + known), head = make("div", "meta");
  const facts = [sample.reward === null ? "no reward" : "reward " + Number(sample.reward.toPrecision(4))];
  if (sample.tokens !== null) facts.push(sample.tokens + " tokens" + (sample.truncated ? ", truncated" : ""));
  if (sample.versions.length) facts.push("weights v" + [...new Set([sample.versions[0], sample.versions.at(-1)])].join("–"));
  if (sample.logp_mean !== null) facts.push("mean log p " + sample.logp_mean.toFixed(2));
  const one = sample.details && !Array.isArray(sample.details.a) ? sample.details.a : null;
  if (one !== null) facts.push("advantage " + one);
  head.append(make("span", "badge", sample.status || "no verdict"), facts.join(" · "));
  node.append(head, shade && sample.details ? shadedText(sample.details, shade, most) : make("pre", "", sample.text));
  if (shade && !sample.details) node.append(make("p", "why none", "Not shaded: no token data was kept of this response."));
  for (const [name, v] of Object.entries(sample.verdicts)) {
    const parts = [`${name}: ${v.status}`, v.score === null ? "" : ` ${v.score}`, v.extracted === null ? "" : `, read “${v.extracted}”`, v.reason && ` (${v.reason})`];
    node.append(make("p", "why", parts.join("")));
  }
  return node;
}

function groupNode({ group, samples }, shade) {
  const node = make("div", "group"), grid = make("div", "samples");
  const shown = samples.length < group.of ? `${samples.length} of ${group.of} responses` : `${group.of} response${group.of === 1 ? "" : "s"}`;
  const head = [group.step === null ? "" : `step ${group.step}`, group.prompt_id, shown, several ? group.from : ""];
  if (group.correct !== undefined) head.push(`${group.correct} correct`);
  node.append(make("h3", "", head.filter(Boolean).join(" · ")), make("pre", "prompt", group.prompt));
  if (group.reference !== null) node.append(make("p", "why", "reference: " + group.reference));
  grid.append(...samples.map((sample) => sampleNode(sample, shade)));
  node.append(grid);
  return node;
}

function show() {
  const bound = (id) => (field(id).value === "" ? null : Number(field(id).value));
  const want = {
    status: field("f-status").value, low: bound("f-low"), high: bound("f-high"), short: bound("f-short"), long: bound("f-long"),
    text: field("f-text").value.toLowerCase(), detailed: field("f-detailed").checked,
  };
  const step = field("f-step").value, from = field("f-from").value, shade = field("f-shade").value;
  const found = groups.filter((g) => (!step || String(g.step) === step) && (!from || g.from === from))
    .map((group) => ({ group, samples: group.samples.filter((s) => passes(group, s, want)) })).filter((f) => f.samples.length);
  field("groups").replaceChildren(...found.slice(0, limit).map((one) => groupNode(one, shade)));
  field("found").textContent = `${found.length} prompts, ${found.reduce((n, f) => n + f.samples.length, 0)} responses`;
  field("more").hidden = found.length <= limit;
  field("shades").replaceChildren(...legendOf(shade, most));
}

const sources = [...new Set(groups.map((g) => g.from))], several = sources.length > 1;
if (groups.length) {
  const fill = (id, values) => field(id).append(...values.map((v) => { const o = make("option", "", v); o.value = v; return o; }));
  fill("f-from", sources);
  fill("f-status", [...new Set(groups.flatMap((g) => g.samples.map((s) => s.status)))].sort());
  const steps = [...new Set(groups.map((g) => g.step).filter((step) => step !== null))].sort((a, b) => a - b);
  fill("f-step", steps);
  field("l-step").hidden = !steps.length;
  field("l-from").hidden = !several;
  const detailed = groups.some((g) => g.samples.some((s) => s.details));
  field("shading").hidden = !detailed;
  if (field("unshaded")) field("unshaded").hidden = detailed; // a page about evaluations alone has no such note
  for (const id of ["filters", "shading"]) {
    field(id).addEventListener("submit", (event) => event.preventDefault());
    field(id).addEventListener("input", () => { if (id === "filters") limit = PAGE; show(); });
  }
  field("more").addEventListener("click", () => { limit += PAGE; show(); });
  field("groups").addEventListener("pointerover", describe);
  field("groups").addEventListener("pointerleave", hideTip);
  show();
}
