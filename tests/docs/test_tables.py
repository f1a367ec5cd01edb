"""What of the reference comes from the code is what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from archlang import ops
from archlang.diagnostic import CODES
from archlang.op import Op
from tests.docs.tables import PAGE, PAGES, TABLES, table

ANEW = "the code says otherwise: `python -m tests.docs.tables` writes it anew"


@pytest.mark.parametrize("name", TABLES)
def test_table_is_the_codes(name: str) -> None:
    assert table(name, PAGE.read_text("utf-8")) == TABLES[name](), ANEW


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_page_is_the_codes(page: Path) -> None:
    assert page.read_text("utf-8") == PAGES[page](), ANEW


def test_every_layer_has_a_line() -> None:
    written = table("layers", PAGE.read_text("utf-8"))
    for name, op in Op.registry.items():
        if op.__module__.startswith(ops.__name__):
            assert f"| `{name}" in written


def test_every_code_has_a_line() -> None:
    written = table("codes", PAGE.read_text("utf-8"))
    assert [row.split(" ")[1] for row in written.splitlines()[2:]] == list(CODES)
