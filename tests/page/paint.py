"""Measures how long pages take to their first picture, in a browser that has just been started and in a
new window of one that runs.

    make test-page
    .venv-page/bin/python tests/page/paint.py PAGE.html ...

First a page of one word, to compare with: what the browser takes for any page. Milliseconds since the
navigation began, the least, the median and the most of several rounds: to the first picture, which has
the totals, and to the last, which has the map and all tables.
"""

import os
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROUNDS = 5
# The last change of the page is a mark on its root.
WATCH = """
new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => { window.last = performance.now(); })))
    .observe(document, { subtree: true, attributeFilter: ["data-drawn"] });
"""
TIMES = "[performance.getEntriesByName('first-paint')[0].startTime, window.last ?? NaN]"


def times(browser, path):
    """Milliseconds to the first and the last picture of a page in a new window."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(path.as_uri())
    page.wait_for_timeout(500)
    found = page.evaluate(TIMES)
    context.close()
    return found


def report(path, state, rounds):
    """Prints what was measured of a page."""
    told = [f"{path.name} ({path.stat().st_size:,} bytes), {state}:"]
    for name, values in zip(["first", "last"], zip(*rounds, strict=True), strict=True):
        least, most = min(values), max(values)
        told.append(f"{name} {least:.0f} {statistics.median(values):.0f} {most:.0f}")
    print(*told)


def main(pages):
    """Measures all pages."""
    options = {"executable_path": os.environ.get("PWALK_CHROMIUM", "/usr/bin/chromium")}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        word = Path(folder, "word.html")
        word.write_text("<!DOCTYPE html><title>word</title><p>word")
        for path in [word, *pages]:
            cold = []
            for _ in range(ROUNDS):
                browser = playwright.chromium.launch(chromium_sandbox=False, **options)
                cold.append(times(browser, path))
                browser.close()
            report(path, "cold", cold)
            browser = playwright.chromium.launch(chromium_sandbox=False, **options)
            times(browser, path)
            report(path, "warm", [times(browser, path) for _ in range(ROUNDS)])
            browser.close()


if __name__ == "__main__":
    main([Path(name).resolve() for name in sys.argv[1:]])
