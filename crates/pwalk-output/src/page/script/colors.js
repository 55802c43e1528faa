// ---- colors of the map ----

// As many have a color of their own; then come all others, and what has none of it.
const N_COLORS = 8;
const OTHERS = N_COLORS;
const NONE = N_COLORS + 1;

// Ways to color a directory: what the choice is called, the class of a directory (of its own files
// alone if `isOwn`), and the legend as classes and labels.
const makeColors = (tree) => {
  const colors = { extension: byExtension(tree) };
  const has = (key) => tree[key].some((value) => value !== null);
  if (has("uid")) colors.owner = byOwner(tree);
  if (has("mtime")) colors.mtime = byAge(tree, "mtime", "Last change");
  if (has("atime")) colors.atime = byAge(tree, "atime", "Last read");
  return colors;
};

const legendOf = (names, others, none) => {
  const entries = names.slice(0, N_COLORS).map((name, index) => [`c${index}`, name]);
  if (names.length > N_COLORS) entries.push([`c${OTHERS}`, others]);
  return none ? [...entries, [`c${NONE}`, none]] : entries;
};

const byExtension = (tree) => {
  const names = tree.extensions.filter((name) => name !== "");
  const numbers = new Map(names.map((name, index) => [name, Math.min(index, OTHERS)]));
  const own = tree.extension.map((index) => numbers.get(tree.extensions[index]) ?? NONE);
  const below = mostBelow(tree, own);
  return {
    label: "Extension", of: (dir, isOwn) => `c${isOwn ? own[dir] : below[dir]}`,
    legend: () => legendOf(names, "others", "none"),
  };
};

// Of each directory the color with most bytes in all that is below it.
const mostBelow = ({ n, parent, own_bytes: bytes }, own) => {
  const width = NONE + 1;
  const sums = new Float64Array(n * width);
  const most = new Int8Array(n);
  for (let dir = n - 1; dir >= 0; dir -= 1) {
    sums[dir * width + own[dir]] += bytes[dir] || 1e-9;
    for (let each = 0; each < width; each += 1) {
      const sum = sums[dir * width + each];
      if (sum > sums[dir * width + most[dir]]) most[dir] = each;
      if (parent[dir] >= 0) sums[parent[dir] * width + each] += sum;
    }
  }
  return most;
};

const byOwner = ({ uid, own_bytes: bytes }) => {
  const sums = new Map();
  uid.forEach((each, dir) => each === null || sums.set(each, (sums.get(each) ?? 0) + bytes[dir]));
  const owners = [...sums].sort((one, other) => other[1] - one[1]).map(([each]) => each);
  const numbers = new Map(owners.map((each, index) => [each, Math.min(index, OTHERS)]));
  return {
    label: "Owner", of: (dir) => `c${numbers.get(uid[dir]) ?? NONE}`,
    legend: () => legendOf(owners.map(ownerName), "others", null),
  };
};

const byAge = (tree, key, label) => ({
  label, of: (dir) => tree[key][dir] === null ? `c${NONE}` : `a${ageOf(tree[key][dir])}`,
  legend: () => {
    const used = new Set(tree[key].filter((day) => day !== null).map(ageOf));
    return [...used].sort((a, b) => a - b).map((index) => [`a${index}`, ageLabel(index)]);
  },
});
