"""The interactive page of a network: one HTML file that needs nothing else, not even a network."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from html import escape
from typing import Any, Literal, TypeAlias

from archlang.draw.layout import Direction
from archlang.draw.levels import Level
from archlang.draw.picture import TINTS
from archlang.draw.theme import THEMES, Theme
from archlang.draw.web.data import data
from archlang.draw.web.script import FOLDER, PAGE, joined
from archlang.network import Network

PageTheme: TypeAlias = Literal["auto", "light", "dark"]
"""``auto`` is as the reader's system has it."""
HIT = "#e07b00"
"""The border of what a search finds."""


def page(
    network: Network,
    *,
    level: Level = "overview",
    expand: Sequence[str] = (),
    direction: Direction = "TB",
    theme: PageTheme = "auto",
) -> str:
    """The text of an HTML file that shows a network, opened to a level at first.

    It asks nothing of any network: its script, its style and its data are in it, and its
    content-security policy lets nothing else in. Raises ``ValueError`` for a pattern that no part
    matches.
    """
    known = data(network, level, expand)
    start = {
        "level": level,
        "direction": direction,
        "theme": theme,
        "open": known.pop("open"),
    }
    themes = {name: _plain(colours) for name, colours in THEMES.items()}
    script, style = f'"use strict";\n(() => {{\n{joined(PAGE)}}})();\n', _style()
    parts = {
        "policy": _policy(script, style),
        "title": escape(network.name),
        "style": style,
        "data": _harmless({"network": known, "start": start, "themes": themes}),
        "script": script,
    }
    text = (FOLDER / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\{(\w+)\}", lambda found: parts[found[1]], text)


def _harmless(value: Any) -> str:
    """Plain data as JSON that stays inside its element whatever is in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _policy(script: str, style: str) -> str:
    """Nothing but this script and this style; no text may become markup."""
    rules = {
        "default-src": "'none'",
        "script-src": _hash(script),
        "style-src": _hash(style),
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


@cache
def _style() -> str:
    tints = _drawn(THEMES["light"])
    rules = [
        f":root{{color-scheme:light dark;{_colours()}}}",
        *(f":root[data-theme={name}]{{color-scheme:{name}}}" for name in THEMES),
        "@media print{:root,:root[data-theme]{color-scheme:light}}",
        *(f".tint-{t}{{--fill:var(--{t}-fill);--edge:var(--{t}-edge)}}" for t in tints),
        (FOLDER / "page.css").read_text(encoding="utf-8"),
    ]
    return "\n".join(rules)


def _drawn(theme: Theme) -> dict[str, tuple[str, str]]:
    """The tints that a page has: those of layers and of templates."""
    fixed = ("input", "join", "weights", "pool", "norm", "view", "part", "plain", "wrong", "absent")
    names = (*fixed, *(f"template{number}" for number in range(TINTS)))
    return {name: theme.tints[name] for name in names}


def _plain(theme: Theme) -> dict[str, Any]:
    """The colours of a theme that a page has."""
    names = ("background", "inks", "wire", "frame", "bar", "track")
    return {**{name: getattr(theme, name) for name in names}, "tints": _drawn(theme)}


def _colours() -> str:
    """All colours as variables, each in both themes."""
    both = []
    for theme in (_plain(THEMES["light"]), _plain(THEMES["dark"])):
        tints = {f"{t}-{n}": c for t, pair in theme.pop("tints").items() for n, c in _ends(pair)}
        both.append({**theme.pop("inks"), **theme, **tints, "hit": HIT})
    return "".join(f"--{name}:light-dark({both[0][name]},{both[1][name]});" for name in both[0])


def _ends(pair: tuple[str, str]) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("fill", pair[0]), ("edge", pair[1])
