// Tokens shaded by what was kept of them. A sample's details: t texts, p log-probabilities in hundredths,
// v [version, how many] in order, a the advantage (one, or one a token). A text without p and version is a remark.
const PROBABILITIES = [[0.99, "above 99%"], [0.9, "90%"], [0.5, "50%"], [0.2, "20%"], [0.05, "5%"], [0.01, "1%"], [0, "less"]];
const VERSIONS = 6; // colours, taken in turn

const spread = (runs) => runs.flatMap(([version, n]) => Array(n).fill(version));
const advantageOf = (details, i) => (Array.isArray(details.a) ? details.a[i] : details.a);

// The largest advantage of any token of the page, in size: shades are relative to it.
function greatestAdvantage(groups) {
  let most = 0;
  for (const group of groups) for (const sample of group.samples) {
    for (const a of sample.details ? [sample.details.a].flat() : []) most = Math.max(most, Math.abs(a ?? 0));
  }
  return most;
}

const SHADES = {
  logp(details, i) {
    const p = details.p[i];
    return p === null ? "" : "p" + PROBABILITIES.findIndex(([least]) => Math.exp(p / 100) >= least);
  },
  advantage(details, i, version, most) {
    const a = advantageOf(details, i);
    if (a === null || a === 0 || !most) return "";
    return (a > 0 ? "up" : "down") + Math.max(1, Math.ceil(4 * Math.abs(a) / most - 1e-9));
  },
  version: (details, i, version) => "v" + version % VERSIONS,
};

function tokenWords(details, i, version) {
  const p = details.p[i], a = advantageOf(details, i), lines = [JSON.stringify(details.t[i])];
  if (p !== null) lines.push(`log p ${(p / 100).toFixed(2)}: ${(100 * Math.exp(p / 100)).toPrecision(3)}%`);
  lines.push("weights v" + version, a === null ? "not trained on" : "advantage " + a);
  return lines.join("\n");
}

// A <pre> of spans. Its tokens answer to the pointer through `describe`.
const described = new WeakMap();
function shadedText(details, by, most) {
  const node = make("pre", "tokens"), versions = spread(details.v);
  details.t.forEach((text, i) => {
    if (versions[i] === null) return node.append(make("i", "", text));
    const token = make("span", SHADES[by](details, i, versions[i], most), text || "∎"); // a token without text, e.g. of the end
    described.set(token, () => tokenWords(details, i, versions[i]));
    node.append(token);
  });
  return node;
}

function describe(event) {
  const words = described.get(event.target);
  if (words) showTip(words(), event.clientX, event.clientY);
  else hideTip();
}

const swatch = (css, words) => {
  const node = make("span");
  node.append(make("i", "swatch " + css), words);
  return node;
};

function legendOf(by, most) {
  if (by === "logp") return ["probability of the token:", ...PROBABILITIES.map(([, words], i) => swatch("p" + i, words))];
  if (by === "version") return [swatch("v0", "a colour a version of the weights; point at a token to read it")];
  if (by !== "advantage") return [];
  if (!most) return ["every advantage here is 0"];
  const part = (k) => (most * k / 4).toPrecision(2);
  return ["advantage:", ...[4, 3, 2, 1].map((k) => swatch("down" + k, "−" + part(k))), ...[1, 2, 3, 4].map((k) => swatch("up" + k, "+" + part(k)))];
}
