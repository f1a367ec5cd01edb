"""What fuzzing holds a text to: the parser and the elaborator give findings, and soon.

python -m tests.diagnostics.fuzz --minutes 10
"""

from __future__ import annotations

import random
import re
import time
from contextlib import suppress
from pathlib import Path

from archlang.cli.check import check_program
from archlang.diagnostic import ArchError
from archlang.elaborate import Program
from archlang.limits import using
from archlang.source import Source
from archlang.syntax.parser import parse_expression

CORPUS = Path(__file__).with_name("corpus")
LIMITS = {"steps": 20_000, "layers": 500, "items": 100_000, "list": 10_000, "characters": 20_000}
"""Less than in earnest, so that a run sees more texts."""
SECONDS = 10.0
_WORDS = re.compile(r"\s+|#[^\n]*|\"[^\"\n]*\"?|[A-Za-z_]\w*|\d+(?:x\d+)*|->|\.\.\.|//|\*\*|.")
WORDS = (
    *'{}()[]|,:;=?+-*/%<>#"', "->", "//", "**", "==", "!=", "<=", ">=", "...", "\n", " x ", "×",
    "model", "block", "let", "use", "input", "output", "aux", "require", "shared", "if", "else",
    "for", "in", "and", "or", "not", "true", "false", "archlang 1", "_", "identity", "conv",
    "linear", "bn", "relu", "maxpool", "flatten", "add", "mul", "concat", "residual", "gate",
    "dense", "reshape", "permute", "slice", "parameter", "attention", "upsample", "range", "len",
    "min", "max", "sum", "round", "ceil", "floor", "abs", "params", "macs", "depth", "memory",
    "C", "H", "W", "a", "b", "m", "0", "1", "2", "3", "1.5", "3x3", "5M", "10**9", "é", "\0",
    'use "std/resnet"', "stride=2", "pad=same", "pad=0", "groups=2", "bias=false", "channels",
)  # fmt: skip


def holds(text: str) -> None:
    """Raises where a text makes more than findings, or takes too long."""
    started = time.process_time()
    source = Source("fuzz.arch", text)
    with using(**LIMITS):
        program = Program(source, "/nowhere/fuzz.arch")
        checked = check_program("fuzz.arch", program)
        for diagnostic in checked.found:
            assert diagnostic.message
            assert 0 <= diagnostic.span.start <= diagnostic.span.end
            assert diagnostic.span.end <= len(diagnostic.span.source.text)
            diagnostic.render(width=60, wrap=True, frame="boxes")
            diagnostic.to_json()
        if not checked.found and program.module is not None:
            assert checked.models or checked.inventory
        _expression(text[:200])
    assert time.process_time() - started < SECONDS


def _expression(text: str) -> None:
    with suppress(ArchError):
        parse_expression(Source("fuzz", text))


def changed(text: str, r: random.Random) -> str:
    """A text with some of its words changed for others."""
    words = _WORDS.findall(text) or [""]
    for _ in range(r.choice((1, 1, 1, 2, 4))):
        at = r.randrange(len(words))
        match r.randrange(6):
            case 0:
                words[at] = ""
            case 1:
                words[at] *= 2
            case 2:
                words[at] = r.choice(WORDS)
            case 3:
                words.insert(at, f" {r.choice(WORDS)} ")
            case 4:
                other = r.randrange(len(words))
                words[at], words[other] = words[other], words[at]
            case _:
                end = min(len(words), at + r.randrange(12))
                to = r.randrange(len(words))
                words[to:to] = words[at:end]
    return "".join(words)


def seeds() -> list[str]:
    """The texts that fuzzing starts from."""
    return [p.read_text(encoding="utf-8", errors="replace") for p in sorted(CORPUS.iterdir())]
