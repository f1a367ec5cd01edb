"""A spec with one word of it changed, as a slip of the hand would, and what is said of it."""

from __future__ import annotations

import random
import re
import signal
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from archlang.analyses.proofs import prove
from archlang.analyses.requirements import check_requirements
from archlang.cli.check import Checked, check_program
from archlang.collector import paused
from archlang.diagnostic import Diagnostic
from archlang.elaborate import Program
from archlang.source import Source, edited
from archlang.syntax import ast
from archlang.syntax.parser import parse

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.arch"))
KINDS = ("delete", "duplicate", "swap", "typo", "number")
SECONDS = 20.0
"""Of processor time, after which a check is taken to hang: the largest networks take some."""
SHORT = 4
"""A typo in a name of fewer letters makes another name, and no one can tell which was meant."""
SHAPES = frozenset({"A201", "A202", "A203", "A204", "A205", "A206", "A207", "A208", "A209", "A211"})
_TOKEN = re.compile(
    r"(?P<skip>\s+|#[^\n]*)|(?P<string>\"[^\"\n]*\")|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<number>\d+(?:x\d+)+|\d+\.\d*|\.\d+|\d+)|(?P<mark>->|\.\.\.|\*\*|//|[=!<>]=|.)"
)
_WORDS = frozenset(
    ["if", "else", "in", "and", "or", "not", "for", "shared", "aux", "input", "output", "require",
     "let", "block", "model", "use", "true", "false", "x", "archlang"]
)  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """One slip: the text before and after it, what was changed, and the lines it is on."""

    spec: Path
    kind: str
    text: str
    start: int
    was: str
    now: str

    @property
    def lines(self) -> tuple[int, int]:
        first = self.text.count("\n", 0, self.start) + 1
        return first, first + max(self.was.count("\n"), self.now.count("\n"))

    def __str__(self) -> str:
        return f"{self.spec.name}:{self.lines[0]}: {self.kind} {self.was!r} -> {self.now!r}"


def mutated(spec: Path, r: random.Random) -> Mutation:
    """A random slip in a spec."""
    text = spec.read_text(encoding="utf-8")
    found = [m for m in _TOKEN.finditer(text) if m.lastgroup != "skip"]
    fitting = {
        "typo": [i for i, m in enumerate(found[:-1]) if m.lastgroup == "name"],
        "number": [i for i, m in enumerate(found[:-1]) if m.lastgroup == "number"],
    }
    while True:
        kind = r.choice(KINDS)
        at = r.choice(fitting.get(kind, range(len(found) - 1)))
        made = _made(kind, text, found[at], found[at + 1], r)
        if made is not None and made[0] != made[1]:
            was, now = made
            start = found[at].start()
            after = text[:start] + now + text[start + len(was) :]
            return Mutation(spec, kind, after, start, was, now)


def _made(
    kind: str, text: str, one: re.Match[str], two: re.Match[str], r: random.Random
) -> tuple[str, str] | None:
    word = one.group()
    match kind:
        case "delete":
            return word, ""
        case "duplicate":
            return word, f"{word} {word}"
        case "swap":
            between = text[one.end() : two.start()]
            if "#" in between:
                return None
            return word + between + two.group(), two.group() + between + word
        case "typo" if one.lastgroup == "name" and word not in _WORDS:
            return word, _typo(word, r)
        case "number" if one.lastgroup == "number":
            number = r.choice(re.findall(r"\d+", word))
            new = str(max(0, int(number) + r.choice((-1, 1))))
            return word, word.replace(number, new, 1)
    return None


def _typo(name: str, r: random.Random) -> str:
    at = r.randrange(len(name))
    letters = "abcdefghijklmnopqrstuvwxyz"
    match r.randrange(4):
        case 0 if len(name) > 1:
            made = name[:at] + name[at + 1 :]
        case 1:
            made = name[:at] + name[at] + name[at:]
        case 2 if at + 1 < len(name):
            made = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
        case _:
            made = name[:at] + r.choice(letters) + name[at + 1 :]
    return made if re.match(r"[A-Za-z_]", made) else f"a{made}"


@cache
def _uses(spec: Path) -> tuple[list[tuple[int, int, str]], dict[str, set[str]], set[str]]:
    """The items of a spec with their places, what each uses by name, itself too, and the models."""
    text = spec.read_text(encoding="utf-8")
    file = parse(Source(str(spec), text))
    named = [i for i in file.items if not isinstance(i, ast.UseFile)]
    known = {i.name for i in named}
    words = {i.name: set(re.findall(r"[A-Za-z_]\w*", text[i.start : i.end])) & known for i in named}
    uses = {name: {name} for name in known}
    while True:
        wider = {n: set().union(*(words[m] | {m} for m in of)) for n, of in uses.items()}
        if wider == uses:
            break
        uses = wider
    models = {i.name for i in named if isinstance(i, (ast.Model, ast.Alias))}
    return [(i.start, i.end, i.name) for i in named], uses, models


def untouched(mutation: Mutation) -> set[str]:
    """The models that a mutation cannot have to do with: they use nothing of what it changed."""
    items, uses, models = _uses(mutation.spec)
    end = mutation.start + len(mutation.was)
    around = {name for a, b, name in items if a <= mutation.start and end <= b}
    if len(around) != 1:
        return set()
    return {name for name in models if not uses[name] & around}


