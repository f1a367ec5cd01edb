"""Graphviz in the place of our own layout: the program ``dot`` draws."""

from __future__ import annotations

import re

from archlang.draw.errors import DrawError

SIZE = re.compile(r'<svg width="([\d.]+)pt" height="([\d.]+)pt"')
"""What it is given in points has the units of the picture, as ours do."""


def laid_out(text: str) -> str:
    """The SVG that ``dot`` makes of a text in its language.

    Raises ``DrawError`` where the program, or the library that calls it, is not installed.
    """
    try:
        import graphviz
    except ImportError:
        raise DrawError(
            "--layout dot needs graphviz, which is not installed",
            "pip install 'archlang[graphviz]'; or leave it out",
        ) from None
    try:
        made: str = graphviz.Source(text).pipe(format="svg", encoding="utf-8")
    except graphviz.ExecutableNotFound:
        raise DrawError(
            "--layout dot needs the program dot of Graphviz, which is not on the PATH",
            "install Graphviz from graphviz.org or with your system's packages; or leave it out",
        ) from None
    return SIZE.sub(r'<svg role="img" width="\1" height="\2"', made[made.index("<svg") :], count=1)
