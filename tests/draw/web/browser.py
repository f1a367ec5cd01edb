"""A real browser that looks at pages: Chromium, without a window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.draw.web.tools import missing

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
]
CARDS = "#picture .card, #picture .join"
TEXTS = "els => els.map(e => [...e.querySelectorAll('text')].map(t => t.textContent))"


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of this machine."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        missing("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


class Reader:
    """A page in a browser, and all that it complained of or asked for."""

    def __init__(self, browser: Any, file: Path, fragment: str = "", **context: Any) -> None:
        context.setdefault("viewport", {"width": 1280, "height": 800})
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(8000)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append("a dialog") or dialog.dismiss())
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"{file.as_uri()}{fragment}")

    def close(self) -> None:
        """Leave; nothing may have gone wrong, and nothing been asked for but the page itself."""
        address = self.page.url.partition("#")[0]
        self.context.close()
        assert not self.said, self.said
        asked = {url.partition("#")[0] for url in self.asked}
        assert asked == {address}, asked

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def boxes(self) -> list[str]:
        """What the boxes say that are not frames."""
        found = self.page.eval_on_selector_all(CARDS, TEXTS)
        return [" ".join(texts) for texts in found]

    def box(self, path: str) -> Any:
        """The box or frame of a part."""
        start = f'#picture [aria-label^="{path}'
        return self.page.locator(f'{start};"], {start} –"]').first

    def show(self, path: str) -> None:
        """Find a part, and choose it."""
        self.press("/")
        self.page.keyboard.type(path)
        self.press("Enter", "Escape")

    def expanded(self, path: str) -> str | None:
        return self.box(path).get_attribute("aria-expanded")

    def chosen(self) -> str:
        return str(self.page.locator("#picture [aria-selected]").get_attribute("aria-label"))

    def card(self) -> dict[str, str]:
        """The rows of the card beside a box."""
        rows = self.page.eval_on_selector_all(
            "#card dd", "els => els.map(e => [e.dataset.of, e.textContent])"
        )
        return dict(rows) if self.page.locator("#card").is_visible() else {}

    def fragment(self) -> str:
        return str(self.page.evaluate("location.hash"))
