"""The page of a profile in a real browser: what it shows, how it is used, and what it must not do."""

import re

import pytest
from samples import HOSTILE, SAMPLES

BYTES_MAX = 1_000_000
# Of a window in which all of a page is in sight: elsewhere what is not has no text yet.
ALL = 6000
TILES = "#tiles .tile"
# Tiles of the first level, which the keys move between.
FIRST = "#tiles .tile[tabindex]"
INVISIBLE = re.compile("[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def crumbs(page):
    """The names in the path above the map."""
    return page.locator("#crumbs .name").all_inner_texts()


def focused(page):
    """The label of what has the focus."""
    return page.evaluate("document.activeElement.getAttribute('aria-label')") or ""


def column(page, table, label):
    """The cells of a table below a head."""
    heads = page.locator(f"#{table} thead th").all_inner_texts()
    index = heads.index(label) + 1
    return page.locator(f"#{table} tbody td:nth-child({index})").all_inner_texts()


def luminance(page, selector, property_):
    """How light a color is: 0 to 1, as WCAG has it."""
    color = page.locator(selector).first.evaluate(
        "(element, property) => getComputedStyle(element)[property]", property_
    )
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    """How well two colors can be told apart, as WCAG has it."""
    dark, light = sorted([one, other])
    return (light + 0.05) / (dark + 0.05)


def beyond(page):
    """What is cut off at the right side of the window."""
    return page.evaluate(
        """() => [...document.querySelectorAll("main *, header *")]
            .filter((each) => !each.closest("#tiles, .axis, .column, svg") && each.checkVisibility())
            .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
            .map((each) => each.outerHTML.slice(0, 200))"""
    )


# ---- every page ----


# The narrowest are those of a telephone; between two of the others the columns change.
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_page_loads_fits_every_window_and_asks_for_nothing(open_page, page_file, sample):
    page = open_page(sample, height=ALL)
    assert page.title().startswith("Profile of ")
    assert page.locator("#totals dd").count() >= 4
    n_bytes = page_file(sample).stat().st_size
    print(f"{sample}: {n_bytes:,} bytes")
    assert n_bytes <= BYTES_MAX
    for width in [1280, 1000, 768, 400] if sample == "hostile" else [400]:
        page.set_viewport_size({"width": width, "height": ALL})
        assert beyond(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_all_is_there_once_the_page_is_loaded(browser, page_file):
    """Who prints it or takes a picture of it then, without looking, gets all of it."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(page_file("everyday").as_uri(), wait_until="load")
    assert page.evaluate("'drawn' in document.documentElement.dataset")
    assert page.evaluate("document.querySelectorAll('#tiles .tile').length") > 100
    context.close()


def test_without_the_map_everything_else_is_there(browser, page_file):
    context = browser.new_context()
    page = context.new_page()
    # Which old browsers lack.
    page.add_init_script("delete window.DecompressionStream")
    page.goto(page_file("everyday").as_uri())
    page.locator("html[data-drawn]").wait_for(state="attached")
    assert "53,102" in page.locator("#totals").inner_text()
    assert "This browser cannot draw the map" in page.locator("#tiles").inner_text()
    assert page.locator("#extensions").count() == 1
    context.close()


# ---- the map ----


def test_a_click_goes_into_a_directory_and_a_crumb_out_of_it(open_page):
    page = open_page("everyday")
    assert crumbs(page) == ["/data"]
    page.locator(FIRST, has_text="microscopy").click(position={"x": 20, "y": 8})
    assert crumbs(page) == ["/data", "microscopy"]
    assert page.locator(FIRST).count() == 18
    page.locator(FIRST, has_text="plate-017").click(position={"x": 20, "y": 8})
    assert crumbs(page) == ["/data", "microscopy", "plate-017"]
    page.locator("#crumbs button").first.click()
    assert crumbs(page) == ["/data"]


def test_a_click_on_an_inner_tile_goes_all_the_way(open_page):
    page = open_page("everyday")
    page.locator(f"{TILES}.frame", has_text=re.compile("^run_260617")).click(position={"x": 9, "y": 8})
    assert crumbs(page) == ["/data", "genomics", "run_260617"]


def test_the_way_back_of_the_browser_leads_out(open_page):
    page = open_page("everyday")
    page.locator(FIRST, has_text="archive").click(position={"x": 20, "y": 8})
    page.go_back()
    page.wait_for_function("document.querySelectorAll('#crumbs .name').length === 1")
    page.go_forward()
    page.wait_for_function("document.querySelectorAll('#crumbs .name').length === 2")
    assert crumbs(page) == ["/data", "archive"]


def test_keys_move_go_in_and_go_out(open_page):
    page = open_page("everyday")
    page.locator(FIRST).first.focus()
    assert focused(page).startswith("genomics, 2.")
    page.keyboard.press("ArrowRight")
    assert focused(page).startswith("climate, ")
    page.keyboard.press("ArrowDown")
    assert focused(page).startswith("archive, ")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    assert focused(page).startswith("genomics, ")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert crumbs(page) == ["/data", "climate"]
    inner = focused(page)
    page.keyboard.press("Enter")
    assert len(crumbs(page)) == 3
    # Out of a directory, the focus is on it.
    page.keyboard.press("Backspace")
    assert focused(page) == inner
    page.keyboard.press("Escape")
    assert crumbs(page) == ["/data"]
    assert focused(page).startswith("climate, ")
    page.keyboard.press("Escape")
    assert crumbs(page) == ["/data"]


def test_every_arrow_key_stays_in_the_map(open_page):
    page = open_page("everyday")
    page.locator(FIRST).first.focus()
    for key in ["ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft"] * 10:
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.matches('#tiles .tile')")


def test_the_focus_can_be_seen(open_page):
    page = open_page("everyday")
    # Reached by the key for it, not by a click.
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#tiles .tile')"):
            break
    ring = page.locator("#tiles .ring")
    assert ring.is_visible()
    assert ring.bounding_box() == page.locator("#tiles .tile:focus").bounding_box()
    # It hides nothing of what is in the directory.
    box = ring.bounding_box()
    middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    found = page.evaluate("([x, y]) => document.elementFromPoint(x, y).ariaHidden", middle)
    assert found == "true"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert not ring.is_visible()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_tiles_have_areas_as_their_shares(open_page):
    page = open_page("everyday")
    boxes = page.locator(FIRST).evaluate_all(
        "all => all.map(each => [each.getAttribute('aria-label'), each.clientWidth * each.clientHeight])"
    )
    whole = page.locator("#tiles").evaluate("each => each.clientWidth * each.clientHeight")
    for label, area in boxes:
        share = re.search(r"([\d.]+)\u00a0% of what is shown", label)
        assert abs(100 * area / whole - float(share[1])) < 1, label
    page.get_by_label("Entries", exact=True).check(force=True)
    assert page.locator(FIRST).first.get_attribute("aria-label").startswith("ci, ")


@pytest.mark.parametrize(
    ("color", "key"),
    [("Owner", "sequencer"), ("Last change", "up to 2 years"), ("Last read", "today")],
)
def test_the_color_can_be_chosen_and_has_a_legend(open_page, color, key):
    page = open_page("everyday")
    assert "bam" in page.locator("#legend li").all_inner_texts()
    page.get_by_label(color, exact=True).check(force=True)
    assert key in page.locator("#legend li").all_inner_texts()


def test_a_chain_of_directories_is_passed_at_once(open_page):
    page = open_page("deep")
    page.locator(FIRST).first.click(position={"x": 20, "y": 8})
    assert crumbs(page) == ["/", "level-0"]
    page.locator(FIRST).first.click(position={"x": 20, "y": 8})
    assert crumbs(page)[-1] == "level-20"
    assert len(page.locator("#crumbs button").all()) <= 8
    assert "more" in page.locator("#crumbs").inner_text()
    page.locator(FIRST).first.focus()
    page.keyboard.press("Home")
    assert crumbs(page) == ["/"]


def test_a_large_tree_draws_what_can_be_seen(open_page):
    page = open_page("large")
    assert 100 < page.locator(TILES).count() <= 1000
    assert "10,000 largest directories of 12,001 are drawn" in page.locator("#map-hint").inner_text()


def test_the_map_follows_the_width_of_the_window(open_page):
    page = open_page("everyday")
    before = page.locator(FIRST).first.bounding_box()["width"]
    page.set_viewport_size({"width": 500, "height": 900})
    page.wait_for_function("document.querySelector('#tiles').clientWidth < 500")
    assert page.locator(FIRST).first.bounding_box()["width"] < before


# ---- tables ----


def test_tables_are_sorted_by_their_heads(open_page):
    page = open_page("everyday", height=ALL)
    sizes = page.locator("#extensions thead button", has_text="Files")
    sizes.click()
    numbers = [int(cell.replace(",", "")) for cell in column(page, "extensions", "Files")]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] > 10_000
    sizes.click()
    numbers = [int(cell.replace(",", "")) for cell in column(page, "extensions", "Files")]
    assert numbers == sorted(numbers)
    assert page.locator("#extensions th[aria-sort=ascending]").inner_text() == "Files"
    page.locator("#extensions thead button", has_text="Extension").click()
    names = column(page, "extensions", "Extension")
    assert names == sorted(names)


def test_a_table_shows_its_first_rows_and_all_if_asked(open_page):
    page = open_page("everyday", height=ALL)
    rows = page.locator("#largest_files tbody tr")
    assert rows.count() == 10
    page.locator("#largest_files .more button").click()
    assert rows.count() == 100
    page.locator("#largest_files .more button").click()
    assert rows.count() == 10


def test_what_had_no_room_is_told(open_page):
    page = open_page("large", height=ALL)
    text = page.locator("#largest_files .more").inner_text()
    assert re.search(r"[\d,]+ more have no room on this page", text)


# ---- what could not be seen ----


def test_what_could_not_be_seen_stands_at_the_top(open_page):
    page = open_page("incomplete")
    box = page.locator("#unseen")
    assert box.get_by_role("heading").inner_text() == "This profile is not complete"
    text = box.inner_text()
    for part in ["1,308 errors", "open a directory", "EACCES", "1,301", "EIO", "/data/home/user07"]:
        assert part in text
    assert box.bounding_box()["y"] < page.locator("#totals").bounding_box()["y"] < 300


def test_a_complete_profile_has_no_warning(open_page):
    page = open_page("everyday", height=ALL)
    assert not page.locator("#unseen").is_visible()
    assert "complete" in page.locator("#source").inner_text()


def test_what_a_scan_does_not_know_is_left_out(open_page):
    page = open_page("unknown", height=ALL)
    assert "not known" in page.locator("#unseen").inner_text()
    assert not page.locator("#when").is_visible()
    assert page.locator("#colors label").all_inner_texts() == ["Extension"]
    assert set(column(page, "largest_files", "Owner")) == {"\u2013"}


def test_t55_what_is_not_known_is_no_0_and_no_date(open_page):
    page = open_page("unsized", height=ALL)
    for table in ["extensions", "owners", "groups"]:
        assert set(column(page, table, "Size")) == {"\u2013"}
    assert set(column(page, "mtime_ages", "Size")) == {"\u2013"}
    assert page.locator("#depths .measure").count() == 0
    assert "Small files" not in page.locator("#totals").inner_text()
    assert page.locator("#sizes, #waste, #owner_ages, #empty_dirs").count() == 0
    labels = page.locator(FIRST).evaluate_all("(all) => all.map((each) => each.ariaLabel)")
    assert any(label.startswith("files here and smaller directories") for label in labels)
    texts = page.locator("main").inner_text() + str(labels)
    assert not re.search(r"1970|\b0 B\b|NaN|null", texts.replace("\u00a0", " "))


def test_an_empty_tree_is_told_as_such(open_page):
    page = open_page("empty")
    assert page.locator("#tiles").inner_text() == "Nothing is here."
    assert not page.locator(".controls").is_visible()
    assert not page.locator("#what").is_visible()


# ---- names ----


def test_t57_names_are_text(open_page):
    page = open_page("hostile", height=ALL)
    for more in page.locator(".more button").all():
        more.click()
    page.locator("#unseen summary").click()
    # Nothing was made of a name but text.
    assert page.locator("img, iframe, object, a, link, script[src]").count() == 0
    assert page.evaluate("document.scripts.length") == 3
    text = page.locator("body").inner_text()
    for name in HOSTILE[:4] + HOSTILE[5:7] + HOSTILE[8:10]:
        assert name in text
    assert not INVISIBLE.search(page.evaluate("document.body.innerText").replace("\n", "").replace("\t", ""))
    for sign in ["\\u{202e}", "\\n", "\\x1b", "\\u{200b}", "\\u{2028}", "\u2423", "\ufffd"]:
        assert sign in text, sign
    assert "\u202e" not in page.title()


def test_t57_hostile_names_do_nothing_when_they_are_used(open_page):
    page = open_page("hostile")
    page.locator(FIRST).first.focus()
    for key in ["ArrowRight", "ArrowDown", "Enter", "Escape"] * 8:
        page.keyboard.press(key)
    for value in page.locator("#colors input").all():
        value.check(force=True)
    for head in page.locator("thead button").all():
        head.click()
    for summary in page.locator("summary").all():
        summary.click()


def test_t57_a_long_name_is_cut_with_a_mark(open_page):
    page = open_page("hostile", height=ALL)
    page.locator("#empty_dirs .more button").click()
    cut = page.locator("#empty_dirs .cut").inner_text()
    assert re.fullmatch("\u2026 99,\\d{3} characters \u2026", cut)
    assert page.evaluate("document.body.innerText.length") < 100_000


def test_t57_the_direction_of_a_name_stays_its_own(open_page):
    page = open_page("hostile")
    isolated = page.locator("bdi").evaluate_all(
        "all => all.every(each => getComputedStyle(each).unicodeBidi.includes('isolate'))"
    )
    assert isolated


def test_t57_markup_in_a_name_would_do_nothing(open_page, browser, page_file):
    """The policy alone keeps a page quiet: here a name has become markup."""
    page = open_page("empty")
    text = page_file("empty").read_text()
    bad = '<img src="http://example.invalid/x" onerror="alert(1)"><script>alert(1)</script>'
    broken = page_file("empty").with_name("broken.html")
    broken.write_text(text.replace("<main>", f"<main>{bad}"))
    context = browser.new_context()
    other = context.new_page()
    other.add_init_script("window.violations = []; addEventListener('securitypolicyviolation', "
                          "(event) => violations.push(event.violatedDirective));")  # fmt: skip
    dialogs = []
    other.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    other.goto(broken.as_uri())
    other.wait_for_function("violations.length >= 2")
    assert {"img-src", "script-src-elem"} <= set(other.evaluate("violations"))
    assert dialogs == []
    context.close()


# ---- colors and paper ----


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read_in_both_schemes(open_page, scheme):
    page = open_page("incomplete", color_scheme=scheme)
    is_dark = luminance(page, "body", "backgroundColor") < 0.2
    assert is_dark == (scheme == "dark")
    below = luminance(page, "body", "backgroundColor")
    for selector in ["body", "th", "#source", ".hint", ".more button", "#totals dt", ".legend"]:
        assert contrast(luminance(page, selector, "color"), below) >= 4.5, selector
    warning = luminance(page, "#unseen", "backgroundColor")
    assert contrast(luminance(page, "#unseen h2", "color"), warning) >= 4.5
    for color in ["extension", "owner", "mtime"]:
        page.locator(f"#colors input[value={color}]").check(force=True)
        worst = page.locator(f"{TILES}:not(.rest)").evaluate_all("""all => {
            const channel = (part) => (part /= 255) <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
            const light = (color) => color.match(/[\\d.]+/g).slice(0, 3).map(Number).map(channel)
                .reduce((sum, part, index) => sum + part * [.2126, .7152, .0722][index], 0);
            return Math.min(...all.map((each) => {
                const style = getComputedStyle(each);
                const [dark, bright] = [light(style.color), light(style.backgroundColor)].sort((a, b) => a - b);
                return (bright + .05) / (dark + .05);
            }));
        }""")
        assert worst >= 4.5, color


def test_paper_has_everything_but_what_is_clicked(open_page):
    page = open_page("everyday", color_scheme="dark")
    page.emulate_media(media="print")
    assert luminance(page, "body", "backgroundColor") == 1
    assert not page.locator(".controls").is_visible()
    assert not page.locator(".more button").first.is_visible()
    for each in ["#totals", "#tiles", "#mtime_ages", "#extensions", "#largest_files"]:
        assert page.locator(each).is_visible()
    pdf = page.pdf(prefer_css_page_size=True)
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert pdf.startswith(b"%PDF") and 2 <= pages <= 8, pages
