"""What to say of a ``?``: its value, or why the spec does not determine one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from archlang.analyses.unknowns import (
    MOST,
    Again,
    NoShapeError,
    Run,
    Search,
    TooMuchError,
    Values,
)
from archlang.diagnostic import Diagnostic, Note
from archlang.elaborate.unknown import Met
from archlang.graph import Solved
from archlang.op import LayerError, format_value
from archlang.source import Span
from archlang.types import Tensor

_NAMED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*=\s*$")


def determined(again: Again) -> tuple[tuple[Solved, ...], list[Diagnostic]]:
    """The values of what a network leaves open, or why there are none. ``again`` works it out.

    What is stated as a function of the input's size is met for every size, though a weight may
    leave it one; where that cannot be, for those it leaves.
    """
    found = _determined(search := Search(again))
    if search.fixed and not search.solutions:
        return _determined(Search(again, everywhere=False))
    return found


def _determined(search: Search) -> tuple[tuple[Solved, ...], list[Diagnostic]]:
    try:
        search.meet()
        if wrong := _anyway(search):
            return (), wrong
        search.solve()
    except NoShapeError as error:
        return (), [_no_shape(search, error.span)]
    except TooMuchError:
        search.cut = True
    if len(search.solutions) == 1 and not search.cut:
        (values,) = search.solutions
        return tuple(Solved(s, _parameter(search, s), values[s]) for s in search.order), []
    search.work = 0  # what follows works out little more
    if len(search.solutions) > 1:
        return (), [_several(search)]
    if wrong := _common(search):
        return (), wrong
    return (), [_too_much(search)] if search.cut else _none(search)


# Names


def _parameter(search: Search, span: Span) -> str:
    landing = search.landed[span]
    return landing.field if landing is not None else ""


def name_of(span: Span, parameter: str = "") -> str:
    """The parameter of a ``?`` as its line calls it; else as its layer does."""
    line = span.source.line(span.line)[: span.source.position(span.start)[1] - 1]
    named = _NAMED.search(line)
    return named[1] if named else parameter


def _said(search: Search, values: Values) -> str:
    """Values as a user would write them."""
    shown = []
    for span in search.order:
        name = name_of(span, _parameter(search, span))
        shown.append(f"`{name}={format_value(values[span])}`" if name else f"`{values[span]}`")
    return ", ".join(shown)


def _mark(search: Search, span: Span) -> str:
    name = name_of(span, _parameter(search, span))
    return f"`{name}=?`" if name else "this `?`"


def _or(values: Iterable[Any], more: bool) -> str:
    shown = [format_value(v) for v in values]
    if more:
        return f"{', '.join(shown[:-1])}, …"
    return f"{', '.join(shown[:-1])} or {shown[-1]}"


# What is wrong whatever the values are


def _common(search: Search) -> list[Diagnostic]:
    """What is found wrong with all values, word for word: it has nothing to do with them."""
    tried = [{s: search.domain(s)[at] for s in search.order} for at in (0, 1, -1)]
    every = [search.run(values).found for values in (search.base, *tried)]
    every += [found for _, found in search.refuted]
    return [d for d in every[0] if all(d in found for found in every[1:])]


def _anyway(search: Search) -> list[Diagnostic]:
    """Mistakes that are none of sizes, and that two choices of values have both."""
    others = {s: (*search.domain(s)[1:2], search.base[s])[0] for s in search.order}
    mine, other = search.run(search.base).found, search.run(others).found
    return [d for d in mine if d in other and not d.code.startswith("A2")]


# Findings


def _no_shape(search: Search, span: Span) -> Diagnostic:
    return Diagnostic(
        "A212",
        f"the spec does not determine {_mark(search, span)}: no shape depends on it",
        span,
        help="write the value",
    )


def _too_much(search: Search) -> Diagnostic:
    first, *rest = search.order
    what = "these `?` are" if rest else "this `?` is"
    return Diagnostic(
        "A001",
        f"what {what} cannot be worked out: too many values would have to be tried",
        first,
        related=tuple(Note(span, "and this one") for span in rest),
        help=f"write {'some of them' if rest else 'the value'}, or assert the shape behind "
        f"{'each' if rest else 'it'}",
    )


def _several(search: Search) -> Diagnostic:
    found = search.solutions
    open_ = [s for s in search.order if any(v[s] != found[0][s] for v in found)]
    first, *rest = open_
    more = len(found) == MOST
    if rest:
        names = " and ".join(_mark(search, s) for s in open_)
        label, fits = "", "; ".join(_said(search, values) for values in found[: MOST - 1])
        notes = [f"all that it states is met by {fits}{'; …' if more else ''}"]
    else:
        names, notes = _mark(search, first), []
        label = f"{_or((v[first] for v in found), more)} meet all that it states"
    return Diagnostic(
        "A212",
        f"the spec does not determine {names}",
        first,
        label,
        related=tuple(Note(span, "and this one") for span in rest),
        notes=tuple(notes),
        help=_wanted(search, first),
    )


def _wanted(search: Search, span: Span) -> str:
    """What would determine a ``?`` that several values fit."""
    shapes = [_behind(search, values, span) for values in search.solutions[:2]]
    if shapes[0] is None:
        return "assert the shape behind it, or write the value"
    if shapes[0] == shapes[1]:
        return "the shape behind it is the same for all of these: write the value"
    value = format_value(search.solutions[0][span])
    return f"assert the shape behind it, as in `: {shapes[0]}` for {value}, or write the value"


def _behind(search: Search, values: Values, span: Span) -> str | None:
    """The shape that the layer of a ``?`` gives, at the default input."""
    took = search.run(values).took.get(span)
    if took is None:
        return None
    op, _, tensors = took
    try:
        return op.infer(*(Tensor(tuple(map(int, x.shape))) for x in tensors)).symbolic
    except LayerError:
        return None


def _none(search: Search) -> list[Diagnostic]:
    if len(search.refuted) == 1:
        ((values, found),) = search.refuted
        only = f"with {_said(search, values)}, all that fits the default input"
        return [replace(d, notes=(*d.notes, only)) for d in found]
    first, *rest = search.order
    notes, related = _failures(search)
    names = " and ".join(_mark(search, s) for s in search.order)
    return [
        Diagnostic(
            "A213",
            f"no value of {names} meets all that the spec states",
            first,
            related=(*(Note(span, "and this one") for span in rest), *related),
            notes=tuple(notes),
            help="change what is stated, or another figure of the layer",
        )
    ]


def _failures(search: Search) -> tuple[list[str], list[Note]]:
    """What the nearest values would give, and the places that they do not meet."""
    if search.refuted:
        notes = [
            f"with {_said(search, values)}: {'; '.join((found[0].message, *found[0].notes[:1]))}"
            for values, found in search.refuted[:MOST]
        ]
        return notes, [Note(search.refuted[0][1][0].span, "this does not hold")]
    nearest = _nearest([r for r in search.runs.values() if len(r.values) == len(search.order)])
    notes, places = [], dict[Span, None]()
    for run, met in nearest:
        if met.finding is not None:
            notes.append(f"with {_said(search, run.values)}: {met.finding.message}")
            continue
        where = f" in {met.uses[0]}" if met.uses else ""
        said, inferred = format_value(met.said), format_value(met.inferred)
        is_ = f"it is {inferred}, not {said}"
        if met.branches:
            is_ = f"the branches have {said} and {inferred}"
        notes.append(f"with {_said(search, run.values)} {is_}{where}")
        places[met.key[0]] = None
    return notes, [Note(span, "this is not met") for span in places]


def _nearest(runs: Sequence[Run]) -> list[tuple[Run, Met]]:
    """The trials that came nearest, of those too low and of those too high; else refused ones."""
    failed = [(run, met) for run in runs if (met := run.first()) is not None]
    sized = [(run, _size(run, met)) for run, met in failed if met.finding is None]
    if not sized:
        return failed[:2]
    most = max(_progress(run) for run, _ in sized)
    found = []
    for sign in (-1, 1):
        side = [(r, m) for r, m in sized if m.sign == sign and _progress(r) == most]
        if side:
            found.append(min(side, key=lambda pair: abs(pair[1].inferred - pair[1].said)))
    return sorted(found, key=lambda pair: [str(v).zfill(9) for v in pair[0].values.values()])


def _size(run: Run, first: Met) -> Met:
    """The first size that is wrong, rather than how it grows."""
    return next((m for m in run.met if m.wrong and not m.growth and m.finding is None), first)


def _progress(run: Run) -> int:
    """How much of what is stated holds, up to the first that does not."""
    return next((i for i, met in enumerate(run.met) if met.wrong), len(run.met))


def hint(solved: Solved) -> Diagnostic:
    """What a ``?`` is, at its line."""
    name = name_of(solved.span, solved.parameter)
    mark = f"`{name}=?`" if name else "this `?`"
    value = format_value(solved.value)
    return Diagnostic("A212", f"{mark} is {value}", solved.span, value, severity="hint")
