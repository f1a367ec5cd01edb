"""Every code has a page, and what it shows is so."""

import re

import pytest

from archlang.diagnostic import CODES
from archlang.elaborate import Program
from archlang.inspection import inspect
from archlang.lints import lint
from archlang.rules import FENCE, FOLDER, rule, rules
from archlang.source import Source

SHAPE = re.compile(
    r"# (A\d{3}): ([^\n]+)\n\n.+?\n\n\*\*Why\.\*\* .+?\n\nFound:\n\n```(.+?)```\n\n"
    r"Right:\n\n```arch\n(.+?)```\n",
    re.DOTALL,
)


def found(text):
    """The codes of all findings in a spec, warnings only where it is right."""
    program = Program(Source("m.arch", text))
    errors = list(program.diagnostics)
    if not errors and not program.complete:
        errors = program.lone_findings()
    graphs = []
    for name in program.complete if not errors else ():
        graph, more = inspect(program, name)
        errors += more
        graphs += [graph] if graph is not None else []
    return [d.code for d in errors or lint(program, graphs)]


def test_every_code_has_a_page():
    assert {p.stem for p in FOLDER.glob("*.md")} == set(CODES)
    assert [r.code for r in rules()] == sorted(CODES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_page(code):
    page = rule(code)
    match = SHAPE.fullmatch(page.text)
    assert match, "the parts of a page are its title, what, why, found and right"
    assert (match[1], match[2]) == (code, CODES[code])
    assert max(map(len, page.text.splitlines())) <= 100
    kind = FENCE.findall(page.text)[0][0]
    if kind == "console":  # what no spec can show: the commands run with those of the documentation
        assert f"…{code}…" in page.found
    else:
        assert kind == f"arch-{page.severity} {code}"
        assert found(page.found) == [code]
    assert found(page.right) == []
