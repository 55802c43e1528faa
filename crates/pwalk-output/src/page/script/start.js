// ---- all ----

const put = (id, parts) => {
  const section = byId(id);
  const place = section.querySelector("div");
  place.append(...parts.filter((part) => part?.hasChildNodes()));
  section.hidden = !place.hasChildNodes();
};

const drawLists = () => {
  put("when", [ageTable("mtime_ages", "Last change", lists.mtime_ages), ageTable("atime_ages", "Last read", lists.atime_ages),
    ownerBars("owner_ages", "Owners, by last change", lists.owner_ages, ageIndex, "a", ageLabel),
    ownerBars("owner_sizes", "Owners, by size of file", lists.owner_sizes,
      (from) => SIZES.findIndex((limit) => from < limit), "s", sizeLabel)]);
  put("what", whatTables());
  put("shape", shapeCharts());
  put("large", largeTables());
  put("trouble", troubleTables());
};

const drawMap = async () => {
  try {
    startMap(await unpack(byId("tree").textContent));
  } catch (error) {
    map.box.replaceChildren(el("p", "empty", `This browser cannot draw the map: ${error.message}`));
  }
};

// The first picture has the totals. The rest takes several times as long, and follows in the next
// ones; nothing moves then, as the map has its place. A page that nobody looks at has no pictures.
const nextPicture = () => new Promise((done) => {
  if (document.visibilityState === "visible") requestAnimationFrame(() => setTimeout(done));
  else done();
});

// Keeps the page loading: who prints it or takes a picture of it once it is loaded, without anybody
// watching, gets all of it. A document within it that is open does that.
const keepLoading = () => {
  const frame = el("iframe");
  frame.hidden = true;
  document.body.append(frame);
  frame.contentDocument.open();
  return () => frame.remove();
};

const start = async () => {
  head();
  unseen();
  totals();
  const hasMap = byId("tree").textContent !== "";
  byId("map").hidden = !hasMap;
  const end = keepLoading();
  await nextPicture();
  if (hasMap) await drawMap();
  await nextPicture();
  drawLists();
  document.documentElement.dataset.drawn = "";
  await nextPicture();
  end();
};
start();
})();
