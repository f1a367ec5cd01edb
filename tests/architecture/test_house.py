"""Small rules of the house that no linter knows."""

import ast
from pathlib import Path

import pytest
import torch

from archlang.elaborate.reserved import RESERVED

ROOT = Path(__file__).parents[2]
PYTHON = sorted(
    p
    for folder in ("archlang", "tests", "benchmarks", "examples")
    for p in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("file", PYTHON, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_stay_short(file):
    text = file.read_text()
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = (node.end_lineno or 0) - (body[0].lineno if body else node.lineno) + 1
            assert length <= 40, f"{node.name} has {length} lines"


def test_reserved_labels_are_those_of_modules():
    taken = {name for name in dir(torch.nn.Module()) if not name.startswith("__")}
    assert taken == RESERVED
