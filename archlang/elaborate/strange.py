"""Stages as other libraries write them: other names, and tensors given as arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NoReturn

from archlang.diagnostic import Fix
from archlang.elaborate import elsewhere
from archlang.elaborate.arguments import takes
from archlang.elaborate.builtins import BUILTINS
from archlang.elaborate.problem import at_name, fail, unknown
from archlang.elaborate.scope import Env
from archlang.elaborate.values import Partial
from archlang.op import Op
from archlang.source import Edit, Span
from archlang.spelling import nearest
from archlang.syntax import ast
from archlang.syntax.stray import FORMS, called, named_before, without

_ALIKE = frozenset({"add", "mul", "concat"})
"""Merges that what arrives can be one branch of, where one other is given."""


def no_stage(stage: ast.Use, env: Env) -> NoReturn:
    """Raise for a stage whose name means nothing."""
    if stage.name in elsewhere.SEQUENCES:
        _sequence(stage, env)
    if stage.name in FORMS:
        _word(stage, env)
    own = [*env.names(), *env.tensors]
    layer = elsewhere.meant(stage.name, own)
    told = layer is not None and not layer.merges and any(a.name is None for a in stage.args or ())
    unknown(
        "layer or block",
        stage.name,
        [k for k in (*own, *Op.registry) if k not in BUILTINS],
        at_name(env.span(stage), stage.name),
        file=env.file,
        own=own,
        meant=layer.name if layer else None,
        note=f"`{layer.name}` takes: {takes(layer.parameters())}" if told and layer else "",
        otherwise="`archlang ops` lists the layers, and the blocks of the standard library",
        fixes=_translated(stage, layer, env) if layer is not None else (),
    )


def _translated(stage: ast.Use, cls: type[Op], env: Env) -> tuple[Fix, ...]:
    """The edit that writes a use of another library's module as one of the layer."""
    given = [(a.name, env.span(a.value).text) for a in stage.args or ()]
    by_position = any(name is None for name, _ in given)
    of_keras = elsewhere.keras(cls) if by_position and re.search(r"[123]D", stage.name) else ""
    otherwise = stage.args is not None and "=" in cls.torch_takes  # another default there
    orders = (of_keras,) if of_keras else ()
    text = elsewhere.call(cls, given, orders) if given or otherwise else None
    if text is None:
        return ()
    edit = Edit(env.span(stage), text)
    return (Fix(f"write `{text}`", (edit,), safe=stage.name[0].isupper()),)


def _word(stage: ast.Use, env: Env) -> NoReturn:
    """Raise for a word in a chain that begins statements."""
    span, name = env.span(stage), stage.name
    tensor = called(span.source.text, span.start) if name == "input" else None
    fixes: tuple[Fix, ...] = ()
    label = FORMS[name]
    if tensor in env.tensors and stage.args is None:
        label = f"a tensor is called by its name: `{tensor}`"
        fixes = (Fix(f"write `{tensor}`", (Edit(span, tensor),), safe=True),)
    elif name == "output" and stage.args is None:
        fixes = without(span)
    fail("A103", f"`{name}` is no layer or block", at_name(span, name), label, fixes=fixes)


def no_tensor(name: str, where: ast.Node, env: Env) -> NoReturn:
    """Raise for the name of a tensor that none has; the one right above can get it."""
    span = at_name(env.span(where), name)
    edits = () if nearest(name, tuple(env.tensors)) else named_before(span, name)
    fixes = (Fix(f"name what comes before: `{name} = …`", edits),) if edits else ()
    unknown("tensor", name, env.tensors, span, file=env.file, fixes=fixes)


def _sequence(stage: ast.Use, env: Env) -> NoReturn:
    """Raise for layers in a container, as PyTorch and Keras have it."""
    span = env.span(stage)
    layers = " -> ".join(env.span(a.value).text for a in stage.args or () if a.name is None)
    fixes = (Fix("join them by `->`", (Edit(span, layers),), safe=True),) if layers else ()
    message = f"`{stage.name}` is not needed: layers follow each other by `->`, or line by line"
    fail("A103", message, at_name(span, stage.name), fixes=fixes)


def as_copies(stage: ast.Merge, head: Span, env: Env) -> None:
    """Raise where a count stands before what is repeated so often."""
    given = stage.args or []
    if stage.name not in elsewhere.REPEATS or len(given) != 1:
        return
    count = env.span(given[0]).text
    edit = Edit(env.span(stage), f"{env.span(stage.body).text} x {count}")
    fixes = (Fix(f"write `x {count}` behind them", (edit,), safe=True),)
    fail("A103", "copies are written `x 3` behind what is repeated", head, fixes=fixes)


def as_in_python(stage: ast.Use, cls: type[Op], env: Env) -> None:
    """Raise where a layer is called on tensors, or a merge is written as a layer."""
    if cls.merges:
        _merge(stage, cls, env)
    for number, argument in enumerate(stage.args or ()):
        name = argument.value.name if isinstance(argument.value, ast.Name) else ""
        if name in env.tensors and env.find(name) is None:
            span = env.span(stage)
            rest = [env.span(a).text for n, a in enumerate(stage.args or ()) if n != number]
            text = f"{name} -> {stage.name}" + (f"({', '.join(rest)})" if rest else "")
            fail(
                "A105",
                f"`{name}` is a tensor, not a value: a layer takes it by `->`",
                env.span(argument),
                fixes=(Fix(f"write `{text}`", (Edit(span, text),)),),
            )


def in_square(stage: ast.Reference, env: Env) -> None:
    """Raise where the arguments of a layer or block stand in square brackets."""
    value = env.find(stage.name)
    if not isinstance(value, Partial) or any(t.startswith(stage.name) for t in env.tensors):
        return
    span = env.span(stage)
    at = span.start + span.text.index("[")
    edits = (Edit(Span(span.source, at, at + 1), "("), Edit(span._replace(start=span.end - 1), ")"))
    fixes = (Fix("write `( … )`", edits, safe=True),)
    message = f"the arguments of `{stage.name}` stand in `( … )`"
    fail("A105", message, Span(span.source, at, span.end), fixes=fixes)


def _merge(stage: ast.Use, cls: type[Op], env: Env) -> NoReturn:
    span = env.span(stage)
    values = [a.value for a in stage.args or ()]
    branches = list(_branches(values, env))
    if len(branches) == 1 and cls.name in _ALIKE:
        branches.insert(0, "identity")  # the tensor that arrives
    text = f"{cls.name} {{ {' | '.join(branches)} }}"
    enough = len(branches) > (cls.name in _ALIKE)
    fixes = [Fix(f"write `{text}`", (Edit(span, text),))] if enough else []
    other = elsewhere.layer(cls.name)
    note = ""
    if stage.args and other is not None and not other.merges:
        note = f"what others call `{cls.name}` is `{other.name}` here"
        at = at_name(span, stage.name)
        fixes.append(Fix(f"write `{other.name}`", (Edit(at, other.name),)))
    message = f"`{cls.name}` merges branches: write `{cls.name} {{ … | … }}`"
    fail("A110", message, span, notes=[note] if note else (), fixes=tuple(fixes))


def _branches(values: list[Any], env: Env) -> Iterator[str]:
    """The tensors and layers among arguments and lists of them, as they are written."""
    for value in values:
        if isinstance(value, ast.ListLiteral):
            yield from _branches(value.items, env)
        elif isinstance(value, ast.Name) and value.name in env.tensors:
            yield value.name
        elif isinstance(value, ast.Name | ast.Call):
            known = env.values.get(value.name) or env.find(value.name)
            if isinstance(known, Partial):
                yield env.span(value).text
