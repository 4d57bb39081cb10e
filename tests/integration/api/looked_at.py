"""A page in Chromium, with everything noted that a reader must never meet."""

from dataclasses import dataclass, field
from typing import Any, cast

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

# Told by the browser itself: a rule broken, a file missing, a script that failed.
_TOLD = ("error", "warning")


@dataclass
class LookedAt:
    """What a page did while it was looked at.

    Attributes:
        page: the page.
        said: errors and warnings on its console, which is where broken policies are told.
        asked: the addresses that it asked for.
    """

    page: Page
    said: list[str] = field(default_factory=list[str])
    asked: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.page.on(
            "console", lambda told: self.said.append(told.text) if told.type in _TOLD else None
        )
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def open(self, address: str) -> None:
        """Go to an address, and wait until the charts are drawn where there are any."""
        self.page.goto(address)
        self.drawn()

    def drawn(self) -> None:
        """Return once each chart is drawn."""
        # Not by a function that waits in the page: the page's policy forbids what that is made of.
        expect(self.page.locator("[data-chart]:not(.drawn)")).to_have_count(0, timeout=30_000)

    def seen(self) -> None:
        """Return once each picture within sight is there; they are fetched when they come into it."""
        missing = (
            "[...document.images].filter(each => !each.complete"
            " && each.getBoundingClientRect().top < innerHeight).length"
        )
        while self.page.evaluate(missing):
            self.page.wait_for_timeout(50)

    def barriers(self) -> list[dict[str, Any]]:
        """Return what axe finds that keeps people from using the page: serious or worse."""
        found = cast(list[dict[str, Any]], Axe().run(self.page).response["violations"])
        return [
            {"rule": each["id"], "at": [node["target"] for node in each["nodes"]]}
            for each in found
            if each["impact"] in ("serious", "critical")
        ]

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
