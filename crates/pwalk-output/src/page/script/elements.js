
// Draws the page from the JSON beside it. Names are put onto the page as text only, never as
// markup: the page's policy would refuse that, too. All files of this folder are one script, which
// ends with `start.js`.
"use strict";
(() => {
const { facts, lists } = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

// ---- elements ----

// An element with a class, and with what it contains: elements, texts, or nothing.
const el = (tag, name, ...content) => {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.append(...content.flat(Infinity).filter((each) => each !== null && each !== undefined));
  return made;
};
const button = (text, act) => {
  const made = el("button", "", text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
};
const attributes = (made, values) => {
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
  return made;
};

// ---- names ----

// Characters that can't be seen, or that change what is seen around them; blanks but for the usual
// one; what stands for bytes that are no character.
const ODD = /[\p{C}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u115f\u1160\u3164\uffa0\ufffd\ufffc]|^ | $/gu;
const code = (character) => {
  const number = character.codePointAt(0).toString(16);
  return number.length <= 2 ? `\\x${number.padStart(2, "0")}` : `\\u{${number}}`;
};
const SIGNS = { "\n": "\\n", "\t": "\\t", "\r": "\\r", " ": "\u2423", "\ufffd": "\ufffd" };
const sign = (character) => SIGNS[character] ?? code(character);

// A text as it can be read in a label.
const plain = (text) => {
  if (text === null || text === undefined) return "";
  if (typeof text !== "string") return `${plain(text.head)} [${count(text.cut)} characters] ${plain(text.tail)}`;
  return text.replace(ODD, sign);
};

const pieces = (text) => {
  const made = [];
  let from = 0;
  for (const found of text.matchAll(ODD)) {
    made.push(text.slice(from, found.index), titled(el("span", "odd", sign(found[0])), point(found[0])));
    from = found.index + found[0].length;
  }
  made.push(text.slice(from));
  return made;
};
const point = (character) => character === "\ufffd" ? "not valid UTF-8"
  : `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
const titled = (made, title) => { made.title = title; return made; };

// A name as an element of its own, so that its direction stays its own.
const shown = (text) => {
  if (text === null || text === undefined) return none();
  if (typeof text === "string") return el("bdi", "name", pieces(text));
  const cut = el("span", "cut", `\u2026 ${count(text.cut)} characters \u2026`);
  return el("bdi", "name", pieces(text.head), cut, pieces(text.tail));
};
const none = () => el("span", "none", "\u2013");

