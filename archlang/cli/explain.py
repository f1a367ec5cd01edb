"""``archlang explain``: what a code means."""

from __future__ import annotations

import json
import re
import sys
from enum import StrEnum
from typing import Annotated

import typer

from archlang.cli.common import stop, use_color
from archlang.diagnostic import CODES
from archlang.rules import Rule, rule
from archlang.spelling import nearest

SHOWN = 5
"""How many codes are named where none is known."""


class ExplainFormat(StrEnum):
    """What a page is printed as."""

    text = "text"
    json = "json"


def explain(
    code: Annotated[
        str, typer.Argument(help="A code, such as A203; or several: A30 for A301 on, A201-A204.")
    ],
    format_: Annotated[ExplainFormat, typer.Option("--format", "-f", help="Printed as.")] = (
        ExplainFormat.text
    ),
) -> None:
    """Say what a finding means and why it matters, with a spec that has it and a right one."""
    codes = _codes(code.strip().upper())
    if not codes:
        stop(f"there is no code `{code}`", hint=_hint(code.strip()))
    pages = [rule(wanted) for wanted in codes]
    if format_ is ExplainFormat.json:
        told = [page.to_json() for page in pages]
        alone = code.strip().upper() in CODES
        print(json.dumps(told[0] if alone else told, indent=2, ensure_ascii=False))
    elif use_color(sys.stdout):
        _pretty(pages)
    else:
        print("\n".join(page.text for page in pages), end="")


def _codes(given: str) -> list[str]:
    """The codes that are meant: one, those that begin so, or those from one to another."""
    first, dash, last = given.partition("-")
    if dash:
        ends = first.strip(), last.strip()
        return (
            [c for c in sorted(CODES) if ends[0] <= c <= ends[1]] if set(ends) <= set(CODES) else []
        )
    if not re.fullmatch(r"A\d*", given):
        return []
    return [c for c in sorted(CODES) if c.startswith(given)]


def _hint(given: str) -> str:
    """The code that is likely meant, by its digits, its spelling or the words of its title."""
    if "-" in given:
        return "a range goes from one code to another, as in `A201-A204`"
    digits = re.sub(r"\D", "", given)
    if guess := next((c for c in CODES if c[1:] == digits), None) or nearest(given, list(CODES)):
        return f"did you mean `{guess}`, {CODES[guess]}?"
    named = [c for c, title in CODES.items() if given.lower() in title.replace("`", "").lower()]
    if named and len(given) > 2:
        return f"it is in {'; '.join(f'{c}: {CODES[c]}' for c in named[:SHOWN])}"
    return "`archlang rules` lists them all"


def _pretty(pages: list[Rule]) -> None:
    """The pages on a terminal."""
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(width=min(100, Console().width))
    for page in pages:
        console.print(Markdown(page.text, code_theme="ansi_dark"))
