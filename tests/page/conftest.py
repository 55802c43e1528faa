"""A browser, and the pages of the sample profiles in it.

`PWALK_CHROMIUM` names the browser, `PWALK_PAGE_BIN` the program that makes a page of a profile.
"""

import contextlib
import json
import os
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from samples import SAMPLES

# Said by the browser whenever something that the policy forbids is tried.
LISTEN = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
"""


def _program(variable):
    path = os.environ.get(variable, "")
    if not os.access(path, os.X_OK):
        raise pytest.UsageError(f"{variable} must name a program, not {path!r}; make test-page does")
    return path


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium. Without its sandbox, which neither root nor a container can have."""
    with sync_playwright() as playwright:
        program = _program("PWALK_CHROMIUM")
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=False)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def page_file(tmp_path_factory):
    """A function that makes the file of a sample's page, once."""
    folder = tmp_path_factory.mktemp("pages")
    program = _program("PWALK_PAGE_BIN")

    def make(sample) -> Path:
        path = folder / f"{sample}.html"
        if not path.exists():
            profile = json.dumps(SAMPLES[sample]()).encode()
            made = subprocess.run([program], input=profile, check=True, capture_output=True)
            path.write_bytes(made.stdout)
        return path

    return make


class Watch:
    """What a page did that no page should do."""

    def __init__(self, page):
        self.page = page
        self.messages, self.requests, self.dialogs, self.pages = [], [], [], []
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("dialog", self._dismiss)
        page.on("popup", lambda popup: self.pages.append(popup.url))

    def _dismiss(self, dialog):
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def check(self):
        """Fails if there was anything but the request for the page."""
        assert self.messages == []
        assert [url for url in self.requests if url != self.page.url.split("#")[0]] == []
        assert len(self.requests) == 1
        assert self.dialogs == []
        assert self.pages == []
        assert self.page.evaluate("violations") == []


@pytest.fixture
def open_page(browser, page_file):
    """A function that opens a sample's page in a window. At the end it must have asked for nothing."""
    with contextlib.ExitStack() as stack:
        watched = []

        def open_sample(sample, width=1280, height=900, **options):
            size = {"width": width, "height": height}
            context = stack.enter_context(
                contextlib.closing(browser.new_context(viewport=size, **options))
            )
            context.set_default_timeout(30_000)
            page = context.new_page()
            page.add_init_script(LISTEN)
            watched.append(Watch(page))
            page.goto(page_file(sample).as_uri())
            # The script says when all is there; the map is drawn once the window has a size.
            page.locator("html[data-drawn]").wait_for(state="attached")
            page.locator("#tiles > *").first.wait_for()
            return page

        yield open_sample
        for watch in watched:
            watch.check()
