"""Parts of a recipe: plain data, checked as it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from archlang.spelling import nearest
from archlang.train.errors import UsageError

Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
NO_NUMBER = PydanticCustomError("no_number", "should be a number")


class Part(BaseModel):
    """A part of a recipe: frozen, and closed. The text below a field is its description."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _numbers(cls, given: Any) -> Any:
        """No field that is a number may be ``true``, though Python takes it for 1."""
        wrong = [
            InitErrorDetails(type=NO_NUMBER, loc=(name,), input=value)
            for name, value in (given.items() if isinstance(given, Mapping) else ())
            if isinstance(value, bool) and cls._numeric(name)
        ]
        if wrong:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        return given

    @classmethod
    def _numeric(cls, name: str) -> bool:
        field = cls.model_fields.get(name)
        types = {*_types(field.annotation if field else None)}
        return bool({int, float} & types) and bool not in types

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
        raise UsageError(f"`{path}` is {wrong(found)}")

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


_KINDS = {
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), "a table"),
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_parsing", "float_type", "no_number"), "a number"),
    **dict.fromkeys(("bool_parsing", "bool_type"), "true or false"),
    **dict.fromkeys(("list_type", "tuple_type"), "a list"),
    "string_type": "text",
}
"""What a value of another kind should be, by what pydantic calls the mistake."""


def wrong(found: ErrorDetails) -> str:
    """What a field is, and what pydantic wants it to be: the end of a sentence."""
    given = found["input"]
    shown = str(given).lower() if isinstance(given, bool) else repr(given)
    if kind := _KINDS.get(found["type"]):
        return f"{shown}, and should be {kind}"
    what = found["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return f"{shown}, and {what}"


def _types(annotation: Any) -> list[type]:
    """The classes of an annotation, which may be a union."""
    inner = getattr(annotation, "__args__", ())
    return [t for t in (annotation, *inner) if isinstance(t, type)]
