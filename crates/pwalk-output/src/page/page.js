
// Draws the page from the JSON beside it. Names are put onto the page as text only, never as
// markup: the page's policy would refuse that, too.
"use strict";
(() => {
const { facts, lists, tree } = JSON.parse(document.getElementById("data").textContent);
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

// ---- numbers ----

const BLANK = "\u00a0";
// Intl takes 20 ms to load.
const count = (number) => String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, ",");
// Three digits.
const digits = (number) => number.toFixed(number < 9.995 ? 2 : number < 99.95 ? 1 : 0);
const scaled = (number, base, units) => {
  let unit = 0;
  while (number >= base - 0.5 && unit < units.length - 1) { number /= base; unit += 1; }
  return `${unit === 0 ? count(number) : digits(number)}${units[unit] ? BLANK + units[unit] : ""}`;
};
const bytes = (number) => scaled(number, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]);
// Of a power of two.
const bound = (number) => bytes(number).replace(/\.0+(?=\D)/, "");
const short = (number) => number < 100000 ? count(number) : scaled(number, 1000, ["", "k", "M", "G", "T"]);
const share = (part, whole) => {
  const percent = whole > 0 ? 100 * part / whole : 0;
  if (percent > 0 && percent < 0.1) return `<0.1${BLANK}%`;
  return `${percent.toFixed(percent < 9.95 && percent > 0 ? 1 : 0)}${BLANK}%`;
};
const DAY = 86400;
// A time in seconds since the epoch; a filesystem may have any.
const moment = (seconds) => new Date(seconds * 1000);
const date = (seconds) => {
  const time = moment(seconds);
  const year = time.getUTCFullYear();
  return year >= 0 && year <= 9999 ? time.toISOString().slice(0, 10) : `@${seconds}`;
};
const plural = (number, one, more) => `${short(number)} ${number === 1 ? one : more}`;
const isNumber = (value) => typeof value === "number";

// ---- owners ----

const named = (list, word) => {
  const names = new Map(list.rows.map(([id, name]) => [id, name]));
  return (id) => names.get(id) ?? `${word} ${id}`;
};
const ownerName = named(lists.owners, "uid");
const groupName = named(lists.groups, "gid");

// ---- ages ----

const AGES = [
  ["today", "today", 1], ["week", "a week", 7], ["month", "a month", 30], ["quarter", "3 months", 91],
  ["half_year", "6 months", 183], ["1y", "a year", 365], ["2y", "2 years", 730], ["3y", "3 years", 1095],
  ["5y", "5 years", 1826], ["older", "older", Infinity], ["future", "in the future", -1],
];
const ageLabel = (index) => {
  const [, label, days] = AGES[index];
  return index > 0 && days > 0 && days < Infinity ? `up to ${label}` : label;
};
const ageIndex = (key) => AGES.findIndex(([known]) => known === key);
const startedSeconds = Date.parse(facts.started) / 1000 || Date.now() / 1000;
const today = Math.floor(startedSeconds / DAY);
// Of a day since the epoch.
const ageOf = (day) => day > today ? 10 : AGES.findIndex(([, , days]) => today - day < days);

// ---- head ----

const head = () => {
  const roots = lists.roots.rows.map(([path]) => path);
  const n_more = lists.roots.left_out + Math.max(0, roots.length - 3);
  const names = roots.slice(0, 3).flatMap((root, index) => [index ? ", " : "", shown(root)]);
  const more = n_more ? ` and ${count(n_more)} more` : "";
  byId("title").replaceChildren(el("span", "what", "Profile of "), ...names, more);
  document.title = `Profile of ${roots.slice(0, 3).map(plain).join(", ")}${more}`;
  const parts = [];
  if (typeof facts.started === "string") {
    parts.push(plain(facts.started).replace("T", " ").replace(/(\.\d+)?Z$/, " UTC"));
  }
  if (facts.kind === "scan") parts.push("from a saved scan");
  if (isNumber(facts.seconds)) parts.push(`took ${digits(facts.seconds)}${BLANK}s`);
  if (facts.pwalk) parts.push(`pwalk ${plain(facts.pwalk)}`);
  if (facts.complete === true) parts.push("complete");
  byId("source").replaceChildren(parts.join(" \u00b7 "));
};

const OPERATIONS = {
  open: "open a directory", read: "read a directory", stat: "read an inode", readlink: "read a symbolic link",
  follow: "follow a symbolic link", name: "write the exact name",
};
const operation = (word) => Object.hasOwn(OPERATIONS, word) ? OPERATIONS[word] : plain(word);

