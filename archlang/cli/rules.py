"""``archlang rules``: every code there is."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from archlang.cli.explain import ExplainFormat
from archlang.cli.table import Cells, text_table
from archlang.rules import rules as every


def rules(
    format_: Annotated[ExplainFormat, typer.Option("--format", "-f", help="Printed as.")] = (
        ExplainFormat.text
    ),
) -> None:
    """List what can be found in a spec, by code; `archlang explain CODE` has more of each."""
    if format_ is ExplainFormat.json:
        print(json.dumps([rule.to_json() for rule in every()], indent=2, ensure_ascii=False))
        return
    rows = [Cells((r.code, r.severity, r.title.replace("`", ""))) for r in every()]
    for line, _ in text_table(("code", "", "what is found"), rows, right=(), shrink=2, width=None):
        print(line)
