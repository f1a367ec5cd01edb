"""Files: what a spec defines, and what it brings in with ``use``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from errno import ENOENT
from functools import lru_cache
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import NoReturn

from archlang.diagnostic import Diagnostic, Note
from archlang.elaborate.binding import distinct_parameters
from archlang.elaborate.elaborator import define
from archlang.elaborate.expressions import Evaluator
from archlang.elaborate.findings import may_follow
from archlang.elaborate.problem import Problem, Stop, at_name, fail, renamed
from archlang.elaborate.scope import Env
from archlang.elaborate.values import BlockDef
from archlang.limits import Limits, current
from archlang.source import Source, Span, shown_path
from archlang.spelling import nearest
from archlang.syntax import ast
from archlang.syntax.node import ANY, HOLE
from archlang.syntax.parser import read


@dataclass(slots=True)
class Module:
    """A spec's definitions: values and blocks in ``env``, and its models by name."""

    env: Env
    models: dict[str, ast.Model | ast.Alias] = field(default_factory=dict)
    taken: dict[str, Span] = field(default_factory=dict)
    """Where each name of the file comes from: its definition, or the ``use`` that brought it."""
    gives: list[str] = field(default_factory=list)
    """The blocks and functions that it defines itself: what ``use`` brings in."""
    uses: list[str] = field(default_factory=list)
    """The keys of the files that it uses."""


def read_source(path: Path, name: str | None = None) -> Source:
    """The text of a file; raises ``OSError``, or ``ArchError`` where it is not text."""
    with path.open("rb") as file:
        data = file.read(_most_bytes() + 1)
    return decode(data, name or str(path))


def _most_bytes() -> int:
    """What the longest spec that is read can take: what is longer is not read whole."""
    return 4 * current().characters


def decode(data: bytes, name: str) -> Source:
    """Bytes to a source. Bytes that are not UTF-8 become lone surrogates, which are refused.

    A line ends with ``\\n``, ``\\r\\n`` or ``\\r``, which are all read as the first.
    """
    text = data[: _most_bytes() + 1].decode("utf-8-sig", "surrogateescape")
    return Source(name, text.replace("\r\n", "\n").replace("\r", "\n"))