@dataclass
class Outcome:
    """What came of a mutation."""

    mutation: Mutation
    found: list[Diagnostic] = field(default_factory=list)
    checked: Checked | None = None
    seconds: float = 0.0
    failure: str = ""
    applied: list[bool] = field(default_factory=list)
    """Whether each fix that is offered holds: see ``try_fixes``."""
    unsound: list[str] = field(default_factory=list)
    """The fixes that do not."""

    @property
    def right(self) -> bool:
        """Whether the spec still checks."""
        return not self.failure and not any(d.severity == "error" for d in self.found)

    def distance(self, *, every: bool) -> int | None:
        """Lines from the mutation to the nearest primary span; with ``every``, to any span."""
        first, last = self.mutation.lines
        spans = [d.span for d in self.found]
        spans += [n.span for d in self.found for n in d.related] if every else []
        spans = [s for s in spans if s.source.name == str(self.mutation.spec)]
        return min((_apart(s.line, first, last) for s in spans), default=None)

    @property
    def suggested(self) -> bool | None:
        """Whether the right name was suggested; None where that is not the question."""
        m = self.mutation
        names = [d for d in self.found if d.code in ("A103", "A104")]
        if m.kind != "typo" or not names or len(m.was) < SHORT:
            return None
        said = " ".join(" ".join([d.help, *(f.text for f in d.fixes)]) for d in names)
        return f"`{m.was}`" in said or f"`{m.now}`" in said

    @property
    def fixed(self) -> bool | None:
        """Whether a fix was offered; None where no shape is broken."""
        broken = [d for d in self.found if d.code in SHAPES]
        return any(d.fixes for d in broken) if broken else None

    def restored(self, *, first: bool) -> bool:
        """Whether the first fix of a broken shape, or any, gives the text before the slip."""
        text = self.mutation.spec.read_text(encoding="utf-8")
        broken = [d for d in self.found if d.code in SHAPES]
        offered = [f for d in broken for f in (d.fixes[:1] if first else d.fixes)]
        return any(edited(self.source, f.edits).text == text for f in offered)

    @property
    def source(self) -> Source:
        """The text with the slip."""
        return Source(str(self.mutation.spec), self.mutation.text)


def try_fixes(one: Outcome) -> None:
    """Make each fix that is offered, and check again: its finding is gone, and none is new."""
    program = Program(one.source, one.source.name)
    left = untouched(one.mutation)
    known = {(d.code, d.message) for d in one.found}
    for finding in one.found:
        for fix in finding.fixes:
            made = program.edited(fix.edits)
            assert made is not None
            found = check_program(one.source.name, made, leave=left).found
            said = {(d.code, d.message) for d in found if d.severity == "error"}
            sound = said < known
            one.applied.append(sound)
            if not sound:
                one.unsound.append(fix.text)


def breaks_a_shape(mutation: Mutation) -> bool:
    """Whether a slip leaves a text that can be read, with a shape that is not as it should be."""
    source = Source(str(mutation.spec), mutation.text)
    program = Program(source, source.name)
    if program.diagnostics:
        return False
    leave = untouched(mutation)
    for name in program.complete:
        if name not in leave:
            graph, found = program.work_out(name)
            if graph.whole:
                found = [*found, *check_requirements(graph), *prove(graph)]
            if any(d.severity == "error" for d in found):
                return any(d.code in SHAPES for d in found)
    return False


def _apart(line: int, first: int, last: int) -> int:
    return max(first - line, line - last, 0)


def outcome(mutation: Mutation) -> Outcome:
    """Check a mutated spec, as ``archlang check`` does."""
    out = Outcome(mutation)
    started = time.process_time()
    try:
        with _no_longer_than(SECONDS), paused():
            source = Source(str(mutation.spec), mutation.text)
            program = Program(source, source.name)
            checked = check_program(source.name, program, leave=untouched(mutation))
        out.checked, out.found = checked, checked.found
        for diagnostic in checked.found:
            diagnostic.render()
    except Exception as error:
        out.failure = f"{type(error).__name__}: {error}"
    out.seconds = time.process_time() - started
    return out


@contextmanager
def _no_longer_than(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: types.FrameType | None) -> None:
        raise TimeoutError(f"no answer after {seconds} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def runs(checked: Checked, r: random.Random) -> str:
    """What PyTorch says against one of the models, without data; nothing where it runs."""
    import torch

    from archlang.backends.torch import build

    if not checked.models:
        return ""
    graph = r.choice(checked.models)
    module = build(graph, "meta").eval()
    shapes = [n.output.shape for n in graph.inputs.values()]
    inputs = [torch.empty((2, *map(int, s)), device="meta") for s in shapes]
    try:
        with torch.no_grad():
            got = module(*inputs)
    except Exception as error:
        return f"{graph.name}: {type(error).__name__}: {error}"
    got = got if isinstance(got, dict) else dict.fromkeys(graph.outputs, got)
    for name, node in graph.outputs.items():
        if tuple(got[name].shape[1:]) != tuple(map(int, node.output.shape)):
            return f"{graph.name}: {name} is {tuple(got[name].shape[1:])}"
    return ""
