"""A person in a browser, who opens pages of Dagster, launches jobs and follows links."""

import time
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, expect

PATIENCE_MS = 240_000
WIDTHS = (390, 800, 1440)
PANES = (1280, 1440)
_BEYOND = """cell => {
  const text = document.createRange();
  text.selectNodeContents(cell);
  const right = text.getBoundingClientRect().right;
  let beyond = right - window.innerWidth;
  for (let box = cell; box; box = box.parentElement)
    if (getComputedStyle(box).overflowX !== "visible")
      beyond = Math.max(beyond, right - box.getBoundingClientRect().right);
  return Math.ceil(beyond);
}"""
"""Pixels of the text of a cell beyond the window, or beyond a box that cuts it; at most 0 where whole."""
_CUT = f"""() => [...document.querySelectorAll("td, th")]
  .filter(cell => !cell.querySelector("td"))
  .map(cell => [({_BEYOND})(cell), cell.innerText])
  .filter(([beyond]) => beyond > 0)"""
"""Cells of all tables of a page whose text is cut, with the pixels beyond the edge."""

_HIDDEN_BELOW = """link => {
  const bottom = link.getBoundingClientRect().bottom;
  for (let box = link; box; box = box.parentElement) {
    const isCut = getComputedStyle(box).overflowY === "hidden" && box.scrollHeight > box.clientHeight;
    if (isCut && bottom - box.getBoundingClientRect().top + box.scrollTop > box.clientHeight) return true;
  }
  return false;
}"""
"""Whether a box that shows its beginning only hides a link."""

_SCROLLED = """() => [...document.querySelectorAll(".table")]
  .filter(table => table.scrollWidth > table.clientWidth)
  .map(table => table.previousElementSibling.innerText)"""
"""Titles of a written report's tables that are wider than the page."""

_SCROLLED_FROM = 1000
"""Width of a page from which recipes are kept together, and a table may be scrolled."""

_SETTLED_MS = 1_000
_COLOURS = 256

HIDDEN = "[Show Markdown]"
"""Button of the UI that opens text in a dialog, where it is too long for a row."""


@dataclass(frozen=True)
class Walk:
    """A page of a browser on a served installation.

    Attributes:
        page: The browser's page.
        url: Address of the UI.
        pictures: Folder that takes pictures of the pages, by name.
    """

    page: Page
    url: str
    pictures: Path

    def open(self, address: str, *texts: str) -> None:
        """Open a page, by its address from the root of the UI, and wait for what it has to say."""
        self.page.goto(address if address.startswith("http") else f"{self.url}{address}")
        self.reads(*texts)

    def reads(self, *texts: str) -> None:
        """Wait for texts of the present page."""
        for text in texts:
            expect(self.page.get_by_text(text).first).to_be_visible(timeout=PATIENCE_MS)

    def follow(self, link: Locator) -> "Walk":
        """Click on a link that a person sees; returns the walk on the page that it leads to."""
        link.wait_for()
        self.page.wait_for_timeout(_SETTLED_MS)
        assert not link.evaluate(_HIDDEN_BELOW), "a click more would be needed to see the link"
        if link.get_attribute("target") != "_blank":
            link.click()
            return self
        with self.page.expect_popup() as opened:
            link.click()
        return replace(self, page=opened.value)

    @property
    def config(self) -> str:
        """The config in the Launchpad."""
        self.page.wait_for_selector(".CodeMirror")
        # The editor is there before the defaults of the job are.
        self.page.wait_for_function("document.querySelector('.CodeMirror').CodeMirror.getValue().trim() > ''")
        return str(self.page.evaluate("document.querySelector('.CodeMirror').CodeMirror.getValue()"))

    def fill(self, config: str) -> None:
        """Replace the config in the Launchpad."""
        self.page.wait_for_selector(".CodeMirror")
        self.page.evaluate(f"document.querySelector('.CodeMirror').CodeMirror.setValue({config!r})")

    def launch(self) -> None:
        """Click on Launch, and wait on the run's page for its success."""
        self.page.get_by_role("button", name="Launch run").first.click()
        expect(self.page.get_by_text("Success", exact=True).first).to_be_visible(timeout=PATIENCE_MS)

    def row(self, name: str) -> Locator:
        """The row of a metadata entry."""
        return self.page.locator("tr", has=self.page.get_by_text(name, exact=True)).last

    def links(self, *names: str) -> list[str]:
        """Addresses of the links in rows of metadata."""
        found = [each.get_attribute("href") for name in names for each in self.row(name).locator("a").all()]
        return [str(each) for each in found if each is not None]

    def shows_pictures(self) -> int:
        """Number of pictures in the metadata, once all of them are drawn; none hides behind a button."""
        hidden = self.page.get_by_text(HIDDEN).count()
        assert hidden == self.row("explain_every_row").get_by_text(HIDDEN).count(), "links alone are hidden"
        drawn = "[...document.querySelectorAll('img[alt=plot]')].every(each => each.naturalWidth > 0)"
        self.page.wait_for_function(drawn, timeout=PATIENCE_MS)
        return self.page.locator("img[alt=plot]").count()

    def shows_whole(self, address: str, *names: str) -> None:
        """A page beside the navigation, at two widths and in both themes; no text of these rows is cut."""
        browser = self.page.context.browser
        assert browser is not None, "a page of a launched browser"
        for theme in ("Dark", "Light"):
            for width in PANES:
                page = browser.new_page(viewport={"width": width, "height": 900})
                page.add_init_script(f"localStorage.setItem('dagster-theme', '\"{theme}\"')")
                walk = replace(self, page=page)
                walk.open(address, *names)
                for name in names:
                    beyond = walk.row(name).locator("td").last.evaluate(_BEYOND)
                    assert beyond <= 0, f"{name} is cut by {beyond} pixels at {width} in the theme {theme}"
                page.close()

    def cuts_nothing(self, *addresses: str) -> None:
        """Pages beside the navigation, at the narrower width: no cell of any table of theirs is cut."""
        browser = self.page.context.browser
        assert browser is not None, "a page of a launched browser"
        page = browser.new_page(viewport={"width": min(PANES), "height": 900})
        for address in addresses:
            page.goto(f"{self.url}{address}")
            page.locator("td").first.wait_for(timeout=PATIENCE_MS)
            page.wait_for_timeout(_SETTLED_MS)
            assert page.evaluate(_CUT) == [], f"{address} is cut at {min(PANES)} pixels"
        page.close()

    def fits(self, address: str) -> None:
        """Open a written report at three widths and in both modes: nothing of it leads beyond the edge."""
        size = self.page.viewport_size
        for width in WIDTHS:
            for mode in ("light", "dark"):
                self.page.set_viewport_size({"width": width, "height": 900})
                self.page.emulate_media(color_scheme=mode)
                self.page.goto(address)
                wide = self.page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{address} is {wide} pixels wide at {width} in {mode} mode"
                scrolled = self.page.evaluate(_SCROLLED) if width < _SCROLLED_FROM else []
                assert scrolled == [], f"tables of {address} are wider than the page at {width}"
        self.page.emulate_media(color_scheme="light")
        if size is not None:
            self.page.set_viewport_size(size)

    def photograph(self, name: str, of: Locator | None = None) -> None:
        """Keep a picture of the page, or of a part of it, in so few colours that a clone stays small."""
        time.sleep(1.0)  # the UI fades things in
        taken = self.page.screenshot() if of is None else of.screenshot()
        image = Image.open(BytesIO(taken)).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        image.save(self.pictures / f"{name}.png", optimize=True)
