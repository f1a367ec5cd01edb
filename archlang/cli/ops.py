"""``archlang ops``: the layers and the standard library's blocks, and the page of each."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlang.cli.common import stop, use_color
from archlang.elaborate.files import standard_library
from archlang.spelling import nearest

if TYPE_CHECKING:
    from archlang.reference import Group, Page

COLUMN, WIDTH = 32, 100


class OpsFormat(StrEnum):
    """What a list or a page is printed as."""

    text = "text"
    json = "json"
    markdown = "markdown"


def ops(
    name: Annotated[
        str | None, typer.Argument(help="A layer, a block, a family, or a file such as std/resnet.")
    ] = None,
    format_: Annotated[OpsFormat, typer.Option("--format", "-f", help="Printed as.")] = (
        OpsFormat.text
    ),
) -> None:
    """List the layers and the standard library's blocks, or show the page of one."""
    groups, pages = _wanted(name)
    if format_ is OpsFormat.json:
        from archlang import __version__

        data = {"version": __version__, **({"pages": pages} if pages else {"groups": groups})}
        print(json.dumps(_plain(data), indent=2, ensure_ascii=False))
        return
    if format_ is OpsFormat.markdown:
        lines = _markdown(groups, pages)
    else:
        lines = _Text().lines(groups, pages)
    print("\n".join(lines))


def _wanted(name: str | None) -> tuple[list[Group], list[Page]]:
    """The groups or the pages that a name asks for; ends the program where there are none."""
    from archlang.reference import block_groups, find, layer_groups, names

    if name is None:
        return [*layer_groups(), *block_groups()], []
    if name.startswith("std/"):
        return [_file(name)], []
    if pages := find(name):
        return [], pages
    families, files = layer_groups(), standard_library()
    groups = [g for g in families if g.home == name]
    groups = groups or block_groups([f for f in files if f == name])
    if not groups:
        guess = nearest(name, [*names(), *(g.home for g in families), *files])
        lists = "`archlang ops` lists all"
        stop(
            f"there is no layer or block `{name}`",
            hint=f"did you mean `{guess}`? {lists}" if guess else lists,
        )
    return groups, []


def _file(name: str) -> Group:
    from archlang.reference import block_groups

    known = standard_library()
    wanted = name.removeprefix("std/").removesuffix(".arch")
    if wanted not in known:
        guess = nearest(wanted, known)
        has = f"it has {', '.join(f'std/{n}' for n in known)}"
        stop(
            f"the standard library has no `{name}`",
            hint=f"did you mean `std/{guess}`? {has}" if guess else has,
        )
    return block_groups([wanted])[0]


def _markdown(groups: list[Group], pages: list[Page]) -> Iterator[str]:
    from archlang.reference.markdown import overview, page_lines

    for i, group in enumerate(groups):
        yield from [""] * bool(i)
        yield from (f"## {group.title}", "")
        yield from overview(group)
    for i, page in enumerate(pages):
        yield from [""] * bool(i)
        yield from page_lines(page, level=2)


def _plain(data: Any) -> Any:
    """Groups and pages as plain data; a group's pages shortly, a page with its figures."""
    from archlang.reference import Group, Page, figures

    if isinstance(data, Group):
        short = ("name", "kind", "signature", "summary")
        entries = [{key: getattr(page, key) for key in short} for page in data.pages]
        return {"home": data.home, "title": data.title, "about": data.about, "entries": entries}
    if isinstance(data, Page):
        examples = [{**e._asdict(), **figures(data, e)._asdict()} for e in data.examples]
        settings = [s._asdict() for s in data.settings]
        return {**data._asdict(), "settings": settings, "examples": examples}
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    return [_plain(item) for item in data] if isinstance(data, list) else data


class _Text:
    """Lists and pages for people, as wide as the terminal but no wider than reads well."""

    def __init__(self) -> None:
        self.color = use_color(sys.stdout)
        self.width = min(os.get_terminal_size().columns, WIDTH) if sys.stdout.isatty() else WIDTH

    def lines(self, groups: list[Group], pages: list[Page]) -> Iterator[str]:
        """The lines of groups, then of pages."""
        for i, group in enumerate(groups):
            yield from [""] * bool(i)
            yield self.bold(group.title)
            if group.about and len(groups) == 1:
                yield from (*self.hang("", group.about, column=2), "")
            for page in group.pages:
                yield from self.hang(page.signature, page.summary)
        for i, page in enumerate(pages):
            yield from ["", ""] * bool(i)
            yield from self.page(page)

    def page(self, page: Page) -> Iterator[str]:
        """The lines of a page."""
        from archlang.reference import figures

        for i, line in enumerate(wrap(page.signature, self.width, subsequent_indent="    ")):
            yield self.bold(line) if not i else line
        yield ""
        for text in (page.summary, *page.notes):
            yield from self.hang("", text, column=2)
        yield ""
        facts = {"shape": page.shape, "paper": page.paper}
        if page.kind != "layer":
            facts["use"] = f'"{page.home}"'
        for label, text in facts.items():
            if text:
                yield from self.hang(label, text, column=10)
        if page.kind == "layer" and page.settings:
            yield from ("", self.bold("parameters"))
            column = 4 + max(len(str(setting)) for setting in page.settings)
            for setting in page.settings:
                what = ": ".join(filter(None, (setting.takes, setting.meaning)))
                yield from self.hang(str(setting), what, column)
        for example in page.examples:
            module, params, macs = figures(page, example)
            yield from ("", self.bold("example"))
            yield from self.hang("", str(example), column=2)
            yield from self.hang("", f"{params:,} parameters, {macs:,} MACs", column=2)
            if module:
                yield from self.hang("", f"in PyTorch: {module}", column=2)
        if page.source:
            yield from ("", self.bold("definition"), *self.indented(page.source))

    def indented(self, text: str) -> Iterator[str]:
        """Lines of code, whole whatever the width."""
        for line in text.split("\n"):
            yield f"  {line}".rstrip()

    def hang(self, left: str, right: str, column: int = COLUMN) -> Iterator[str]:
        """``left``, and ``right`` from a column on; below it, where ``left`` is too long."""
        head = f"  {left}" if left else ""
        texts = wrap(right, max(20, self.width - column), break_on_hyphens=False) or [""]
        if len(head) + 2 > column and left:
            yield from wrap(head, self.width, subsequent_indent="      ", initial_indent="")
            head = ""
        for i, text in enumerate(texts):
            yield f"{head if not i else '':<{column}}{text}".rstrip()

    def bold(self, text: str) -> str:
        """``text``, bold where the terminal can."""
        return f"\033[1m{text}\033[0m" if self.color else text