const unseen = () => {
  const n = facts.errors ?? 0;
  if (facts.complete === true && !n) return;
  const box = byId("unseen");
  box.hidden = false;
  const title = facts.complete === false ? "This profile is not complete"
    : n ? "Not everything could be seen" : "It is not known whether this profile is complete";
  box.append(el("h2", "", title));
  if (!n) {
    const why = facts.complete === false ? "It was ended before everything was read."
      : "The saved scan does not say what could not be read.";
    return box.append(el("p", "", why));
  }
  const missing = "What was not read is missing in all numbers below.";
  box.append(el("p", "", `${count(n)} ${n === 1 ? "error" : "errors"}. ${facts.complete === true ? "" : missing}`));
  const { rows, left_out } = lists.errors;
  if (rows.length) {
    const cells = (row) => [el("td", "text", `could not ${operation(row[0])}`),
      el("td", "text", plain(String(row[1] ?? ""))), el("td", "", count(row[2] ?? 0))];
    box.append(el("table", "", el("tbody", "", rows.map((row) => el("tr", "", cells(row))))));
    if (left_out) box.append(el("p", "note", `and ${count(left_out)} more kinds of errors`));
  }
  const examples = lists.error_examples.rows;
  if (!examples.length) return;
  const line = ([path, word, errno, message]) => el("li", "", shown(path),
    [word && operation(word), errno, message].filter(Boolean).map((each) => ` \u00b7 ${plain(String(each))}`));
  const summary = el("summary", "", `${count(examples.length)} of them`);
  const details = el("details", "", summary, el("ul", "", examples.map(line)));
  details.open = examples.length <= 5;
  box.append(details);
};

const KINDS = {
  file: ["file", "files"], dir: ["directory", "directories"], symlink: ["symbolic link", "symbolic links"],
  fifo: ["FIFO", "FIFOs"], socket: ["socket", "sockets"], char: ["character device", "character devices"],
  block: ["block device", "block devices"], unknown: ["of unknown kind", "of unknown kind"],
};

const totals = () => {
  const figures = [];
  const figure = (label, value, format, note) => {
    if (!isNumber(value)) return;
    const shownValue = titled(el("dd", "", format(value), el("small", "", note ?? "")), count(value));
    figures.push(el("div", "", el("dt", "", label), shownValue));
  };
  const ratio = facts.allocated_bytes / facts.apparent_bytes;
  figure("Entries", facts.entries, short);
  figure("Apparent size", facts.apparent_bytes, bytes, "as files have it");
  figure("Allocated", facts.allocated_bytes, bytes, Number.isFinite(ratio) ? `${share(ratio, 1)} of that` : "");
  figure("Shared", facts.shared_bytes, bytes, "by hard links");
  figure("Small files", facts.small_files, short,
    isNumber(facts.small_allocated_bytes) && isNumber(facts.small_bytes)
      ? `waste ${bytes(Math.max(0, facts.small_allocated_bytes - facts.small_bytes))}` : "");
  figure("Empty files", facts.empty_files, short);
  figure("Empty directories", facts.empty_dirs, short);
  if (figures.length) byId("totals").append(el("dl", "", figures));
  const kinds = lists.kinds.rows.filter(([, entries]) => entries > 0);
  const word = (kind, n) => (Object.hasOwn(KINDS, kind) ? KINDS[kind] : [plain(kind), plain(kind)])[n === 1 ? 0 : 1];
  const parts = kinds.flatMap(([kind, n, sum], index) => [index ? " \u00b7 " : "",
    el("b", "", count(n)), ` ${word(kind, n)}`, isNumber(sum) && sum > 0 ? ` (${bytes(sum)})` : ""]);
  if (parts.length) byId("totals").append(el("p", "kinds", parts));
};

// ---- tables ----

const owner = (id) => id === null ? none() : shown(ownerName(id));
const CELLS = {
  text: { show: shown, key: (value) => plain(value), isText: true },
  path: { show: shown, key: (value) => plain(value), isText: true },
  owner: { show: owner, key: (value) => plain(ownerName(value)), isText: true },
  count: { show: (value) => count(value), key: Number },
  bytes: { show: (value) => titled(el("span", "", bytes(value)), `${count(value)} bytes`), key: Number },
  date: { show: (value) => titled(el("span", "", date(value)), date(value)), key: Number },
  bar: { show: (value) => bar([[value, "plain"]], 1), key: Number },
};

// A bar of parts: their shares of the whole and their classes.
const bar = (parts, whole) => el("span", "bar", parts.map(([part, name]) => {
  const made = el("span", name);
  made.style.width = `${Math.min(100, 100 * part / (whole || 1))}%`;
  return made;
}));

// A column: its head, the kind of its cells, and the value of a row; `spare` if small windows do
// without it.
const column = (label, kind, value, spare) => ({ label, kind, value, spare, cell: CELLS[kind] });
const at = (index) => (row) => row[index] ?? null;

const cell = (row, { kind, value, spare, cell: { show, isText } }) => {
  const content = value(row);
  const made = content === null ? none() : show(content);
  return el("td", classes(kind, isText, spare), isText && kind !== "path" ? el("div", "word", made) : made);
};
const classes = (kind, isText, spare) =>
  [isText && "text", kind === "path" && "path", kind === "bar" && "bars", spare && "spare"].filter(Boolean).join(" ");

