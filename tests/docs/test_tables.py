"""The tables of the reference are what the code says."""

from __future__ import annotations

import pytest

from archlang import ops
from archlang.diagnostic import CODES
from archlang.op import Op
from tests.docs.tables import PAGE, TABLES, signature, table


@pytest.mark.parametrize("name", TABLES)
def test_table_is_the_codes(name: str) -> None:
    written = table(name, PAGE.read_text("utf-8"))
    assert written == TABLES[name](), "python -m tests.docs.tables writes it anew"


def test_every_layer_has_a_line() -> None:
    written = table("layers", PAGE.read_text("utf-8"))
    for name, op in Op.registry.items():
        if op.__module__.startswith(ops.__name__):
            assert f"| `{name}" in written


def test_every_code_has_a_line() -> None:
    written = table("codes", PAGE.read_text("utf-8"))
    assert [row.split(" ")[1] for row in written.splitlines()[2:]] == list(CODES)


def test_signatures() -> None:
    assert signature(Op.registry["linear"]) == "linear(features, axis=…, bias=true)"
    assert signature(Op.registry["permute"]) == "permute(axes…)"
    assert signature(Op.registry["tanh"]) == "tanh"
