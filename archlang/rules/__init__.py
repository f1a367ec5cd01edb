"""What each code means, why it matters, and what it finds: a page of ``pages/`` each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from archlang.diagnostic import CODES

FOLDER = Path(__file__).parent / "pages"
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """A code and its page: what it finds, why that matters, a spec that has it, and one mended."""

    code: str
    title: str
    text: str
    """The page, in Markdown."""
    found: str
    """A whole spec that has it; or commands and what they print, where no spec has."""
    right: str
    """A whole spec in which nothing is found."""

    @property
    def severity(self) -> Literal["error", "warning"]:
        """Lints warn, all else is an error."""
        return "warning" if self.code.startswith("A3") else "error"

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "code": self.code,
            "severity": self.severity,
            "title": self.title,
            "text": self.text,
            "found": self.found,
            "right": self.right,
        }


@cache
def rule(code: str) -> Rule:
    """The rule of a code; raises ``KeyError`` where there is none."""
    title = CODES[code]
    text = (FOLDER / f"{code}.md").read_text(encoding="utf-8")
    found, right = (body for _, body in FENCE.findall(text))
    return Rule(code, title, text, found, right)


def rules() -> list[Rule]:
    """All of them, by their codes."""
    return [rule(code) for code in sorted(CODES)]
