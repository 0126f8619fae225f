"use strict";
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const field = (id) => document.getElementById(id);
const make = (tag, css, text) => {
  const node = document.createElement(tag);
  if (css) node.className = css;
  if (text !== undefined) node.textContent = text; // model text enters the page here only, as text
  return node;
};

const tip = field("tip");
function showTip(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  tip.style.left = Math.max(8, Math.min(x + 14, innerWidth - tip.offsetWidth - 8)) + "px";
  tip.style.top = Math.max(8, y - tip.offsetHeight - 10) + "px";
}
const hideTip = () => { tip.hidden = true; };
