"""Short questions to ask of a spec."""

from __future__ import annotations

from typing import Any

import pytest

import archlang
from archlang.diagnostic import Diagnostic


def model(body: str, shape: str = "[3, 8, 8]", before: str = "") -> str:
    """A spec of one model that has one input, ``image``."""
    return f"{before}\nmodel m {{\n    input image: {shape}\n    {body}\n}}\n"


def paths(text: str, **options: Any) -> list[str]:
    """The paths of the modules that hold weights, in order."""
    state = archlang.loads(text, **options).to_torch("meta").state_dict()
    return list(dict.fromkeys(key.rpartition(".")[0] or key for key in state))


def shape(text: str, **options: Any) -> tuple[int, ...]:
    """The shape of the only output."""
    (found,) = archlang.loads(text, **options).outputs.values()
    return found


def errors(text: str, **options: Any) -> list[Diagnostic]:
    """What is found wrong."""
    with pytest.raises(archlang.ArchError) as caught:
        archlang.loads(text, **options)
    for diagnostic in caught.value.diagnostics:
        diagnostic.render()
        assert diagnostic.message
    return list(caught.value.diagnostics)


def codes(text: str, **options: Any) -> list[str]:
    """The codes of what is found wrong."""
    return [d.code for d in errors(text, **options)]


def error(text: str, **options: Any) -> Diagnostic:
    """The only thing that is found wrong."""
    found = errors(text, **options)
    assert len(found) == 1, [d.message for d in found]
    return found[0]
