// ---- keys, pointer and choices of the map ----

const firstLevel = () => [...map.box.children].filter((tile) => tile.level === 0);
const focus = (tile) => {
  if (!tile) return;
  firstLevel().forEach((other) => { other.tabIndex = -1; });
  tile.tabIndex = 0;
  tile.focus({ preventScroll: true });
};

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
// The tile that is nearest in a direction.
const neighbor = (tile, [dx, dy]) => {
  // Its sides along the direction and across it.
  const sides = (each) => {
    const along = [each.offsetLeft, each.offsetWidth];
    const across = [each.offsetTop, each.offsetHeight];
    return dx ? [along, across] : [across, along];
  };
  const [[from, length], [side, width]] = sides(tile);
  const distance = (each) => {
    const [[otherFrom, otherLength], [otherSide, otherWidth]] = sides(each);
    const edge = dx + dy > 0 ? otherFrom - from - length : from - otherFrom - otherLength;
    const between = Math.abs(otherSide + otherWidth / 2 - side - width / 2);
    const gap = Math.max(0, between - (otherWidth + width) / 2);
    return edge > -3 ? edge + 4 * gap + between / 10 : Infinity;
  };
  const others = firstLevel().map((each) => [distance(each), each]);
  const [nearest, found] = others.reduce((one, other) => other[0] < one[0] ? other : one, [Infinity, null]);
  return nearest < Infinity ? found : null;
};

const press = (event) => {
  const tile = event.target.closest(".tile");
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key in DIRECTIONS) focus(tile && neighbor(tile, DIRECTIONS[event.key]));
  else if (event.key === "Enter" || event.key === " ") tile && into(tile.held);
  else if (event.key === "Escape" || event.key === "Backspace") out();
  else if (event.key === "Home") map.current !== map.tree.top && go(map.tree.top);
  else return;
  event.preventDefault();
};

const light = (tile) => {
  if (tile === map.lit) return;
  map.lit?.classList.remove("lit");
  map.lit = tile;
  tile?.classList.add("lit");
  about(tile ? tile.held : null);
};

const surround = (tile) => {
  map.ring.style.cssText = tile.style.cssText;
  map.ring.hidden = !tile.matches(":focus-visible");
  about(tile.held);
};

const listen = () => {
  const { box } = map;
  box.addEventListener("keydown", press);
  box.addEventListener("focusin", ({ target }) => target.held && surround(target));
  box.addEventListener("focusout", () => { map.ring.hidden = true; });
  box.addEventListener("click", (event) => {
    const tile = event.target.closest(".tile");
    if (tile) into(tile.held);
  });
  box.addEventListener("pointermove", (event) => light(event.target.closest(".tile")));
  box.addEventListener("pointerleave", () => light(null));
  addEventListener("hashchange", follow);
  // It tells of the first width, too: asking for it would lay the page out once more.
  let width = 0;
  new ResizeObserver(() => {
    if (Math.abs(box.clientWidth - width) < 2) return;
    width = box.clientWidth;
    draw();
  }).observe(box);
};

const legend = () => byId("legend").replaceChildren(...map.colors[map.color].legend().map(([name, label]) =>
  el("li", "", el("span", `key ${name}`), shown(label))));

// Buttons of which one is chosen: what it sets of the map.
const choices = (id, key, options) => byId(id).append(...options.map(([value, label]) => {
  const input = attributes(document.createElement("input"), { type: "radio", name: id, value });
  input.checked = value === map[key];
  input.addEventListener("change", () => { map[key] = value; legend(); draw(); });
  return el("label", "", input, label);
}));

const startMap = (columns) => {
  map.tree = makeTree(columns);
  map.colors = makeColors(map.tree);
  map.current = map.tree.top;
  map.area = map.tree.tops.bytes > 0 ? "bytes" : "entries";
  choices("areas", "area", [["bytes", "Size"], ["entries", "Entries"]]);
  choices("colors", "color", Object.entries(map.colors).map(([key, { label }]) => [key, label]));
  const n_dirs = lists.kinds.rows.find(([kind]) => kind === "dir")?.[1] ?? 0;
  const known = n_dirs > map.tree.n ? `The ${count(map.tree.n)} largest directories of ${count(n_dirs)} are drawn; all others are in \u201csmaller directories\u201d. ` : "";
  byId("map-hint").replaceChildren(`${known}Click or Enter goes into a directory, Escape or Backspace out of it; arrow keys move.`);
  legend();
  crumbs();
  follow();
  listen();
};
