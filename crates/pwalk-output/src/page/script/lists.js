// ---- the lists of a profile ----

const whatTables = () => {
  const name = (list, what) => (row) => list.rows.length ? what(row[0]) : null;
  const extension = (row) => row[0] === "" || row[0] === null ? "(none)" : row[0];
  const estimated = (row) => row[4] ? "estimate" : "";
  const marks = ({ rows }) => rows.some(estimated) ? [column("", "text", estimated)] : [];
  const extensions = table("extensions", "Extensions", [
    column("Extension", "text", extension), barOf(lists.extensions, at(2)),
    column("Size", "bytes", at(2)), column("Allocated", "bytes", at(3), true), column("Files", "count", at(1)),
    ...marks(lists.extensions),
  ], lists.extensions, 12);
  const people = (id, title, list, what) => table(id, title, [
    column(title.slice(0, -1), "text", name(list, what)), barOf(list, at(3)),
    column("Size", "bytes", at(3)), column("Entries", "count", at(2)), ...marks(list),
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

