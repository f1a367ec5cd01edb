"""Arguments to parameters, for layers, blocks, models and functions alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NoReturn

from pydantic import ValidationError

from archlang.arguments import words
from archlang.diagnostic import Fix, Note
from archlang.elaborate import elsewhere
from archlang.elaborate.origins import made_at
from archlang.elaborate.problem import fail, unknown
from archlang.elaborate.traces import map_axes, trace_notes
from archlang.elaborate.unknown import Trial, Unknown
from archlang.elaborate.values import Given, Partial, describe, written
from archlang.graph import Node
from archlang.op import LayerError, Op, Parameter
from archlang.source import Edit, Span
from archlang.wording import count


def bind(
    what: str, parameters: Sequence[Parameter], given: Sequence[Given], span: Span
) -> dict[str, Given]:
    """Which parameter each argument is for; raises for one too many, unknown or given twice.

    One without a name is for the first parameter that those before it have left free.
    """
    by_name = {p.name: p for p in parameters}
    bound: dict[str, Given] = {}
    rest: list[Any] | None = None
    for argument in given:
        name = argument.name
        if name is None:
            free = (p for p in parameters if p.name not in bound or (p.variadic and rest))
            parameter = next(free, None)
            if parameter is None:
                most = f"takes {count(len(parameters), 'argument')}" if parameters else "has none"
                message = f"`{what}` is given more arguments than it has: it {most}"
                fail("A104", message, argument.span)
            name = parameter.name
            if parameter.variadic:
                rest = [*(rest or []), argument.value]
                first = bound[name].span if name in bound else argument.span
                bound[name] = Given(name, rest, first._replace(end=argument.span.end))
                continue
        elif name not in by_name:
            unknown("parameter", name, by_name, argument.span, "A104", what)
        if name in bound:
            fail("A104", f"`{what}` is given `{name}` twice", argument.span)
        bound[name] = argument
    return bound


def named(
    what: str, parameters: Sequence[Parameter], given: Sequence[Given], span: Span
) -> tuple[Given, ...]:
    """The arguments with each one's parameter said, so that more can follow by position."""
    bound = bind(what, parameters, given, span)
    return tuple(Given(name, g.value, g.span, g.origin) for name, g in bound.items())


def missing(
    what: str, parameters: Sequence[Parameter], bound: dict[str, Given], span: Span
) -> None:
    """Raise where a required parameter has no argument."""
    lacking = [p.name for p in parameters if p.required and p.name not in bound and not p.variadic]
    if lacking:
        names = " and ".join(f"`{n}`" for n in lacking)
        fail("A104", f"`{what}` needs {names}", span, notes=[f"it takes: {takes(parameters)}"])


def takes(parameters: Sequence[Parameter]) -> str:
    """Parameters in words, those that may be left out with a `=`."""
    return ", ".join(p.name if p.required else f"{p.name}=…" for p in parameters) or "nothing"


def make_layer(
    cls: type[Op], given: Sequence[Given], span: Span, trial: Trial
) -> tuple[Op, dict[str, Given]]:
    """The layer with its arguments checked, and which argument is for which field."""
    parameters = cls.parameters()
    names = [p.name for p in parameters]
    if odd := [g for g in given if g.name is not None and g.name not in names]:
        _no_parameters(cls, given, odd, span)
    bound = bind(cls.name, parameters, given, span)
    missing(cls.name, parameters, bound, span)
    values: dict[str, Any] = {}
    for name, argument in bound.items():
        value = argument.value
        if isinstance(value, Unknown):
            value = trial.value(value, cls, name)
        elif isinstance(value, list) and cls.variadic == name:
            value = [trial.value(v, cls, name) if isinstance(v, Unknown) else v for v in value]
        if isinstance(value, Partial):
            if value.given or value.kind != "layer" or value.name not in words(cls, name):
                fail(
                    "A105",
                    f"`{name}` of `{cls.name}` cannot be {describe(value)}",
                    argument.span,
                    f"`{value.name}` is {describe(value)}",
                    written=_written(bound, name),
                    fixes=_behind(cls, given, argument, span),
                )
            value = value.name  # a word that is also a layer's name, as `linear` is
        values[name] = value
    try:
        return cls(**values), bound
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        message = str(first["msg"]).removeprefix("Value error, ")
        if first["type"] == "literal_error":
            choices = first["ctx"]["expected"].replace("'", "`")
            message = f"must be {choices}, not `{written(values[name])}`"
        where = bound[name].span if name in bound else span
        message = f"`{name}` of `{cls.name}` {message}"
        fixes = (*_meant(message, bound.get(name)), *_swapped(cls, given, span))
        fail("A105", message, where, written=_written(bound, name), fixes=fixes)


