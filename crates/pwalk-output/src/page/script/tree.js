// ---- the tree of directories ----

// Uncompressed by the browser.
const unpack = (text) => {
  const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
};

// The columns of all directories, and what follows from them. The children of a directory are side
// by side, so their number says which they are.
const makeTree = (columns) => {
  const n = columns.names.length;
  const first = new Int32Array(n);
  const parent = new Int32Array(n).fill(-1);
  let next = columns.roots;
  for (let dir = 0; dir < n; dir += 1) {
    first[dir] = next;
    next += columns.children[dir];
    parent.fill(dir, first[dir], next);
  }
  const ofRoots = (key) => columns[key].slice(0, columns.roots).reduce((a, b) => a + b, 0);
  const tops = { bytes: ofRoots("bytes"), entries: ofRoots("entries"), own_bytes: 0, own_entries: 0 };
  // Several roots have a directory above them that is not there.
  const top = columns.roots === 1 ? 0 : -1;
  return { ...columns, n, first, parent, top, tops };
};

// Questions about a directory of the map's tree. `above` the top there is none.
const number = (key, dir) => (dir < 0 ? map.tree.tops[key] : map.tree[key][dir]) ?? 0;
const isUnknown = (key, dir) => dir >= 0 && map.tree[key][dir] === null;
const above = (dir) => dir === map.tree.top ? null : map.tree.parent[dir];
const canEnter = (dir) => dir === map.tree.top || map.tree.children[dir] > 0;
const nameOf = (dir) => dir < 0 ? "all roots" : map.tree.names[dir] === "" ? "/" : map.tree.names[dir];
const childrenOf = (dir) => {
  const from = dir < 0 ? 0 : map.tree.first[dir];
  return Array.from({ length: dir < 0 ? map.tree.roots : map.tree.children[dir] }, (_, index) => from + index);
};
const isBelow = (dir, other) => {
  while (dir !== null && dir !== other) dir = above(dir);
  return dir === other;
};
// A directory with nothing but one other has nothing to show. Numbers are rounded, and the other
// is an entry.
const isPassage = (dir) => {
  const only = dir >= 0 && map.tree.children[dir] === 1 ? map.tree.first[dir] : -1;
  return only >= 0 && canEnter(only)
    && ["bytes", "entries"].every((key) => number(key, only) >= number(key, dir) * 0.999 - 1);
};

// What a directory consists of, the largest first: directories, its own files, and directories
// that are too small for the map.
const partsOf = (dir) => {
  const { area } = map;
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
const squarify = (parts, { x, y, width, height }, place) => {
  const unit = width * height / parts.reduce((all, part) => all + part.value, 0);
  let from = 0;
  while (from < parts.length && width > 0 && height > 0) {
    const side = Math.min(width, height);
    const { to, sum } = rowOf(parts, from, side, unit);
    const depth = sum / side;
    let along = 0;
    for (; from < to; from += 1) {
      const length = parts[from].value * unit / depth;
      place(parts[from], width >= height ? { x, y: y + along, width: depth, height: length }
        : { x: x + along, y, width: length, height: depth });
      along += length;
    }
    if (width >= height) { x += depth; width -= depth; } else { y += depth; height -= depth; }
  }
};

// How many parts make a row along a side: as long as that makes them more like squares.
const rowOf = (parts, from, side, unit) => {
  const largestArea = parts[from].value * unit;
  let worst = Infinity;
  let sum = 0;
  let to = from;
  for (; to < parts.length; to += 1) {
    const size = parts[to].value * unit;
    const all = sum + size;
    const ratio = Math.max(side * side * largestArea / (all * all), all * all / (side * side * size));
    if (ratio > worst) break;
    worst = ratio;
    sum = all;
  }
  return { to, sum };
};
