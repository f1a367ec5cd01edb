"""``archlang explain``: what a code means."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import Annotated

import typer

from archlang.cli.common import stop, use_color
from archlang.diagnostic import CODES
from archlang.rules import Rule, rule


class ExplainFormat(StrEnum):
    """What a page is printed as."""

    text = "text"
    json = "json"


def explain(
    code: Annotated[str, typer.Argument(help="A code, such as A203.")],
    format_: Annotated[ExplainFormat, typer.Option("--format", "-f", help="Printed as.")] = (
        ExplainFormat.text
    ),
) -> None:
    """Say what a finding means and why it matters, with a spec that has it and a right one."""
    wanted = code.strip().upper()
    if wanted not in CODES:
        stop(f"there is no code `{code}`", hint="`archlang rules` lists them all")
    page = rule(wanted)
    if format_ is ExplainFormat.json:
        print(json.dumps(page.to_json(), indent=2, ensure_ascii=False))
    elif use_color(sys.stdout):
        _pretty(page)
    else:
        print(page.text, end="")


def _pretty(page: Rule) -> None:
    """The page on a terminal."""
    from rich.console import Console
    from rich.markdown import Markdown

    Console(width=min(100, Console().width)).print(Markdown(page.text, code_theme="ansi_dark"))
