"""The page's script, of modules that stand alone: put together as one, without comments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
LAYOUT = (
    *("wording", "parts", "shown", "cells", "branches", "routes"),
    *("layout", "ushape", "svg", "scene"),
)
"""What makes a picture, without a page: each takes from those before it."""
PAGE = (
    *LAYOUT,
    *("tree", "state", "dom", "draw", "camera", "crumbs", "card", "search", "keyboard", "main"),
)
"""All of the page's script."""

_COMMENT = re.compile(r"^\s*(/\*\*.*?\*/|//[^\n]*)\n", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"/\*\* @type .*?\*/ ")
_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)


@cache
def joined(names: Sequence[str]) -> str:
    """The text of some modules in one, without types, comments, imports and indents."""
    texts = [(FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in names]
    text = "\n".join(_IMPORT.sub("", _INLINE.sub("", _COMMENT.sub("", t))) for t in texts)
    text = re.sub(r"^export ", "", text, flags=re.MULTILINE)
    return re.sub(r"\n\s*", "\n", text).strip() + "\n"
