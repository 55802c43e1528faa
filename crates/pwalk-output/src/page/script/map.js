// ---- the map ----

const TILES_MAX = 1000;
// Sides of tiles, in pixels: of the smallest that is drawn, and that has a name.
const SIDE_MIN = 3;
const NAME_WIDTH = 34;
const NAME_HEIGHT = 15;
// Of a frame, a directory that is drawn with what is in it.
const FRAME_WIDTH = 48;
const FRAME_HEIGHT = 44;
const HEAD_HEIGHT = 17;
const MARGIN = 2;

// What is drawn, and how: the tree, its directory, what areas and colors mean, the tile below the
// pointer, what is around the one with the focus. A part of a directory is its kind (`dir`, `own`: files in it, `rest`), a directory, and
// a value.
const map = {
  box: byId("tiles"), tree: null, colors: null, current: 0, area: "bytes", color: "extension",
  lit: null, ring: el("div", "ring"),
};

const sizeOf = (part) => map.area === "bytes" ? bytes(part.value) : short(part.value);
const labelOf = ({ kind, dir }) => kind === "dir" ? nameOf(dir) : kind === "own" ? "files here"
  : isUnknown(`own_${map.area}`, dir) ? "files here and smaller directories" : "smaller directories";

const factsOf = ({ kind, dir, value }) => {
  const of = `${share(value, number(map.area, map.current))} of what is shown`;
  if (kind === "rest") return [sizeOf({ value }), of];
  const isOwn = kind === "own";
  const told = (key, format) => isUnknown(key, dir) ? [] : [format(number(key, dir))];
  const parts = [...told(isOwn ? "own_bytes" : "bytes", bytes),
    ...told(isOwn ? "own_entries" : "entries", (n) => plural(n, "entry", "entries"))];
  if (isOwn || dir !== map.current) parts.push(of);
  return dir < 0 ? parts : [...parts, ...detailsOf(dir, isOwn)];
};
const detailsOf = (dir, isOwn) => {
  const { uid, extension, extensions, mtime, atime } = map.tree;
  const day = (word, time) => time[dir] !== null && !isOwn ? `${word} ${date(time[dir] * DAY)}` : null;
  const most = () => `most of it ${plain(extensions[extension[dir]]) || "without an extension"}`;
  return [uid[dir] !== null ? `owner ${plain(ownerName(uid[dir]))}` : null,
    isOwn && extension[dir] !== null ? most() : null,
    day("last change", mtime), day("last read", atime)].filter(Boolean);
};

// The line below the map.
const about = (part) => {
  const { current } = map;
  const target = part ?? { kind: "dir", dir: current, value: number(map.area, current) };
  const path = [];
  for (let dir = target.dir; dir !== null && dir >= 0 && dir !== current && path.length < 12; dir = above(dir)) path.unshift(nameOf(dir));
  if (!path.length) path.push(nameOf(current));
  const label = path.flatMap((name, index) => [index ? "/" : "", shown(name)]);
  if (target.kind !== "dir") label.push(`: ${labelOf(target)}`);
  byId("about").replaceChildren(el("b", "", label), ` \u00b7 ${factsOf(target).join(" \u00b7 ")}`);
};

// ---- tiles ----

const draw = () => {
  const { box, current } = map;
  const whole = { x: 0, y: 0, width: box.clientWidth, height: box.clientHeight };
  const tiles = [];
  // Level by level, so that the limit leaves out the smallest.
  let frames = [[current, whole]];
  for (let level = 0; frames.length && tiles.length < TILES_MAX; level += 1) {
    const inner = [];
    const place = (part, rect) => {
      if (rect.width < SIDE_MIN || rect.height < SIDE_MIN || tiles.length >= TILES_MAX) return;
      const tile = makeTile(part, rect, whole, level);
      tiles.push(tile);
      if (tile.isFrame) inner.push([part.dir, insideOf(rect)]);
    };
    for (const [dir, rect] of frames) squarify(partsOf(dir), rect, place);
    frames = inner;
  }
  if (tiles.length) tiles[0].tabIndex = 0;
  else tiles.push(el("p", "empty", map.area === "bytes" ? "Nothing here has a size." : "Nothing is here."));
  box.replaceChildren(...tiles, map.ring);
  map.ring.hidden = true;
  byId("map").classList.toggle("nothing", !number("entries", map.tree.top));
  map.lit = null;
  attributes(box, { "aria-label": `Map of ${plain(nameOf(current))}, area by ${map.area === "bytes" ? "size" : "entries"}` });
  about(null);
};