// A table that is sorted by a click on the head of a column.
const table = (id, title, columns, { rows, left_out }, first = 10, note = "") => {
  if (!rows.length) return null;
  let order = rows;
  let length = first;
  const body = el("tbody", "");
  const more = el("p", "more");
  const draw = () => {
    body.replaceChildren(...order.slice(0, length).map((row) => el("tr", "", columns.map((each) => cell(row, each)))));
    const all = button(length < rows.length ? `Show all ${count(rows.length)}` : `Show the first ${first}`, () => {
      length = length < rows.length ? rows.length : first;
      draw();
    });
    const n = left_out ? `${count(left_out)} more have no room on this page; pwalk profile --json has them` : "";
    more.replaceChildren(rows.length > first ? all : "", rows.length > first && n ? " \u00b7 " : "", n);
  };
  const heads = columns.map((each) => {
    const made = el("th", classes(each.kind, each.cell.isText, each.spare));
    made.scope = "col";
    if (each.kind === "bar") return made;
    made.append(button(each.label, () => {
      const before = made.getAttribute("aria-sort");
      const isDown = before === null ? !each.cell.isText : before === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      made.setAttribute("aria-sort", isDown ? "descending" : "ascending");
      order = sorted(rows, each, isDown);
      draw();
    }));
    return made;
  });
  draw();
  const caption = el("caption", "", title, note ? el("span", "note", note) : "");
  const made = el("table", "", caption, el("thead", "", el("tr", "", heads)), body);
  return attributes(el("div", columns.length > 5 ? "block wide" : "block", made, more), { id });
};

