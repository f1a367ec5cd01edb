"""One SVG for light and dark pages: it follows what its reader prefers.

Light colours stay written at each shape, so that what knows no style sheets shows those.
"""

from __future__ import annotations

import re
from zlib import crc32

TAG = re.compile(r"<\w[^<>]*>")
COLOUR = re.compile(r' (fill|stroke|stop-color)="(#[0-9a-fA-F]+)"')


def following(light: str, dark: str) -> str:
    """A picture in its light colours, which takes those of the dark one on dark pages.

    Both are the SVG of one picture, and differ in colours alone.
    """
    classes: dict[tuple[tuple[str, str], ...], str] = {}
    others = iter(TAG.findall(dark))

    def with_class(found: re.Match[str]) -> str:
        tag = found.group()
        pairs = zip(COLOUR.findall(tag), COLOUR.findall(next(others)), strict=True)
        changed = tuple((name, other) for (name, one), (_, other) in pairs if one != other)
        if not changed:
            return tag
        name = classes.setdefault(changed, f"c{len(classes)}")
        end = "/>" if tag.endswith("/>") else ">"
        return f'{tag.removesuffix(end)} class="{name}"{end}'

    text = TAG.sub(with_class, light)
    scope = f"t{crc32(light.encode()):08x}"  # a page may hold several pictures
    rules = "".join(
        f".{scope} .{name}{{{';'.join(f'{what}:{colour}' for what, colour in changed)}}}"
        for changed, name in classes.items()
    )
    style = f"<style>@media (prefers-color-scheme:dark){{{rules}}}</style>\n"
    text = text.replace("<svg", f'<svg class="{scope}"', 1)
    return text.replace("<title", f"{style}<title", 1)
