"""Edits of a spec's text that leave all around them as it was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import NamedTuple, TypeAlias

from archlang.syntax import ast

Range: TypeAlias = tuple[int, int]
"""Where something stands: its first offset, and the one behind its last."""


class Edit(NamedTuple):
    """``text`` in the place of what stands from ``start`` (in) to ``end`` (out)."""

    start: int
    end: int
    text: str


class Place(NamedTuple):
    """A stage of a pipeline: the statements around it, its statement, its number in the chain."""

    stmts: list[ast.Stmt]
    pipe: ast.Pipe
    number: int


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text with edits made; raises ``ValueError`` where two overlap."""
    parts, end = [], 0
    for edit in sorted(edits):
        if edit.start < end:
            raise ValueError("edits overlap")
        parts += [text[end : edit.start], edit.text]
        end = edit.end
    return "".join([*parts, text[end:]])


def walk(node: object) -> Iterator[ast.Node]:
    """All nodes of a tree."""
    if isinstance(node, list):
        for item in node:
            yield from walk(item)
    elif isinstance(node, ast.Node):
        yield node
        for f in fields(node):
            yield from walk(getattr(node, f.name))


def places(file: ast.File) -> dict[Range, Place]:
    """The stages that stand right in a statement, by where they stand."""
    found = {}
    for branch in walk(file):
        if isinstance(branch, ast.Branch):
            for pipe in branch.stmts:
                if isinstance(pipe, ast.Pipe):
                    for number, stage in enumerate(pipe.chain.stages):
                        found[stage.start, stage.end] = Place(branch.stmts, pipe, number)
    return found


def without(text: str, pipe: ast.Pipe, numbers: set[int], alone: bool) -> list[Edit] | None:
    """The edits that leave stages of a statement out; None where it is better not to.

    ``alone`` says that nothing else stands in its body. What is cut away holds no comment, and
    no label loses its stages.
    """
    stages = pipe.chain.stages
    kept = [i for i in range(len(stages)) if i not in numbers]
    if not kept:
        return None if alone or pipe.label else _statement(text, pipe)
    edits = [Edit(stages[0].start, stages[kept[0]].start, "")] if kept[0] else []
    edits += [Edit(stages[i - 1].end, stages[i].end, "") for i in sorted(numbers) if i > kept[0]]
    return None if any("#" in text[e.start : e.end] for e in edits) else edits


def _statement(text: str, pipe: ast.Pipe) -> list[Edit] | None:
    """A statement cut out, with its line where it is all of it."""
    start = text.rfind("\n", 0, pipe.start) + 1
    end = text.find("\n", pipe.end)
    end = len(text) if end < 0 else end
    before, after = text[start : pipe.start], text[pipe.end : end]
    if "#" in text[pipe.start : pipe.end] or after.lstrip().startswith("#"):
        return None
    if not before.strip() and not after.strip():
        return [Edit(start, min(end + 1, len(text)), "")]
    if after.lstrip().startswith(";"):
        rest = after.lstrip()[1:].lstrip()
        return [Edit(pipe.start, end - len(rest), "")]
    if before.rstrip().endswith(";") and not after.strip():
        return [Edit(start + len(before.rstrip()) - 1, pipe.end, "")]
    return None


def aligned(text: str, file: ast.File, edits: list[Edit]) -> list[Edit]:
    """Edits that keep the columns of shapes which stand apart from what they are said of."""
    more = []
    for pipe in walk(file):
        if not isinstance(pipe, ast.Pipe) or pipe.shape is None:
            continue
        end = pipe.chain.end
        colon = text.find(":", end)
        gap, line = text[end:colon], text.rfind("\n", 0, end) + 1
        inside = [e for e in edits if line <= e.start and e.end <= end]
        grown = sum(len(e.text) - (e.end - e.start) for e in inside)
        gone = any(e.start <= end < e.end for e in edits)
        if grown and not gone and len(gap) > 1 and gap == " " * len(gap):
            more.append(Edit(end, colon, " " * max(1, len(gap) - grown)))
    return more