def _meant(message: str, given: Given | None) -> tuple[Fix, ...]:
    """The edit that writes a 0 or 1 as what is true or not, or a percentage as a probability."""
    if given is None:
        return ()
    span, text = given.span, _text(given).strip("\"'")
    meant = None
    if "`true` or `false`" in message:
        meant = {"0": "false", "none": "false", "1": "true"}.get(text.lower())
    elif "a probability" in message and re.fullmatch(r"[5-9]|[1-9]\d", text):
        meant = f"{float(text) / 100:g}"
    at = Span(span.source, span.end - len(_text(given)), span.end)
    return (Fix(f"write `{meant}`", (Edit(at, meant),), safe=meant.isalpha()),) if meant else ()


def _swapped(cls: type[Op], given: Sequence[Given], span: Span) -> tuple[Fix, ...]:
    """The edit that puts the second of two arguments before the first."""
    if len(given) < 2 or given[0].name or given[1].name:
        return ()
    first, second, *rest = ((g.name, _text(g)) for g in given)
    return _rewritten(cls, given, elsewhere.call(cls, [second, first, *rest], ("",)), span)


def _no_parameters(
    cls: type[Op], given: Sequence[Given], odd: Sequence[Given], span: Span
) -> NoReturn:
    """Raise for arguments by names that a layer has no parameters of.

    What others call so is known. Where more than one is odd, or one for something else than a
    parameter, it is the whole use that is written anew.
    """
    names = [p.name for p in cls.parameters()]
    first, *more = odd
    name = first.name or ""
    other = elsewhere.parameter(name, names)
    written = elsewhere.call(cls, [(g.name, _text(g)) for g in given], ("", cls.torch_takes))
    counts = name in elsewhere.AXES and other is not None
    fixes = _rewritten(cls, given, written, span) if more or counts or other is None else ()
    note = "what arrives is known: it is not said again" if name in elsewhere.KNOWN else ""
    unknown(
        "parameter",
        name,
        [] if counts or name in elsewhere.ACTIVATIONS else names,
        first.span,
        "A104",
        cls.name,
        meant=None if counts else other,
        note=f"it is `{other}` here: axes count from 0, without the batch" if counts else note,
        fixes=fixes,
        related=[Note(g.span, f"nor `{g.name}`") for g in more],
    )


def _behind(cls: type[Op], given: Sequence[Given], odd: Given, span: Span) -> tuple[Fix, ...]:
    """The edit that puts a layer, given as an argument, behind the layer that it is given to."""
    name = elsewhere.ACTIVATIONS[0]
    written = elsewhere.call(cls, [(name if g is odd else g.name, _text(g)) for g in given], ("",))
    return _rewritten(cls, given, written, span)


def _rewritten(
    cls: type[Op], given: Sequence[Given], written: str | None, span: Span
) -> tuple[Fix, ...]:
    """The edit that writes a use of a layer anew, where it is all that is in its place."""
    plain = span.text.startswith(f"{cls.name}(") and all(g.span.within(span) for g in given)
    return (Fix(f"write `{written}`", (Edit(span, written),)),) if plain and written else ()


def _text(argument: Given) -> str:
    """The text of an argument's value."""
    text = argument.span.text
    return text.partition("=")[2].strip() if argument.name and "=" in text else text


def layer_failed(
    op: Op,
    error: LayerError,
    bound: dict[str, Given],
    span: Span,
    inputs: Sequence[Node],
    written: Span,
) -> NoReturn:
    """Raise what a layer says of the tensors that it was given, at the argument it is about.

    An argument that is not in what is ``written`` of the layer came with a name for it.

    What it says is of the default size; what the tensors are for every size is said beside, and
    how their sizes came about.
    """
    argument = bound.get(error.field or "")
    where = argument.span if argument is not None and argument.span.within(written) else span
    notes = [error.hint] if error.hint else []
    for node in inputs:
        shown = node.output.shown
        notes += [f"what arrives is {shown}"] if shown != str(node.output) else []
        if error.code in ("A202", "A208"):
            notes += trace_notes(node, (0,) if "channels" in error.message else map_axes(node))
    own = error.code == "A207"  # about the argument alone, whatever arrives
    origin = _written(bound, error.field or "") if own else None
    fixes = _as_torch(op, list(bound.values()), written)
    if fixes:
        notes.append(f"`{op.name}` takes: {takes(op.parameters())}; what arrives is known")
    fail(error.code, error.message, where, notes=notes, written=origin, fixes=fixes)


def _as_torch(op: Op, given: Sequence[Given], span: Span) -> tuple[Fix, ...]:
    """The edit that takes arguments by position as PyTorch does, told first what arrives."""
    positions = sum(g.name is None for g in given)
    if positions < 2 or op.torch_takes.partition(" ")[0] not in elsewhere.KNOWN:
        return ()
    pairs = [(g.name, _text(g)) for g in given]
    return _rewritten(type(op), given, elsewhere.call(type(op), pairs, (op.torch_takes,)), span)


def _written(bound: dict[str, Given], name: str) -> Span | None:
    """Where the value of a parameter is written."""
    origin = bound[name].origin if name in bound else None
    return made_at(origin) if origin is not None else None
