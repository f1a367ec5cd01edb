"""Pages as Markdown: for the documentation, and for who wants them in theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from archlang.reference.pages import Group, Page, Setting, figures

_CODE = re.compile(r"(`[^`]*`)")
_MARKS = re.compile(r"(?<! )\*|\*(?! )|[_<]")


def overview(group: Group) -> Iterator[str]:
    """The lines of a table of what a group holds."""
    rows = ((f"`{p.signature}`", prose(p.summary)) for p in group.pages)
    yield from _table(("signature", "what it does"), rows)


def page_lines(page: Page, level: int = 3) -> Iterator[str]:
    """The lines of a page, under a heading of ``level``."""
    yield f"{'#' * level} {page.name}"
    yield ""
    shape = f" : `{page.shape}`" if page.kind == "block" and page.shape else ""
    yield f"`{page.signature}`{shape}"
    yield ""
    yield prose(" ".join((page.summary, *page.notes)))
    if page.kind == "layer":
        yield ""
        yield f"- Shape: {prose(page.shape)}"
        if page.paper:
            yield f"- Paper: {prose(page.paper)}"
        if page.settings:
            yield ""
            yield from _table(("parameter", "takes", "is"), map(_setting, page.settings))
    if page.examples:
        yield ""
        yield from _examples(page)


def _setting(setting: Setting) -> tuple[str, ...]:
    return f"`{setting}`", prose(setting.takes), prose(setting.meaning)


def _examples(page: Page) -> Iterator[str]:
    becomes = ("in PyTorch",) if page.kind == "layer" else ()
    rows = []
    for example in page.examples:
        module, params, macs = figures(page, example)
        code = (f"`{module}`",) if becomes else ()
        shapes = f"{example.takes} -> {example.gives}"
        rows.append((f"`{example.spec}`", shapes, *code, f"{params:,}", f"{macs:,}"))
    yield from _table(("example", "shapes", *becomes, "parameters", "MACs"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def prose(text: str) -> str:
    """A text with what Markdown would take for emphasis or a tag escaped; code stays as it is."""
    parts = _CODE.split(text)
    return "".join(p if i % 2 else _MARKS.sub(r"\\\g<0>", p) for i, p in enumerate(parts))
