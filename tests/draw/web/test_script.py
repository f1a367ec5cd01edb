"""The page's script: typed, short, of modules whose names do not meet."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from archlang.draw.web.script import FOLDER, LAYOUT, PAGE, joined
from tests.draw.web.node import node

MODULES = sorted(FOLDER.glob("*.js"))
ROOT = Path(__file__).parents[3]
LONGEST = """
const ts = require(process.argv[2]);
const found = [];
for (const file of process.argv.slice(3)) {
  const text = require("fs").readFileSync(file, "utf-8");
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const line = (at) => source.getLineAndCharacterOfPosition(at).line;
  const visit = (node) => {
    if (ts.isFunctionLike(node) && node.body) {
      found.push([line(node.end) - line(node.body.pos) + 1, `${file}:${line(node.body.pos) + 1}`]);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
}
process.stdout.write(JSON.stringify(found.sort((a, b) => b[0] - a[0])));
"""


def typescript() -> Path:
    """The folder of TypeScript, beside this Python's packages."""
    folder = Path(sys.prefix) / "node_modules" / "typescript"
    if not folder.exists():
        pytest.skip("TypeScript is not installed; `make test` does that")
    return folder


def test_every_module_is_in_the_page():
    assert sorted(f"{name}.js" for name in PAGE) == [path.name for path in MODULES]


def test_it_is_typed():
    node(str(typescript() / "bin" / "tsc"), "-p", str(FOLDER / "jsconfig.json"))


def test_types_can_fail(tmp_path):
    for path in (*MODULES, FOLDER / "jsconfig.json"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    wrong = "\n/** @type {number} */\nexport const wrong = svg(1, 2);\n"
    with (tmp_path / "svg.js").open("a", encoding="utf-8") as file:
        file.write(wrong)
    with pytest.raises(AssertionError, match="TS2345"):
        node(str(typescript() / "bin" / "tsc"), "-p", str(tmp_path / "jsconfig.json"))


def test_modules_and_functions_are_short(tmp_path):
    assert all(path.read_text(encoding="utf-8").count("\n") <= 400 for path in MODULES)
    script = tmp_path / "longest.js"
    script.write_text(LONGEST, encoding="utf-8")
    said = node(str(script), str(typescript()), *map(str, MODULES))
    ((length, place), *_) = json.loads(said)
    assert length <= 40, place


def test_names_do_not_meet():
    declared = re.findall(
        r"^(?:async )?(?:function|class|const|let) (\w+)", joined(PAGE), re.MULTILINE
    )
    top = [name for path in MODULES for name in own(path)]
    assert len(top) == len(set(top)), sorted(n for n in top if top.count(n) > 1)
    assert set(top) <= set(declared)


def own(path: Path) -> list[str]:
    """The names that a module declares."""
    text = path.read_text(encoding="utf-8")
    kinds = r"^(?:export )?(?:async )?(?:function|class|const|let) (\w+)"
    return re.findall(kinds, text, re.MULTILINE)


def test_modules_take_from_those_before_them():
    known: set[str] = set()
    for name in PAGE:
        text = (FOLDER / f"{name}.js").read_text(encoding="utf-8")
        taken = set(re.findall(r'^import [^;]* from "\./(\w+)\.js";', text, re.MULTILINE))
        assert taken <= known, name
        known.add(name)
    assert "document" not in joined(LAYOUT)


def test_what_is_put_together_has_no_comments_or_modules():
    text = joined(PAGE)
    assert "/**" not in text
    assert not re.search(r"^(import|export) ", text, re.MULTILINE)
