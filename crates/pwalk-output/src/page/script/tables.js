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

