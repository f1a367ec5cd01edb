"""What of the reference comes from the code: tables of the language's page, and whole pages.

``python -m tests.docs.tables`` writes them into docs/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from archlang.analyses import repairs, unknowns
from archlang.cli.schema import schema as told
from archlang.diagnostic import CODES
from archlang.elaborate import findings, problem, stages
from archlang.limits import NAMES, Limits
from archlang.reference import Group, block_groups, layer_groups
from archlang.reference.markdown import page_lines, prose
from archlang.rules import rules
from archlang.syntax import builder, recovery
from archlang.train.recipe import schema
from tests.docs.blocks import ROOT

DOCS = ROOT / "docs"
PAGE = DOCS / "language.md"
CITED = re.compile(r"(?:[A-Z]\w+ & )?[A-Z]\w+(?: et al\.)? (?:19|20)\d\d\b")


def table(name: str, page: str) -> str:
    """The lines between the marks of a table."""
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    return page.partition(start)[2].partition(end)[0].strip("\n")


def layers() -> str:
    """One line a layer: its signature, what it does, an example."""
    rows = ["| layer | what it does | example | its shapes |", "|---|---|---|---|"]
    for page in (page for group in layer_groups() for page in group.pages):
        spec, takes, gives = page.examples[0]
        cells = (f"`{page.signature}`", page.summary, f"`{spec}`", f"{takes} -> {gives}")
        rows.append(f"| {' | '.join(c.replace('|', chr(92) + '|') for c in cells)} |")
    return "\n".join(rows)


def library() -> str:
    """One line a file of the standard library: what it defines, and whose it is."""
    rows = ["| file | blocks and functions | from |", "|---|---|---|"]
    for group in block_groups():
        names = ", ".join(f"`{page.name}`" for page in group.pages)
        said = (group.about, *(text for p in group.pages for text in (p.summary, *p.notes)))
        papers = ", ".join(dict.fromkeys(CITED.findall(" ".join(said))))
        rows.append(f"| [`{group.home}`]({_file(group)}) | {names} | {papers} |")
    return "\n".join(rows)


def codes() -> str:
    """One line a code."""
    rows = ["| code | what is wrong |", "|---|---|"]
    rows += [f"| {code} | {meaning} |" for code, meaning in CODES.items()]
    return "\n".join(rows)


def limits() -> str:
    """One line a limit."""
    rows = ["| name | what | limit |", "|---|---|---|"]
    standard = Limits()
    rows += [f"| `{n}` | {what} | {getattr(standard, n):,} |" for n, what in NAMES.items()]
    rows += [f"| | {what} | {limit:,} |" for what, limit in FIXED.items()]
    return "\n".join(rows)


FIXED = {
    "syntax errors of a file that are looked for": recovery.MOST,
    "names that the unknown ones of a spec are compared with": problem.COMPARED,
    "shape errors of a model that say how the sizes came about": findings.EXPLAINED,
    "findings of a model for which a way out is searched": repairs.FINDINGS,
    "findings of a spec for which a way out is searched": repairs.SEARCHES,
    "digits of a number as written, and its power of ten": builder.DIGITS_LIMIT,
    "scalars of one tensor": stages.MAX_SCALARS,
    "layers worked out to solve the `?` of a network": unknowns.MOST_WORK,
}
"""The limits that cannot be raised."""

TABLES = {"layers": layers, "library": library, "codes": codes, "limits": limits}

LAYERS = """\
# The layers

Every layer of archlang, family by family; `archlang ops NAME` shows the same. What holds of all
stands in the [language](language.md#layers), what composes from them in the
[blocks](blocks.md). Shapes leave the batch out, parameters and multiply-accumulates (MACs) are
those of the example, and modules that PyTorch lacks are in
[modules.py](../archlang/backends/torch/modules.py).
"""

BLOCKS = """\
# The standard library

Blocks and functions written in the language, file by file; `archlang ops NAME` shows the
definition as well. `use "std/resnet"` brings in what the file `std/resnet` defines. On the right
of a signature `_` leaves a size open.
"""

RULES = """\
# What is found in a spec

Every code, with a spec that has it and one that is right; `archlang explain CODE` shows the same,
`archlang rules` lists them. Errors end a check with exit code 1. Warnings, from A301 on, are about
specs that PyTorch runs and that are probably not meant:

| to choose | say |
|---|---|
| in a run | `archlang check SPEC --select A301,A305`, `--ignore A303` |
| in a project | `select = ["all"]`, `ignore = ["A303"]` under `[tool.archlang]` in pyproject.toml |
| on a line | `# archlang: ignore[A305]` at its end |

A code may be cut short, as in `A3`; where two fit, the longer decides. `--select` takes the place
of the project's, `--ignore` adds to it.
"""


def layers_page() -> str:
    """docs/layers.md."""
    return "\n".join((LAYERS, *_sections(layer_groups())))


def blocks_page() -> str:
    """docs/blocks.md."""
    return "\n".join((BLOCKS, *_sections(block_groups())))


def rules_page() -> str:
    """docs/rules.md."""
    return "\n".join((RULES, *(rule.text.replace("# ", "## ", 1) for rule in rules())))


def _sections(groups: list[Group]) -> Iterator[str]:
    links = (f"[{g.title}](#{_anchor(g.title)})" for g in groups)
    yield from ("Contents: " + " ·\n".join(links), "")
    for group in groups:
        yield from (f"## {group.title}", "")
        if group.about:
            yield from (prose(group.about), "")
        if group.home.startswith("std/"):
            yield from (f"In [{group.home}.arch]({_file(group)}).", "")
        for page in group.pages:
            yield from (*page_lines(page), "")


def _file(group: Group) -> str:
    return f"../archlang/{group.home}.arch"


def _anchor(title: str) -> str:
    kept = (c for c in title.lower() if c.isalnum() or c in " -_")
    return "".join(kept).replace(" ", "-")


def recipe_schema() -> str:
    """docs/recipe.schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def check_schema() -> str:
    """docs/check.schema.json."""
    return json.dumps(told(), indent=2, ensure_ascii=False) + "\n"


PAGES = {
    DOCS / "layers.md": layers_page,
    DOCS / "blocks.md": blocks_page,
    DOCS / "rules.md": rules_page,
    DOCS / "recipe.schema.json": recipe_schema,
    DOCS / "check.schema.json": check_schema,
}


def main() -> None:
    """Write the tables and the pages."""
    page = PAGE.read_text(encoding="utf-8")
    for name, make in TABLES.items():
        before, start, rest = page.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- end of {name} -->")
        page = f"{before}{start}\n{make()}\n\n{end}{after}"
    PAGE.write_text(page, encoding="utf-8")
    for path, text in PAGES.items():
        path.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
