"""Parts of a recipe: plain data, checked as it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from archlang.spelling import nearest
from archlang.train.errors import UsageError

Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class Part(BaseModel):
    """A part of a recipe: frozen, and closed. The text below a field is its description."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

    @classmethod
    def of(cls, fields: Mapping[str, Any], at: str = "") -> Self:
        """The part with these fields; raises ``UsageError`` for the first mistake.

        ``at`` is where the part stands in a recipe, and leads the names of its fields.
        """
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as error:
            found = error.errors()[0]
        path = ".".join([at, *map(str, found["loc"])] if at else map(str, found["loc"]))
        if found["type"] == "extra_forbidden":
            known = cls._beside(found["loc"])
            guess = nearest(str(found["loc"][-1]), known)
            hint = f"did you mean `{guess}`?" if guess else f"there are {', '.join(known)}"
            raise UsageError(f"there is no field `{path}`", hint)
        what = found["msg"].removeprefix("Input ").removeprefix("Value error, ")
        raise UsageError(f"`{path}` is {found['input']!r}, and {what}")

    @classmethod
    def _beside(cls, loc: tuple[int | str, ...]) -> list[str]:
        """The fields that stand where ``loc`` names one that does not exist."""
        part: type[Part] = cls
        for name in loc[:-1]:
            field = part.model_fields.get(str(name))
            parts = [t for t in _types(field.annotation if field else None) if issubclass(t, Part)]
            if parts:
                part = parts[0]
        return list(part.model_fields)


def _types(annotation: Any) -> list[type]:
    """The classes of an annotation, which may be a union."""
    inner = getattr(annotation, "__args__", ())
    return [t for t in (annotation, *inner) if isinstance(t, type)]
