"""What pydantic finds wrong with a recipe, in our words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from archlang.spelling import nearest
from archlang.train.part import wrong


def explain(model: type[BaseModel], error: ErrorDetails) -> tuple[str, str, str]:
    """The path of a field, what is wrong with it, and what to do about it."""
    part, names = _walk(model, error["loc"])
    path, context = ".".join(names), error.get("ctx", {})
    if error["type"] == "extra_forbidden":
        known = [name for name in part.model_fields if name != "name"]
        guess = nearest(names[-1], known)
        hint = f"did you mean `{guess}`?" if guess else f"it has {', '.join(known)}"
        return path, f"the recipe has no field `{path}`", hint
    if error["type"] == "union_tag_invalid":
        expected = str(context["expected_tags"])
        guess = nearest(str(context["tag"]), expected.replace("'", "").split(", "))
        hint = f"did you mean `{guess}`?" if guess else ""
        return path, f"`{path}` is '{context['tag']}', and should be one of {expected}", hint
    return path, f"`{path}` is {wrong(error)}", ""


def parts(annotation: Any) -> Iterator[type[BaseModel]]:
    """The parts of a recipe that a field may hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from parts(inner)


def _walk(model: type[BaseModel], loc: Sequence[int | str]) -> tuple[type[BaseModel], list[str]]:
    """The part that the last name of ``loc`` stands in, and the names without unions' tags."""
    names: list[str] = []
    part, choices = model, [model]
    for here in loc:
        tagged = {str(_tag(p)): p for p in choices if _tag(p)}
        if str(here) in tagged and len(choices) > 1:
            choices = [tagged[str(here)]]
            continue
        part = choices[0] if choices else part
        names.append(str(here))
        field = part.model_fields.get(str(here))
        choices = list(parts(field.annotation)) if field else []
    return part, names


def _tag(part: type[BaseModel]) -> Any:
    """The name that tells a part from others."""
    field = part.model_fields.get("name")
    return field.default if field else None
