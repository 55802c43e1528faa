// ---- head ----

const time = (text) => plain(text).replace("T", " ").replace(/(\.\d+)?Z$/, " UTC");

const head = () => {
  const roots = lists.roots.rows.length ? lists.roots.rows.map(([path]) => path) : [facts.scan ?? "a saved scan"];
  const n_more = lists.roots.left_out + Math.max(0, roots.length - 3);
  const names = roots.slice(0, 3).flatMap((root, index) => [index ? ", " : "", shown(root)]);
  const more = n_more ? ` and ${count(n_more)} more` : "";
  byId("title").replaceChildren(el("span", "what", "Profile of "), ...names, more);
  document.title = `Profile of ${roots.slice(0, 3).map(plain).join(", ")}${more}`;
  const parts = [time(facts.started)];
  if (facts.scan !== null) parts.push(["from the saved scan ", shown(facts.scan)]);
  if (facts.ages_as_of !== facts.started) parts.push(`ages as of ${time(facts.ages_as_of)}`);
  parts.push(`took ${facts.seconds < 1 ? `${count(facts.seconds * 1000)}${BLANK}ms` : `${digits(facts.seconds)}${BLANK}s`}`);
  parts.push(`pwalk ${plain(facts.pwalk)}`);
  if (facts.complete === true) parts.push("complete");
  if (facts.condition !== null) parts.push(["only entries where ", el("b", "", shown(facts.condition))]);
  byId("source").append(...parts.flatMap((part, index) => [index ? " \u00b7 " : "", part].flat()));
};

const OPERATIONS = {
  open: "open a directory", read: "read a directory", stat: "read an inode", readlink: "read a symbolic link",
  follow: "follow a symbolic link", name: "write the exact name",
};
const operation = (word) => Object.hasOwn(OPERATIONS, word) ? OPERATIONS[word] : plain(word);

// What stands at the top: that numbers are too small, or not exact.
const unseen = () => {
  const n = facts.errors;
  const notes = estimates();
  const isSeen = facts.complete === true && !n;
  if (isSeen && !notes.length) return;
  const title = facts.complete === false ? "This profile is not complete"
    : n ? "Not everything could be seen"
      : isSeen ? "Some numbers are estimates" : "It is not known whether this profile is complete";
  const box = byId("unseen");
  box.hidden = false;
  box.append(el("h2", "", title), isSeen ? "" : el("p", "", missing(n)));
  if (n) box.append(...errorKinds(), ...errorExamples());
  box.append(...notes.map((note) => el("p", "", note)));
};

const missing = (n) => {
  if (!n && facts.complete === false) return "It was ended before everything was read.";
  if (!n) return "The saved scan does not say what could not be read.";
  return `${count(n)} ${n === 1 ? "error" : "errors"}. What was not read is missing in all numbers below.`;
};

const estimates = () => [
  facts.trees_are_estimates && "Totals of directories are estimates. They were added up from single entries, and there are more directories than are counted apart, so that the smallest count as part of those around them; or a CSV has several directories of one name, which differed only in bytes that are not valid UTF-8 and count as one.",
  [lists.extensions, lists.owners, lists.groups].some(({ rows }) => rows.some((row) => row[4]))
    && "There were too many extensions, owners or groups to count each from the beginning: some of those marked as estimates may have more.",
].filter(Boolean);

const errorKinds = () => {
  const { rows, left_out } = lists.errors;
  const cells = (row) => [el("td", "text", row[0] === null ? "" : `could not ${operation(row[0])}`),
    el("td", "text", plain(row[1])), el("td", "", count(row[2]))];
  const table = el("table", "", el("tbody", "", rows.map((row) => el("tr", "", cells(row)))));
  return [rows.length ? table : "", left_out ? el("p", "note", `and ${count(left_out)} more kinds of errors`) : ""];
};

const errorExamples = () => {
  const examples = lists.error_examples.rows;
  if (!examples.length) return [];
  const line = ([path, word, errno, message]) => el("li", "", shown(path),
    [operation(word), errno, message].map((each) => ` \u00b7 ${plain(each)}`));
  const details = el("details", "", el("summary", "", `${count(examples.length)} of them`), el("ul", "", examples.map(line)));
  details.open = examples.length <= 5;
  return [details];
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
  figure("Entries", facts.entries, facts.entries < 1e7 ? count : short);
  figure("Apparent size", facts.apparent_bytes, bytes, "as files have it");
  figure("Allocated", facts.allocated_bytes, bytes, ratio < 10 ? `${share(ratio, 1)} of that` : "");
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
  const left = skipped();
  if (left.length) byId("totals").append(el("p", "kinds", `Left out on purpose: ${left.join(", ")}.`));
};

const SKIPPED = {
  snapshots: ["snapshot directory", "snapshot directories"], excluded: ["excluded entry", "excluded entries"],
  mount_points: ["mount point of another filesystem", "mount points of other filesystems"],
  automounts: ["directory of an automounter", "directories of automounters"],
  own_outputs: ["file of this run", "files of this run"],
};
const skipped = () => Object.entries(facts.skipped ?? {}).filter(([key, n]) => n > 0 && Object.hasOwn(SKIPPED, key))
  .map(([key, n]) => plural(n, ...SKIPPED[key]));

