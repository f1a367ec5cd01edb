"""Files: what a spec defines, and what it brings in with ``use``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from errno import ENOENT
from importlib.resources import files
from pathlib import Path, PurePosixPath

from archlang.diagnostic import Diagnostic, Note
from archlang.elaborate.elaborator import define
from archlang.elaborate.expressions import Evaluator
from archlang.elaborate.problem import Problem, Stop, fail
from archlang.elaborate.scope import Env
from archlang.elaborate.values import BlockDef
from archlang.op import nearest
from archlang.source import Source, Span
from archlang.syntax import ast
from archlang.syntax.parser import MAX_TEXT, parse

MAX_BYTES = 4 * MAX_TEXT


@dataclass(slots=True)
class Module:
    """A spec's definitions: values and blocks in ``env``, and its models by name."""

    env: Env
    models: dict[str, ast.Model | ast.Alias] = field(default_factory=dict)
    taken: dict[str, Span] = field(default_factory=dict)
    """Where each name of the file comes from: its definition, or the ``use`` that brought it."""
    gives: list[str] = field(default_factory=list)
    """The blocks and functions that it defines itself: what ``use`` brings in."""


def read_source(path: Path, name: str | None = None) -> Source:
    """The text of a file; raises ``OSError``, or ``ArchError`` where it is not text."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    return decode(data, name or str(path))


def decode(data: bytes, name: str) -> Source:
    """Bytes to a source. Bytes that are not UTF-8 become NUL, which the parser refuses."""
    try:
        text = data[: MAX_BYTES + 1].decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    return Source(name, text.replace("\r\n", "\n"))


class Loader:
    """Reads a spec and the files it uses, each once; from ``texts``, by key, if they are given."""

    def __init__(self, evaluator: Evaluator, texts: Mapping[str, str] | None = None) -> None:
        self.evaluator, self.texts = evaluator, texts
        self.loaded: dict[str, Module] = {}
        self.open: list[str] = []
        self.diagnostics: list[Diagnostic] = []

    def load(self, source: Source, key: str) -> Module:
        """The definitions of a spec; findings are collected in ``diagnostics``."""
        file = parse(source)
        module = Module(Env(file))
        self.open.append(key)
        for item in file.items:
            try:
                self.item(item, module, key)
            except Stop:
                raise
            except Problem as problem:
                if problem.diagnostic not in self.diagnostics:
                    self.diagnostics.append(problem.diagnostic)
        self.open.pop()
        self.loaded[key] = module
        return module

    def item(self, item: ast.Item, module: Module, key: str) -> None:
        env = module.env
        span = env.span(item)
        match item:
            case ast.UseFile():
                self.use(item, module, key)
                return
            case ast.Let():
                self.claim(item.name, module, span)
                define(item, env, self.evaluator)
                if item.params is not None:
                    module.gives.append(item.name)
            case ast.Block():
                self.claim(item.name, module, span)
                env.blocks[item.name] = BlockDef(item, env)
                module.gives.append(item.name)
            case ast.Model() | ast.Alias():
                if item.name in module.models:
                    first = Note(env.span(module.models[item.name]), "the first is here")
                    fail("A106", f"two models are named `{item.name}`", span, related=[first])
                module.models[item.name] = item

    def claim(self, name: str, module: Module, span: Span) -> None:
        """Take a name for a value or block of the file."""
        if name in module.taken:
            first = Note(module.taken[name], "the first is here")
            fail("A106", f"`{name}` is defined twice", span, related=[first])
        module.taken[name] = span

    def use(self, item: ast.UseFile, module: Module, key: str) -> None:
        """Bring in the blocks and functions that another file defines."""
        span = module.env.span(item)
        found, name = self.find(item.path, key, span)
        if found in self.open:
            chain = " → ".join([*self.open[self.open.index(found) :], found])
            fail("A107", f"files use each other: {chain}", span)
        used = self.loaded.get(found)
        if used is None:
            try:
                source = self.read(found, name)
            except OSError as error:
                reason = error.strerror or "it cannot be read"
                fail("A107", f"cannot use `{item.path}`: {reason.lower()}", span)
            used = self.load(source, found)
        for used_name in used.gives:
            self.claim(used_name, module, span)
            if used_name in used.env.values:
                module.env.values[used_name] = used.env.values[used_name]
            else:
                module.env.blocks[used_name] = used.env.blocks[used_name]

    def find(self, path: str, key: str, span: Span) -> tuple[str, str]:
        """Which file ``use`` means: its key, and the name to show it by."""
        parts = PurePosixPath(path if path.endswith(".arch") else f"{path}.arch")
        if parts.parts[:1] == ("std",):
            known = standard_library()
            name = parts.stem
            if len(parts.parts) != 2 or name not in known:
                guess = nearest(name, known)
                fail(
                    "A107",
                    f"the standard library has no `{path}`",
                    span,
                    notes=[f"it has {', '.join(f'`std/{n}`' for n in known)}"],
                    help=f'did you mean `use "std/{guess}"`?' if guess else "",
                )
            return f"std/{name}", f"std/{name}.arch"
        if parts.is_absolute():
            fail("A107", f"`{path}` is not next to this file: a path here is relative", span)
        folder = Path(key).parent if not key.startswith(("<", "std/")) else Path()
        target = folder / parts
        return str(target.resolve()), str(target)

    def read(self, key: str, name: str) -> Source:
        if self.texts is not None:
            if key not in self.texts:
                raise FileNotFoundError(ENOENT, "it is not among the texts kept", key)
            return Source(name, self.texts[key])
        if key.startswith("std/"):
            return library_source(key.removeprefix("std/"))
        return read_source(Path(key), name)


def standard_library() -> list[str]:
    """The names of the standard library's files."""
    return sorted(
        f.name.removesuffix(".arch")
        for f in files("archlang.std").iterdir()
        if f.name.endswith(".arch")
    )


def library_source(name: str) -> Source:
    """The text of a file of the standard library."""
    file = f"{name}.arch"
    return Source(f"std/{file}", files("archlang.std").joinpath(file).read_text("utf-8"))