const insideOf = ({ x, y, width, height }) => ({
  x: x + MARGIN, y: y + HEAD_HEIGHT, width: width - 2 * MARGIN, height: height - HEAD_HEIGHT - MARGIN,
});

const makeTile = (part, rect, whole, level) => {
  const { kind, dir } = part;
  const isFrame = kind === "dir" && canEnter(dir) && rect.width >= FRAME_WIDTH && rect.height >= FRAME_HEIGHT;
  const look = isFrame ? `frame${level % 2 ? " deep" : ""}` : kind === "rest" ? "rest" : map.colors[map.color].of(dir, kind === "own");
  const target = entered(part);
  const tile = el("div", `tile ${look}${target === null ? "" : " open"}`);
  const percent = (part, all) => `${(100 * part / all).toFixed(3)}%`;
  // Between tiles one sees the frame around them. Paper has another width: no pixels.
  tile.style.cssText = `left:${percent(rect.x, whole.width)};top:${percent(rect.y, whole.height)};`
    + `width:calc(${percent(rect.width, whole.width)} - 1px);height:calc(${percent(rect.height, whole.height)} - 1px)`;
  Object.assign(tile, { held: part, level, isFrame });
  if (level === 0) {
    const text = `${plain(labelOf(part))}, ${factsOf(part).join(", ")}`;
    attributes(tile, { role: target === null ? "img" : "button", tabindex: "-1", "aria-label": text });
  } else tile.ariaHidden = "true";
  fill(tile, rect);
  return tile;
};

// The name if it fits, and the size if that fits, too.
const fill = (tile, { width, height }) => {
  if (width < NAME_WIDTH || height < NAME_HEIGHT) return;
  const name = el("span", "name");
  name.append(...shown(labelOf(tile.held)).childNodes);
  const size = () => el("span", "size", sizeOf(tile.held));
  if (tile.isFrame) tile.append(el("span", "label", name, width > 130 ? size() : null));
  else tile.append(name, height >= 30 && width >= 64 ? size() : "");
};

// ---- going through ----

// The directory that a click on a part leads to: itself, or the one around it.
const entered = ({ kind, dir }) => {
  const target = kind === "dir" && !canEnter(dir) ? above(dir) : dir;
  return target === map.current ? null : target;
};

const crumbs = () => {
  const path = [];
  for (let dir = map.current; dir !== null; dir = above(dir)) path.unshift(dir);
  const kept = path.length > 8 ? [path[0], null, ...path.slice(-6)] : path;
  const crumb = (dir) => {
    if (dir === null) return el("span", "separator", `${path.length - 7} more`);
    if (dir === map.current) return attributes(el("span", "", shown(nameOf(dir))), { "aria-current": "true" });
    return button(shown(nameOf(dir)), () => go(dir));
  };
  byId("crumbs").replaceChildren(...kept.flatMap((dir, index) => [index ? el("span", "separator", "\u203a") : "", crumb(dir)]));
};

const show = (dir, focused) => {
  map.current = dir;
  crumbs();
  draw();
  if (focused === undefined) return;
  const tiles = firstLevel();
  focus(tiles.find(({ held }) => held.kind === "dir" && held.dir === focused) ?? tiles[0]);
};

// The address has the directory, so that the browser's way back leads out. No element is called
// so, or it would get the focus.
const go = (dir) => {
  const from = map.current;
  let child = null;
  for (let each = from; each !== null && each !== dir; each = above(each)) child = each;
  show(dir, child === null || !isBelow(from, dir) ? null : child);
  location.hash = dir === map.tree.top ? "dir-all" : `dir-${dir}`;
};
const into = (part) => {
  let target = entered(part);
  if (target === null) return;
  while (isPassage(target)) target = map.tree.first[target];
  go(target);
};
const out = () => {
  let target = above(map.current);
  while (target !== null && isPassage(target) && above(target) !== null) target = above(target);
  if (target !== null) go(target);
};
const follow = () => {
  const found = /^#dir-(\d{1,6})$/.exec(location.hash);
  const dir = found ? Number(found[1]) : map.tree.top;
  if (dir !== map.current && dir < map.tree.n && canEnter(dir)) show(dir);
};
