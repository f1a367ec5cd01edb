"""The fenced blocks of the documentation, and what each must do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "examples" / "resnet_rs" / "README.md",
    *sorted((ROOT / "docs").glob("**/*.md")),
]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WITHIN = re.compile(r"# within a model with `(input [^`]*)`")


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, the line it starts on, its info string and its text."""

    page: Path
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def spec(self) -> str:
        """The text as a whole spec: a fragment's first line says which model it stands in."""
        within = WITHIN.match(self.text)
        return f"model m {{\n{within[1]}\n{self.text}}}\n" if within else self.text


def blocks(*languages: str) -> list[Block]:
    """The blocks of all pages whose info string starts with one of ``languages``.

    But for the specs of the rules' page, which are held where its text comes from.
    """
    found = [b for page in PAGES for b in blocks_of(page) if b.info.split(" ")[0] in languages]
    return [b for b in found if b.page.name != "rules.md" or not b.info.startswith("arch")]


def blocks_of(page: Path) -> list[Block]:
    """The blocks of one page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, m.start()) + 1, m[1].strip(), m[2])
        for m in FENCE.finditer(text)
    ]


@dataclass(frozen=True)
class Command:
    """A line of a console block, and what it prints."""

    line: str
    output: str


def commands(block: Block) -> list[Command]:
    """The commands of a console block; raises where it starts with anything else."""
    found: list[Command] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:], ""))
        else:
            last = found[-1]
            found[-1] = Command(last.line, f"{last.output}{line.rstrip()}\n")
    return found


def agrees(printed: str, output: str, *, about: bool = False) -> bool:
    """Whether a command's ``output`` is what a page has printed.

    ``…`` stands for anything; with ``about``, every number for any number, of one thread or of
    several. Spaces at the ends of lines, and empty lines at the end, do not count.
    """
    plain = "\n".join(line.rstrip() for line in output.splitlines()).rstrip()
    pattern = re.escape(printed.rstrip()).replace("…", ".*")
    if about:
        pattern = re.sub(r"\d(?:[\d,]|\\\.)*(?:e(?:\\-|\+)?\d+)?%?", r"[\\d,.e%+-]+", pattern)
        pattern = pattern.replace("threads", "threads?")
    return re.fullmatch(pattern, plain, re.DOTALL) is not None
