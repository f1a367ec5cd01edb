"""What a source needs from elsewhere: imports, and the modules that PyTorch lacks."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from archlang.backends.torch import modules

_WORD = re.compile(r"[A-Za-z_]\w*")
_OWN = {
    "math": "import math",
    "OrderedDict": "from collections import OrderedDict",
    "torch": "import torch",
    "Tensor": "from torch import Tensor",
    "nn": "from torch import nn",
}


def carried(lines: list[str]) -> tuple[list[str], list[str]]:
    """The import lines that the lines of a source need, and the definitions it carries."""
    found: dict[str, Any] = {}
    for line in lines:
        _collect(line, modules, found)
    order = sorted(found.values(), key=lambda o: (inspect.getsourcefile(o), _line(o)))
    sources = [_source(o) for o in order]
    known = dict(_OWN)
    for value in order:
        known |= _imports(_home(value))
    words = {w for text in [*lines, *sources] for w in _code_words(text)}
    needed = {known[w] for w in words if w in known}
    return _sorted_imports(needed), sources


def _line(value: Any) -> int:
    return inspect.getsourcelines(value)[1]


def _source(value: Any) -> str:
    return inspect.getsource(value).rstrip()


def _home(value: Any) -> ModuleType:
    home = inspect.getmodule(value)
    assert home is not None
    return home


def _collect(text: str, home: ModuleType, found: dict[str, Any]) -> None:
    """The definitions of our own that a text names, and what they name in turn."""
    for word in _code_words(text):
        value = vars(home).get(word)
        ours = inspect.isclass(value) or inspect.isfunction(value)
        if not ours or word in found:
            continue
        if getattr(value, "__module__", "").startswith(modules.__name__):
            found[word] = value
            _collect(_source(value), _home(value), found)


def _code_words(text: str) -> Iterator[str]:
    """The words of a text that follow no dot."""
    for match in _WORD.finditer(text):
        if match.start() == 0 or text[match.start() - 1] != ".":
            yield match[0]


def _imports(home: ModuleType) -> dict[str, str]:
    """The import line for each name that a module imports."""
    out: dict[str, str] = {}
    for node in ast.parse(inspect.getsource(home)).body:
        if isinstance(node, ast.Import):
            out.update({(a.asname or a.name): ast.unparse(ast.Import([a])) for a in node.names})
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            for alias in node.names:
                line = ast.unparse(ast.ImportFrom(node.module, [alias], node.level))
                out[alias.asname or alias.name] = line
    return out


def _sorted_imports(lines: set[str]) -> list[str]:
    """Import lines as isort has them: the standard library's, then PyTorch's."""
    out: list[str] = []
    for ours in (False, True):
        group = {line for line in lines if (line.split()[1].split(".")[0] == "torch") is ours}
        plain = sorted(line for line in group if line.startswith("import "))
        named: dict[str, list[str]] = {}
        for line in group:
            if line.startswith("from "):
                module, _, name = line.removeprefix("from ").partition(" import ")
                named.setdefault(module, []).append(name)
        joined = [
            f"from {m} import {', '.join(sorted(n, key=_isort))}" for m, n in sorted(named.items())
        ]
        out += [*([""] if out and group else []), *plain, *joined]
    return out


def _isort(name: str) -> tuple[int, str]:
    """Constants first, then classes, then the rest."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name