// What has no value is always last.
const sorted = (rows, { value, cell: { key } }, isDown) => {
  const keys = new Map(rows.map((row) => [row, value(row) === null ? null : key(value(row))]));
  const compare = (one, other) => typeof one === "string" ? one.localeCompare(other, "en", { numeric: true }) : one - other;
  return [...rows].sort((one, other) => {
    const [a, b] = [keys.get(one), keys.get(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    return isDown ? compare(b, a) : compare(a, b);
  });
};

const largest = (rows, value) => rows.reduce((most, row) => Math.max(most, value(row) ?? 0), 0);
// How much of the largest row's value a row has, as a bar.
const barOf = ({ rows }, value) => {
  const most = largest(rows, value);
  return column("", "bar", (row) => most > 0 ? (value(row) ?? 0) / most : 0);
};

const whatTables = () => {
  const name = (list, what) => (row) => list.rows.length ? what(row[0]) : null;
  const extension = (row) => row[0] === "" || row[0] === null ? "(none)" : row[0];
  const estimated = (row) => row[4] ? "estimate" : "";
  const hasEstimates = lists.extensions.rows.some(estimated);
  const extensions = table("extensions", "Extensions", [
    column("Extension", "text", extension), barOf(lists.extensions, at(2)),
    column("Size", "bytes", at(2)), column("Allocated", "bytes", at(3), true), column("Files", "count", at(1)),
    ...(hasEstimates ? [column("", "text", estimated, true)] : []),
  ], lists.extensions, 12);
  const people = (id, title, list, what) => table(id, title, [
    column(title.slice(0, -1), "text", name(list, what)), barOf(list, at(3)),
    column("Size", "bytes", at(3)), column("Entries", "count", at(2)),
  ], list, 12);
  return [extensions, people("owners", "Owners", lists.owners, ownerName),
    people("groups", "Groups", lists.groups, groupName)];
};

const largeTables = () => [
  table("largest_trees", "Largest directories, with all that is below", [
    column("Directory", "path", at(0)), column("Size", "bytes", at(3)), column("Allocated", "bytes", at(4), true),
    column("Entries", "count", at(1)), column("Files", "count", at(2), true),
    column("Last change", "date", at(5), true),
    ...(lists.largest_trees.rows.some((row) => row[6]) ? [column("Not seen", "count", at(6))] : []),
  ], lists.largest_trees),
  table("largest_files", "Largest files", [
    column("File", "path", at(0)), column("Size", "bytes", at(1)), column("Last change", "date", at(2), true),
    column("Owner", "owner", at(3), true),
  ], lists.largest_files),
  table("largest_dirs", "Directories with most entries of their own", [
    column("Directory", "path", at(0)), column("Entries", "count", at(1)), column("Size", "bytes", at(2)),
  ], lists.largest_dirs),
];

const oldTable = () => table("oldest_trees", "Large directories that have not been read for longest", [
    column("Directory", "path", at(0)), column("Size", "bytes", at(1)), column("Last read", "date", at(2)),
    column("Last change", "date", at(3), true),
  ], lists.oldest_trees);

const TROUBLES = {
  not_utf8: "not valid UTF-8", control: "with control characters", long: "longer than 255 bytes",
  path_max: "in paths longer than 4,096 bytes", blanks: "with a blank at either end",
  case: "the same as another but for upper and lower case",
};

const troubleTables = () => {
  const word = (row) => Object.hasOwn(TROUBLES, row[0]) ? TROUBLES[row[0]] : row[0];
  const rows = lists.names.rows.filter((row) => row[1] > 0);
  const names = table("names", "Names that make trouble", [
    column("Names", "text", word), column("Entries", "count", at(1)), column("For example", "path", at(2)),
  ], { rows, left_out: lists.names.left_out });
  const dirs = lists.empty_dirs;
  const n_dirs = isNumber(facts.empty_dirs) ? `${count(facts.empty_dirs)} in all` : "";
  const empty = table("empty_dirs", "Empty directories", [column("Directory", "path", at(0))],
    dirs, 10, n_dirs);
  const { small_files: n, small_bytes: size, small_allocated_bytes: allocated } = facts;
  const waste = isNumber(n) && n > 0 && isNumber(allocated) ? attributes(el("div", "block", el("h3", "", "Small files"),
    el("p", "", `${count(n)} small files have ${bytes(size ?? 0)} and take ${bytes(allocated)} on disk.`)), { id: "waste" }) : null;
  return [oldTable(), el("div", "", names, empty, waste)];
};
CELLS.path.show = (value) => Array.isArray(value)
  ? value.flatMap((each, index) => [index ? el("span", "none", " \u00b7 ") : "", shown(each)]) : shown(value);
CELLS.path.key = (value) => Array.isArray(value) ? value.map(plain).join() : plain(value);

// ---- ages, owners, sizes ----

const ageTable = (id, title, list) => {
  const rows = list.rows.filter(([age]) => ageIndex(age) >= 0).sort(([a], [b]) => ageIndex(a) - ageIndex(b));
  if (!rows.some(([, entries]) => entries > 0)) return null;
  const sum = rows.reduce((all, row) => all + (row[2] ?? 0), 0);
  const most = largest(rows, at(2));
  const line = (row) => {
    const index = ageIndex(row[0]);
    const size = row[2] ?? 0;
    return el("tr", "", el("td", "text", el("div", "word", ageLabel(index))), el("td", "bars", bar([[size, `a${index}`]], most)),
      el("td", "", titled(el("span", "", bytes(size)), `${count(size)} bytes`)), el("td", "", share(size, sum)),
      el("td", "", count(row[1] ?? 0)));
  };
  const heads = ["", "", "Size", "Share", "Entries"].map((text) => attributes(el("th", "", text), { scope: "col" }));
  return attributes(el("div", "block", el("table", "", el("caption", "", title), el("thead", "", el("tr", "", heads)),
    el("tbody", "", rows.map(line)))), { id });
};

const SIZES = [4096, 65536, 2 ** 20, 2 ** 24, 2 ** 28, 2 ** 32, Infinity];
const sizeLabel = (index) => SIZES[index] < Infinity ? `under ${bound(SIZES[index])}` : "larger";

// A bar for each owner, of parts by age or by size.
const ownerBars = (id, title, list, groupOf, letter, label) => {
  const owners = new Map();
  const used = new Set();
  for (const [uid, key, , size] of list.rows) {
    const group = groupOf(key);
    if (!(size > 0) || group < 0) continue;
    if (!owners.has(uid)) owners.set(uid, new Map());
    const parts = owners.get(uid);
    parts.set(group, (parts.get(group) ?? 0) + size);
    used.add(group);
  }
  if (!owners.size) return null;
  const rows = [...owners].map(([uid, parts]) => [uid, parts, [...parts.values()].reduce((a, b) => a + b, 0)]);
  rows.sort((one, other) => other[2] - one[2]);
  const line = ([uid, parts, sum]) => {
    const groups = [...parts].sort(([a], [b]) => a - b);
    const text = groups.map(([group, size]) => `${label(group)}: ${bytes(size)}`).join(", ");
    const made = attributes(bar(groups.map(([group, size]) => [size, letter + group]), sum), { role: "img", "aria-label": text });
    return el("tr", "", el("td", "text", el("div", "word", shown(ownerName(uid)))), el("td", "bars", titled(made, text)), el("td", "", bytes(sum)));
  };
  const key = (group) => el("li", "", el("span", `key ${letter}${group}`), label(group));
  return attributes(el("div", "block", el("table", "stacks", el("caption", "", title), el("tbody", "", rows.slice(0, 12).map(line))),
    el("ul", "legend", [...used].sort((a, b) => a - b).map(key))), { id });
};

// Columns, with one plot for each measure: values of bins in a row, and below some a label.
const chart = (id, title, bins, measures) => {
  if (!bins.length) return null;
  const readout = el("span", "readout");
  const plots = measures.map(({ word, value, format }) => {
    const most = largest(bins, value);
    const columns = bins.map((bin) => {
      const made = el("span", value(bin) > 0 ? "some" : "");
      made.style.height = `${most > 0 ? 100 * value(bin) / most : 0}%`;
      const text = `${bin.label}: ${measures.map((each) => each.format(each.value(bin))).join(", ")}`;
      const holder = el("div", "column", made);
      holder.addEventListener("pointerenter", () => readout.replaceChildren(text));
      return holder;
    });
    const top = bins.find((bin) => value(bin) === most);
    const label = `${title}, ${word}: most (${format(most)}) ${top ? top.label : ""}`;
    const heading = measures.length > 1 ? el("p", "measure", word) : "";
    return [heading, attributes(el("div", "plot", columns), { role: "img", "aria-label": label })];
  });
  const axis = attributes(el("div", "axis", bins.map((bin) => el("span", bin.tick ? "tick" : "", bin.tick ?? ""))), { "aria-hidden": "true" });
  const heads = ["", ...measures.map(({ word }) => word)].map((text) => attributes(el("th", "", text), { scope: "col" }));
  const line = (bin) => el("tr", "", el("td", "text", bin.label), measures.map(({ value, format }) => el("td", "", format(value(bin)))));
  const numbers = el("details", "", el("summary", "", "Numbers"),
    el("table", "", el("thead", "", el("tr", "", heads)), el("tbody", "", bins.map(line))));
  const figure = el("figure", "block", el("figcaption", "", title, readout), plots, axis, numbers);
  figure.addEventListener("pointerleave", () => readout.replaceChildren());
  return attributes(figure, { id });
};

const withBytes = [
  { word: "size", value: (bin) => bin.bytes, format: bytes },
  { word: "entries", value: (bin) => bin.entries, format: (n) => plural(n, "entry", "entries") },
];

// Bins of powers of two without gaps, from the first to the last that holds something.
const powers = (rows, format, every) => {
  const known = new Map(rows.map((row) => [row.from, row]));
  const used = rows.filter((row) => row.entries > 0).map((row) => row.from);
  if (!used.length) return [];
  const froms = [0];
  for (let from = 1; from <= Math.max(...used) && froms.length < 80; from *= 2) froms.push(from);
  return froms.slice(Math.max(0, froms.indexOf(Math.min(...used)))).map((from) => {
    const row = known.get(from) ?? { entries: 0, bytes: 0 };
    const power = from > 0 ? Math.log2(from) : -1;
    const to = from > 0 ? from * 2 : 1;
    const label = to - from <= 1 ? format(from) : `${format(from)} to ${format(to)}`;
    return { ...row, label, tick: power >= 0 && power % every === 0 ? format(from) : null };
  });
};

const shapeCharts = () => {
  const sizes = lists.sizes.rows.map(([from, , entries, sum]) => ({ from, entries: entries ?? 0, bytes: sum ?? 0 }));
  const dirs = lists.dir_entries.rows.map(([from, , entries]) => ({ from, entries: entries ?? 0, bytes: 0 }));
  const depths = lists.depths.rows.map(([depth, entries, sum]) => ({ depth, entries: entries ?? 0, bytes: sum ?? 0 }));
  depths.sort((one, other) => one.depth - other.depth);
  const every = Math.ceil(depths.length / 6);
  const bins = depths.slice(0, 80).map((bin, index) => ({ ...bin, label: `depth ${bin.depth}`, tick: index % every === 0 ? bin.depth : null }));
  const n_dirs = [{ word: "directories", value: (bin) => bin.entries, format: (n) => plural(n, "directory", "directories") }];
  return [chart("sizes", "Size of a file", powers(sizes, bound, 10), withBytes),
    chart("depths", "Depth below the root", bins, withBytes),
    chart("dir_entries", "Entries of a directory", powers(dirs, count, 4), n_dirs)];
};

// ---- the map ----

const TILES_MAX = 1500;
const HEAD_HEIGHT = 17;
const N_COLORS = 8;

const treemap = () => {
  if (!tree) return;
  const n = tree.names.length;
  const first = new Int32Array(n);
  const parent = new Int32Array(n).fill(-1);
  let next = tree.roots;
  for (let dir = 0; dir < n; dir += 1) {
    first[dir] = next;
    next += tree.children[dir];
    parent.fill(dir, first[dir], next);
  }
  // Several roots have a directory above them that is not there.
  const TOP = tree.roots === 1 ? 0 : -1;
  const sumOfRoots = (values) => values.slice(0, tree.roots).reduce((a, b) => a + b, 0);
  const tops = { bytes: sumOfRoots(tree.bytes), entries: sumOfRoots(tree.entries), own_bytes: 0, own_entries: 0 };
  const number = (key, dir) => dir < 0 ? tops[key] : tree[key][dir];
  const childrenOf = (dir) => {
    const from = dir < 0 ? 0 : first[dir];
    return Array.from({ length: dir < 0 ? tree.roots : tree.children[dir] }, (_, index) => from + index);
  };
  const nameOf = (dir) => dir < 0 ? "all roots" : tree.names[dir] === "" ? "/" : tree.names[dir];
  const above = (dir) => dir === TOP ? null : parent[dir];
  const canEnter = (dir) => dir === TOP || tree.children[dir] > 0;

  let area = tops.bytes > 0 ? "bytes" : "entries";
  let color = "extension";
  let current = TOP;
  let lit = null;
  const box = byId("tiles");

  // What a directory consists of, the largest first: directories, its own files, and directories
  // that are too small for the map.
  const partsOf = (dir) => {
    const parts = childrenOf(dir).map((child) => ({ kind: "dir", dir: child, value: number(area, child) }));
    const whole = number(area, dir);
    const sum = parts.reduce((all, part) => all + part.value, 0);
    const own = Math.min(number(`own_${area}`, dir), Math.max(0, whole - sum));
    parts.push({ kind: "own", dir, value: own });
    // Rounding leaves a little.
    const rest = whole - sum - own;
    if (rest > whole / 2000) parts.push({ kind: "rest", dir, value: rest });
    return parts.filter((part) => part.value > 0).sort((one, other) => other.value - one.value);
  };

  // Squarified: rows of rectangles whose sides differ little.
  const squarify = (parts, x, y, width, height, place) => {
    const total = parts.reduce((all, part) => all + part.value, 0);
    const unit = width * height / total;
    let from = 0;
    while (from < parts.length && width > 0 && height > 0) {
      const side = Math.min(width, height);
      const largestArea = parts[from].value * unit;
      let to = from;
      let sum = 0;
      let worst = Infinity;
      for (; to < parts.length; to += 1) {
        const size = parts[to].value * unit;
        const all = sum + size;
        const ratio = Math.max(side * side * largestArea / (all * all), all * all / (side * side * size));
        if (ratio > worst) break;
        worst = ratio;
        sum = all;
      }
      const depth = sum / side;
      let along = 0;
      for (; from < to; from += 1) {
        const length = parts[from].value * unit / depth;
        if (width >= height) place(parts[from], x, y + along, depth, length);
        else place(parts[from], x + along, y, length, depth);
        along += length;
      }
      if (width >= height) { x += depth; width -= depth; } else { y += depth; height -= depth; }
    }
  };

  // ---- colors ----

  // Of each directory the extension of most bytes below it, among those with a color.
  const extensionOf = (() => {
    const width = N_COLORS + 2;
    const sums = new Float64Array(n * width);
    const most = new Int8Array(n);
    for (let dir = n - 1; dir >= 0; dir -= 1) {
      const index = tree.extension[dir];
      const known = index === null ? N_COLORS + 1 : tree.extensions[index] === "" ? N_COLORS + 1 : Math.min(index, N_COLORS);
      sums[dir * width + known] += tree.own_bytes[dir] || 1e-9;
      for (let each = 0; each < width; each += 1) {
        const sum = sums[dir * width + each];
        if (sum > sums[dir * width + most[dir]]) most[dir] = each;
        if (parent[dir] >= 0) sums[parent[dir] * width + each] += sum;
      }
    }
    return { below: most, of: (dir) => {
      const index = tree.extension[dir];
      return index === null || tree.extensions[index] === "" ? N_COLORS + 1 : Math.min(index, N_COLORS);
    } };
  })();
  const owners = (() => {
    const sums = new Map();
    tree.uid.forEach((uid, dir) => uid === null || sums.set(uid, (sums.get(uid) ?? 0) + tree.own_bytes[dir]));
    return [...sums].sort((one, other) => other[1] - one[1]).map(([uid]) => uid);
  })();
  const ownerIndex = new Map(owners.map((uid, index) => [uid, Math.min(index, N_COLORS)]));
  const ageClass = (key) => (dir) => tree[key][dir] === null ? "c9" : `a${ageOf(tree[key][dir])}`;
  const ages = (key) => {
    const used = new Set(tree[key].filter((day) => day !== null).map(ageOf));
    return [...used].sort((a, b) => a - b).map((index) => [`a${index}`, ageLabel(index)]);
  };
  const named = (names, rest, nothing) => {
    const entries = names.slice(0, N_COLORS).map((name, index) => [`c${index}`, name]);
    if (names.length > N_COLORS) entries.push([`c${N_COLORS}`, rest]);
    return nothing ? [...entries, [`c${N_COLORS + 1}`, nothing]] : entries;
  };
  const COLORS = {
    extension: {
      label: "Extension", of: (dir, kind) => `c${kind === "own" ? extensionOf.of(dir) : extensionOf.below[dir]}`,
      keys: () => named(tree.extensions.filter((name) => name !== ""), "others", "none"),
    },
    owner: {
      label: "Owner", of: (dir) => `c${ownerIndex.get(tree.uid[dir]) ?? N_COLORS + 1}`,
      keys: () => named(owners.map(ownerName), "others", null),
    },
    mtime: { label: "Last change", of: ageClass("mtime"), keys: () => ages("mtime") },
    atime: { label: "Last read", of: ageClass("atime"), keys: () => ages("atime") },
  };
  const has = (key) => tree[key].some((value) => value !== null);
  if (!has("uid")) delete COLORS.owner;
  if (!has("mtime")) delete COLORS.mtime;
  if (!has("atime")) delete COLORS.atime;

  // ---- drawing ----

  const sizeOf = (part) => area === "bytes" ? bytes(part.value) : short(part.value);
  const labelOf = ({ kind, dir }) => kind === "dir" ? nameOf(dir) : kind === "own" ? "files here" : "smaller directories";

  const facts = ({ kind, dir, value }) => {
    const of = `${share(value, number(area, current))} of what is shown`;
    if (kind === "rest") return [sizeOf({ value }), of];
    const isOwn = kind === "own";
    const size = number(isOwn ? "own_bytes" : "bytes", dir);
    const entries = number(isOwn ? "own_entries" : "entries", dir);
    const parts = [bytes(size), plural(entries, "entry", "entries")];
    if (isOwn || dir !== current) parts.push(of);
    if (dir < 0) return parts;
    const day = (key, word) => tree[key][dir] !== null && !isOwn && parts.push(`${word} ${date(tree[key][dir] * DAY)}`);
    if (tree.uid[dir] !== null) parts.push(`owner ${plain(ownerName(tree.uid[dir]))}`);
    if (isOwn && tree.extension[dir] !== null) parts.push(`most of it ${plain(tree.extensions[tree.extension[dir]]) || "without an extension"}`);
    day("mtime", "last change");
    day("atime", "last read");
    return parts;
  };

  const about = (part) => {
    const target = part ?? { kind: "dir", dir: current, value: number(area, current) };
    const path = [];
    for (let dir = target.dir; dir !== null && dir >= 0 && dir !== current && path.length < 12; dir = above(dir)) path.unshift(nameOf(dir));
    if (!path.length) path.push(nameOf(current));
    const label = path.flatMap((name, index) => [index ? "/" : "", shown(name)]);
    if (target.kind !== "dir") label.push(`: ${labelOf(target)}`);
    byId("about").replaceChildren(el("b", "", label), ` \u00b7 ${facts(target).join(" \u00b7 ")}`);
  };

  // Fills a tile: the name if it fits, the size if that fits, too.
  const fill = (made, part, width, height, isFrame) => {
    if (width < 34 || height < 15) return;
    const name = el("span", "name");
    name.append(...shown(labelOf(part)).childNodes);
    const size = el("span", "size", sizeOf(part));
    if (isFrame) made.append(el("span", "label", name, width > 130 ? size : null));
    else made.append(name, height >= 30 && width >= 52 ? size : "");
  };

  const MARGIN = 2;
  const draw = () => {
    const [width, height] = [box.clientWidth, box.clientHeight];
    const made = [];
    let waiting = [];
    const place = (level) => (part, x, y, w, h) => {
      if (w < 2 || h < 2 || made.length >= TILES_MAX) return;
      const isFrame = part.kind === "dir" && canEnter(part.dir) && w >= 48 && h >= 44;
      const tile = el("div", `tile ${isFrame ? "frame" : part.kind === "rest" ? "rest" : COLORS[color].of(part.dir, part.kind)}`);
      if (isFrame && level % 2) tile.classList.add("deep");
      tile.style.left = `${100 * x / width}%`;
      tile.style.top = `${100 * y / height}%`;
      // What is between tiles is the frame around them.
      tile.style.width = `calc(${100 * w / width}% - 1px)`;
      tile.style.height = `calc(${100 * h / height}% - 1px)`;
      tile.held = part;
      tile.level = level;
      const target = entered(part);
      if (target !== null) tile.classList.add("open");
      if (level === 0) {
        const text = `${plain(labelOf(part))}, ${facts(part).join(", ")}`;
        attributes(tile, { role: target === null ? "img" : "button", tabindex: "-1", "aria-label": text });
      } else tile.ariaHidden = "true";
      fill(tile, part, w, h, isFrame);
      made.push(tile);
      if (isFrame) waiting.push([part.dir, x + MARGIN, y + HEAD_HEIGHT, w - 2 * MARGIN, h - HEAD_HEIGHT - MARGIN, level + 1]);
    };
    const parts = partsOf(current);
    if (parts.length) squarify(parts, 0, 0, width, height, place(0));
    while (waiting.length && made.length < TILES_MAX) {
      const frames = waiting;
      waiting = [];
      for (const [dir, x, y, w, h, level] of frames) squarify(partsOf(dir), x, y, w, h, place(level));
    }
    if (!made.length) made.push(el("p", "empty", area === "bytes" ? "Nothing here has a size." : "Nothing is here."));
    else if (made[0].held) made[0].tabIndex = 0;
    box.replaceChildren(...made);
    lit = null;
    attributes(box, { "aria-label": `Map of ${plain(nameOf(current))}, area by ${area === "bytes" ? "size" : "entries"}` });
    about(null);
  };

  // The directory that a click on a part leads to: itself, or the one around it.
  const entered = ({ kind, dir }) => {
    const target = kind === "dir" && canEnter(dir) ? dir : kind === "dir" ? above(dir) : dir;
    return target === current || target === null ? null : target;
  };

  const crumbs = () => {
    const path = [];
    for (let dir = current; dir !== null; dir = above(dir)) path.unshift(dir);
    const isLong = path.length > 8;
    const kept = isLong ? [path[0], null, ...path.slice(-6)] : path;
    const parts = kept.flatMap((dir, index) => {
      const separator = index ? el("span", "separator", "\u203a") : null;
      if (dir === null) return [separator, el("span", "separator", `${path.length - 7} more`)];
      if (dir === current) return [separator, attributes(el("span", "", shown(nameOf(dir))), { "aria-current": "true" })];
      return [separator, button(shown(nameOf(dir)), () => go(dir))];
    });
    byId("crumbs").replaceChildren(...parts.filter(Boolean));
  };

  // A directory with nothing but one other has nothing to show. Numbers are rounded, and the other
  // is an entry.
  const isPassage = (dir) => dir >= 0 && tree.children[dir] === 1 && canEnter(first[dir])
    && ["bytes", "entries"].every((key) => number(key, first[dir]) >= number(key, dir) * 0.999 - 1);

  const show = (dir, focused) => {
    current = dir;
    crumbs();
    draw();
    if (focused === undefined) return;
    const tiles = firstLevel();
    focus(tiles.find((tile) => tile.held.kind === "dir" && tile.held.dir === focused) ?? tiles[0]);
  };

  // The address has the directory, so that the browser's way back leads out. No element is called
  // so, or it would get the focus.
  const go = (dir) => {
    const from = current;
    let child = null;
    for (let each = from; each !== null && each !== dir; each = above(each)) child = each;
    show(dir, child === null || !isBelow(from, dir) ? null : child);
    location.hash = dir === TOP ? "dir-all" : `dir-${dir}`;
  };
  const isBelow = (dir, other) => {
    while (dir !== null && dir !== other) dir = above(dir);
    return dir === other;
  };
  const into = (part) => {
    let target = entered(part);
    if (target === null) return;
    while (isPassage(target)) target = first[target];
    go(target);
  };
  const out = () => {
    let target = above(current);
    while (target !== null && isPassage(target) && above(target) !== null) target = above(target);
    if (target !== null) go(target);
  };
  addEventListener("hashchange", () => {
    const found = /^#dir-(\d{1,6})$/.exec(location.hash);
    const dir = found ? Number(found[1]) : TOP;
    if (dir !== current && dir < n && canEnter(dir)) show(dir);
  });

  // ---- keys and pointer ----

  const firstLevel = () => [...box.children].filter((tile) => tile.level === 0);
  const focus = (tile) => {
    if (!tile) return;
    firstLevel().forEach((other) => { other.tabIndex = -1; });
    tile.tabIndex = 0;
    tile.focus({ preventScroll: true });
  };
  const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  // The tile that is nearest in a direction.
  const neighbor = (tile, [dx, dy]) => {
    const middle = (each) => [each.offsetLeft + each.offsetWidth / 2, each.offsetTop + each.offsetHeight / 2];
    const [x, y] = middle(tile);
    const edge = (each) => dx ? (dx > 0 ? each.offsetLeft - tile.offsetLeft - tile.offsetWidth : tile.offsetLeft - each.offsetLeft - each.offsetWidth)
      : (dy > 0 ? each.offsetTop - tile.offsetTop - tile.offsetHeight : tile.offsetTop - each.offsetTop - each.offsetHeight);
    const distance = (each) => {
      const [ex, ey] = middle(each);
      const gap = dx ? Math.max(0, Math.abs(ey - y) - (each.offsetHeight + tile.offsetHeight) / 2)
        : Math.max(0, Math.abs(ex - x) - (each.offsetWidth + tile.offsetWidth) / 2);
      return edge(each) + 4 * gap + (dx ? Math.abs(ey - y) : Math.abs(ex - x)) / 10;
    };
    const candidates = firstLevel().filter((each) => each !== tile && edge(each) > -3);
    return candidates.sort((one, other) => distance(one) - distance(other))[0];
  };
  box.addEventListener("keydown", (event) => {
    const tile = event.target.closest(".tile");
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key in DIRECTIONS) focus(tile && neighbor(tile, DIRECTIONS[event.key]));
    else if (event.key === "Enter" || event.key === " ") tile && into(tile.held);
    else if (event.key === "Escape" || event.key === "Backspace") out();
    else if (event.key === "Home") current !== TOP && go(TOP);
    else return;
    event.preventDefault();
  });
  box.addEventListener("focusin", (event) => event.target.held && about(event.target.held));
  box.addEventListener("click", (event) => {
    const tile = event.target.closest(".tile");
    if (tile) into(tile.held);
  });
  const light = (tile) => {
    if (tile === lit) return;
    lit?.classList.remove("lit");
    lit = tile;
    tile?.classList.add("lit");
    about(tile ? tile.held : null);
  };
  box.addEventListener("pointermove", (event) => light(event.target.closest(".tile")));
  box.addEventListener("pointerleave", () => light(null));

  // ---- choices ----

  const legend = () => byId("legend").replaceChildren(...COLORS[color].keys().map(([name, label]) =>
    el("li", "", el("span", `key ${name}`), shown(label))));
  const choices = (id, options, chosen, choose) => byId(id).append(...options.map(([value, label]) => {
    const input = attributes(document.createElement("input"), { type: "radio", name: id, value });
    input.checked = value === chosen;
    input.addEventListener("change", () => { choose(value); draw(); });
    return el("label", "", input, label);
  }));
  choices("areas", [["bytes", "Size"], ["entries", "Entries"]], area, (value) => { area = value; });
  choices("colors", Object.entries(COLORS).map(([key, { label }]) => [key, label]), color, (value) => { color = value; legend(); });
  const known = tree.left_out ? `The ${count(n)} largest directories are drawn; all others are in \u201csmaller directories\u201d. ` : "";
  byId("map-hint").replaceChildren(`${known}Click or Enter goes into a directory, Escape or Backspace out of it; arrow keys move.`);
  byId("map").hidden = false;
  legend();
  crumbs();
  // The address may have a directory from before.
  if (location.hash.startsWith("#dir-")) dispatchEvent(new Event("hashchange"));
  // The first time, too: asking for the size here would lay the page out once more than it must be.
  let drawnWidth = 0;
  new ResizeObserver(() => {
    if (Math.abs(box.clientWidth - drawnWidth) < 2) return;
    drawnWidth = box.clientWidth;
    draw();
  }).observe(box);
};

// ---- all ----

const put = (id, parts) => {
  const section = byId(id);
  const place = section.querySelector("div");
  place.append(...parts.filter((part) => part?.hasChildNodes()));
  section.hidden = !place.hasChildNodes();
};
head();
unseen();
totals();
treemap();
put("when", [ageTable("mtime_ages", "Last change", lists.mtime_ages), ageTable("atime_ages", "Last read", lists.atime_ages),
  ownerBars("owner_ages", "Owners, by last change", lists.owner_ages, ageIndex, "a", ageLabel),
  ownerBars("owner_sizes", "Owners, by size of file", lists.owner_sizes,
    (from) => SIZES.findIndex((limit) => from < limit), "s", sizeLabel)]);
put("what", whatTables());
put("shape", shapeCharts());
put("large", largeTables());
put("trouble", troubleTables());
})();
