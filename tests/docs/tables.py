"""The tables of the reference that come from the code.

``python -m tests.docs.tables`` writes them into docs/language.md.
"""

from __future__ import annotations

import re

from archlang import ops
from archlang.diagnostic import CODES
from archlang.elaborate import expressions, stages
from archlang.op import Op, Parameter, format_value
from archlang.syntax import builder, parser
from tests.docs.blocks import ROOT

PAGE = ROOT / "docs" / "language.md"
EXAMPLE = re.compile(r"^ {4,}(\S.*) : (\[[\d, ]+\] -> \[[\d, ]+\])$", re.MULTILINE)


def table(name: str, page: str) -> str:
    """The lines between the marks of a table."""
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    return page.partition(start)[2].partition(end)[0].strip("\n")


def layers() -> str:
    """One line a layer: its signature, what it does, an example."""
    rows = ["| layer | what it does | example | its shapes |", "|---|---|---|---|"]
    for op in Op.registry.values():
        if op.__module__.startswith(ops.__name__):
            rows.append(_row(op))
    return "\n".join(rows)


def _row(op: type[Op]) -> str:
    doc = op.__doc__ or ""
    spec, shapes = EXAMPLE.findall(doc)[0]
    cells = (f"`{signature(op)}`", doc.strip().split("\n")[0], f"`{spec}`", shapes)
    return f"| {' | '.join(c.replace('|', chr(92) + '|') for c in cells)} |"


def signature(op: type[Op]) -> str:
    """A layer as it is written, with its parameters and their defaults."""
    parameters = ", ".join(map(_parameter, op.parameters()))
    return f"{op.name}({parameters})" if parameters else op.name


def _parameter(parameter: Parameter) -> str:
    if parameter.variadic:
        return f"{parameter.name}…"
    if parameter.required:
        return parameter.name
    if parameter.default is None:
        return f"{parameter.name}=…"
    return f"{parameter.name}={format_value(parameter.default)}"


def codes() -> str:
    """One line a code."""
    rows = ["| code | what is wrong |", "|---|---|"]
    rows += [f"| {code} | {meaning} |" for code, meaning in CODES.items()]
    return "\n".join(rows)


def limits() -> str:
    """One line a limit."""
    rows = ["| what | limit |", "|---|---|"]
    rows += [f"| {what} | {limit:,} |" for what, limit in LIMITS.items()]
    return "\n".join(rows)


LIMITS = {
    "characters of a spec": parser.MAX_TEXT,
    "characters of a line": parser.MAX_LINE,
    "brackets inside each other in the text": parser.MAX_NESTING,
    "blocks and braces inside each other as they run": stages.MAX_DEPTH,
    "functions inside each other": expressions.MAX_CALLS,
    "layers of a network": stages.MAX_LAYERS,
    "steps to work a spec out": expressions.MAX_STEPS,
    "items of a list that `range` or `+` makes": expressions.MAX_LIST,
    "digits of a number as written, and its power of ten": builder.DIGITS_LIMIT,
    "bits of a number that arithmetic makes": expressions.MAX_BITS,
    "scalars of one tensor": stages.MAX_SCALARS,
}

TABLES = {"layers": layers, "codes": codes, "limits": limits}


def main() -> None:
    """Write the tables into the page."""
    page = PAGE.read_text(encoding="utf-8")
    for name, make in TABLES.items():
        before, start, rest = page.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- end of {name} -->")
        page = f"{before}{start}\n{make()}\n\n{end}{after}"
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