class Loader:
    """Reads a spec and the files it uses, each once."""

    def __init__(
        self,
        evaluator: Evaluator,
        given: Mapping[str, Source] | None = None,
        closed: bool = False,
        trees: Mapping[Source, ast.File] | None = None,
        library: Mapping[str, Module] | None = None,
    ) -> None:
        self.evaluator = evaluator
        self.library = library or {}
        """Files of the standard library that were loaded already, by their keys."""
        self.trees = dict(trees or {})
        """Texts that were read already and have no errors, as trees."""
        self.given, self.closed = given or {}, closed
        """The texts of files that are not to be read, by their keys; if closed, no other is."""
        self.loaded: dict[str, Module] = {}
        self.asked: dict[str, None] = {}
        """The keys of all files that are used, those that cannot be read too."""
        self.open: list[str] = []
        self.diagnostics: list[Diagnostic] = []
        self.said: set[tuple[str, Span, str]] = set()
        self.damaged: set[str] = set()
        """The words of what cannot be read: what they name is not known."""

    def load(self, source: Source, key: str) -> Module:
        """The definitions of a spec; findings are collected in ``diagnostics``."""
        file, found = _kept(source, current()) if key.startswith("std/") else self.tree(source)
        self.diagnostics.extend(found)
        self.damaged |= file.damaged
        module = Module(Env(file))
        self.open.append(key)
        for item in file.items:
            try:
                self.item(item, module, key)
            except Stop:
                raise
            except Problem as problem:
                if isinstance(item, ast.UseFile):
                    self.damaged.add(ANY)
                elif isinstance(item, ast.Block) and item.name not in module.env.blocks:
                    self.damaged.add(item.name)
                one = problem.diagnostic
                said = one.code, one.span, one.message
                if said not in self.said and not may_follow(one, self.damaged):
                    self.said.add(said)
                    self.diagnostics.append(one)
        self.open.pop()
        self.loaded[key] = module
        return module

    def tree(self, source: Source) -> tuple[ast.File, list[Diagnostic]]:
        """A text as a tree, and its syntax errors."""
        if source in self.trees:
            return self.trees[source], []
        file, found = read(source)
        if not found:
            self.trees[source] = file
        return file, found

    def item(self, item: ast.Item, module: Module, key: str) -> None:
        if isinstance(item, ast.Block) and item.name == HOLE:
            return  # of its body it is only known that it can be read
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
                distinct_parameters(item, env)
                self.claim(item.name, module, span)
                env.blocks[item.name] = BlockDef(item, env)
                module.gives.append(item.name)
            case ast.Model() | ast.Alias():
                if item.name in module.models:
                    head = env.span(module.models[item.name])
                    first = Note(at_name(head, item.name), "the first is here")
                    here = at_name(span, item.name)
                    fail("A106", f"two models are named `{item.name}`", here, related=[first])
                if isinstance(item, ast.Model):
                    distinct_parameters(item, env)
                each = f"{HOLE}{item.start}" if item.name == HOLE else item.name
                module.models[each] = item

    def claim(self, name: str, module: Module, span: Span) -> None:
        """Take a name for a value or block of the file."""
        if name in module.taken:
            first = Note(at_name(module.taken[name], name), "the first is here")
            fail("A106", f"`{name}` is defined twice", at_name(span, name), related=[first])
        module.taken[name] = span

    def use(self, item: ast.UseFile, module: Module, key: str) -> None:
        """Bring in the blocks and functions that another file defines."""
        whole = module.env.span(item)
        span = whole._replace(start=whole.start + whole.text.index('"'))
        found, name = self.find(item.path, key, span)
        self.asked[found] = None
        if found in self.open:
            chain = [shown_path(k) for k in (*self.open[self.open.index(found) :], found)]
            each = f"files use each other: {' → '.join(chain)}"
            fail("A107", each if len(chain) > 2 else f"{chain[0]} uses itself", span)
        used = self.loaded.get(found) or self.known(found)
        if used is None:
            try:
                source = self.read(found, name)
            except OSError as error:
                _unreadable(item.path, Path(found), error, span)
            used = self.load(source, found)
        module.uses.append(found)
        for used_name in used.gives:
            self.claim(used_name, module, whole)
            if used_name in used.env.values:
                module.env.values[used_name] = used.env.values[used_name]
            else:
                module.env.blocks[used_name] = used.env.blocks[used_name]

    def known(self, key: str) -> Module | None:
        """A file of the library that was loaded already, with those that it uses."""
        used = self.library.get(key)
        if used is not None:
            for inner in used.uses:
                self.asked[inner] = None
                if inner not in self.loaded:
                    self.known(inner)
            self.loaded[key] = used
        return used

    def find(self, path: str, key: str, span: Span) -> tuple[str, str]:
        """Which file ``use`` means: its key, and the name to show it by."""
        parts = PurePosixPath(path if path.endswith(".arch") else f"{path}.arch")
        if parts.parts[:1] == ("std",):
            known = standard_library()
            name = parts.stem
            if len(parts.parts) != 2 or name not in known:
                meant = [f"std/{n}" for n in known]
                guess = nearest(name, known)
                fail(
                    "A107",
                    f"the standard library has no `{path}`",
                    span,
                    notes=[f"it has {', '.join(f'`{n}`' for n in meant)}"],
                    help=f'did you mean `use "std/{guess}"`?' if guess else "",
                    fixes=renamed(path, guess and f"std/{guess}", meant, span),
                )
            return f"std/{name}", f"std/{name}.arch"
        if parts.is_absolute():
            fail("A107", f"`{path}` is not next to this file: a path here is relative", span)
        folder = Path(key).parent if not key.startswith(("<", "std/")) else Path()
        target = folder / parts
        return str(target.resolve()), shown_path(str(target))

    def read(self, key: str, name: str) -> Source:
        if key in self.given:
            return self.given[key]
        if self.closed:
            raise FileNotFoundError(ENOENT, "it is not among the texts kept", key)
        if key.startswith("std/"):
            return library_source(key.removeprefix("std/"))
        return read_source(Path(key), name)


@lru_cache(maxsize=64)
def _kept(source: Source, limits: Limits) -> tuple[ast.File, list[Diagnostic]]:
    """A file of the standard library, read once: each edit of a spec uses the same again."""
    return read(source)


def _unreadable(path: str, file: Path, error: OSError, span: Span) -> NoReturn:
    """Raise for a file that cannot be had, with the nearest one beside it."""
    reason = (error.strerror or "it cannot be read").lower()
    meant: list[str] = []
    if isinstance(error, FileNotFoundError):
        reason = "there is no such file"
        beside = (p.stem for p in file.parent.glob("*.arch")) if file.parent.is_dir() else ()
        meant = sorted(str(PurePosixPath(path).parent / name) for name in beside)
    guess = nearest(path.removesuffix(".arch"), meant)
    fail(
        "A107",
        f"cannot use `{path}`: {reason}",
        span,
        help=f'did you mean `use "{guess}"`?' if guess else "",
        fixes=renamed(path, guess, meant, span),
    )


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
