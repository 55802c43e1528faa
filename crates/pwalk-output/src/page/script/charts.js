// ---- ages, owners, sizes ----

const ageTable = (id, title, list) => {
  const rows = list.rows.filter(([age]) => ageIndex(age) >= 0).sort(([a], [b]) => ageIndex(a) - ageIndex(b));
  if (!rows.some(([, entries]) => entries > 0)) return null;
  const sum = rows.reduce((all, row) => all + (row[2] ?? 0), 0);
  const most = largest(rows, at(2));
  const line = (row) => {
    const index = ageIndex(row[0]);
    const size = row[2];
    const sizes = isNumber(size) ? [titled(el("span", "", bytes(size)), `${count(size)} bytes`), share(size, sum)] : [none(), none()];
    return el("tr", "", el("td", "text", el("div", "word", ageLabel(index))), el("td", "bars", bar([[size ?? 0, `a${index}`]], most)),
      sizes.map((each) => el("td", "", each)), el("td", "", count(row[1] ?? 0)));
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

const ofSize = { word: "size", value: (bin) => bin.bytes, format: bytes };
const ofEntries = { word: "entries", value: (bin) => bin.entries, format: (n) => plural(n, "entry", "entries") };
// What is known of all bins.
const measuresOf = (bins) => bins.every((bin) => isNumber(bin.bytes)) ? [ofSize, ofEntries] : [ofEntries];

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
  const depths = lists.depths.rows.map(([depth, entries, sum, orDeeper]) => ({ depth, orDeeper, entries, bytes: sum }));
  depths.sort((one, other) => one.depth - other.depth);
  const every = Math.ceil(depths.length / 6);
  const bins = depths.slice(0, 80).map((bin, index) => ({ ...bin, label: `depth ${bin.depth}${bin.orDeeper ? " or deeper" : ""}`, tick: index % every === 0 ? bin.depth : null }));
  const n_dirs = [{ word: "directories", value: (bin) => bin.entries, format: (n) => plural(n, "directory", "directories") }];
  return [chart("sizes", "Size of a file", powers(sizes, bound, 10), [ofSize, ofEntries]),
    chart("depths", "Depth below the root", bins, measuresOf(bins)),
    chart("dir_entries", "Entries of a directory", powers(dirs, count, 4), n_dirs)];
};

