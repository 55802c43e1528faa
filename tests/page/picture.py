"""Makes the picture of a page that the README shows.

    make test-page
    PWALK_PAGE_BIN=target/debug/examples/page .venv-page/bin/python tests/page/picture.py docs/profile.png
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from samples import everyday


def main(target):
    """Takes a picture of what a window shows of the everyday sample."""
    profile = json.dumps(everyday()).encode()
    made = subprocess.run([os.environ["PWALK_PAGE_BIN"]], input=profile, check=True, capture_output=True)
    program = os.environ.get("PWALK_CHROMIUM", "/usr/bin/chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder, "page.html")
        path.write_bytes(made.stdout)
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=False)
        page = browser.new_page(viewport={"width": 1180, "height": 880})
        page.goto(path.as_uri())
        page.locator("#tiles .tile").first.wait_for()
        page.screenshot(path=target)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
