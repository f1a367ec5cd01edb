"""Layers, and the blocks of the standard library, as pages: made from their documentation."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from inspect import cleandoc
from itertools import takewhile
from typing import Literal, NamedTuple, get_args, get_origin

from archlang import ops
from archlang.elaborate.files import library_source, standard_library
from archlang.network import Network, loads
from archlang.op import Op, Parameter, format_value, module_text
from archlang.syntax import ast
from archlang.syntax.parser import parse
from archlang.syntax.printer import print_expression

EXAMPLE = re.compile(r"(\S.*) : (\[[\d, ]+\]) -> (\[[\d, ]+\])")
_PAPER = re.compile(r"[A-Z]\D+ \d{4}, \S")
_LABEL = re.compile(r"\n(?=[A-Z][\w-]+: )")
_SENTENCE = re.compile(r"(?<=\.)\s+(?=[A-Z`])")
_SHORT = 90

GLOSSARY = {
    "kernel": "the window that slides, one size for each axis",
    "channels": "how many come out",
    "features": "how many come out along the axis",
    "stride": "steps from one place of the window to the next",
    "pad": "what is added on both sides of each axis",
    "pad_mode": "what the padding holds",
    "output_pad": "positions added at the end of each axis",
    "dilation": "steps between two values that the kernel takes",
    "groups": "parts that the channels fall into",
    "bias": "whether a learned offset is added",
    "axis": "the axis it works along, the batch not counted",
    "mean": "what is subtracted",
    "std": "what the rest is divided by",
    "eps": "a small number that keeps a divisor from 0",
    "momentum": "the share of a new batch in the running statistics",
    "affine": "whether what it learns is applied",
    "ceil": "whether sizes are rounded up, so that the last window may overhang",
    "inplace": "whether it may write over its input",
}
"""Parameters that mean the same in every layer; what others mean is in the layer's own text."""


class Setting(NamedTuple):
    """A parameter of a layer or block. ``default`` is empty where it must be given.

    ``takes`` says which values; a block's parameter takes any. The name ends with ``…`` where
    it takes all that are given by position.
    """

    name: str
    default: str
    takes: str = ""
    meaning: str = ""

    def __str__(self) -> str:
        return f"{self.name}={self.default}" if self.default else self.name


class Example(NamedTuple):
    """A use, the shape that arrives and the shape that comes out, as they are written."""

    spec: str
    takes: str
    gives: str

    def __str__(self) -> str:
        return f"{self.spec} : {self.takes} -> {self.gives}"


class Page(NamedTuple):
    """What there is to say about a layer, or a block or function of the standard library.

    ``home`` is where it lives: a family of layers (``conv``), or a file (``std/resnet``).
    ``source`` is the text of a definition in the language.
    """

    name: str
    kind: Literal["layer", "block", "function"]
    home: str
    signature: str
    summary: str
    shape: str = ""
    notes: tuple[str, ...] = ()
    paper: str = ""
    settings: tuple[Setting, ...] = ()
    examples: tuple[Example, ...] = ()
    source: str = ""


class Group(NamedTuple):
    """The pages of one family of layers, or of one file of the standard library."""

    home: str
    title: str
    about: str
    pages: tuple[Page, ...]


class Figures(NamedTuple):
    """What an example becomes: its PyTorch module (a layer's alone), parameters and MACs."""

    module: str
    params: int
    macs: int


def layer_groups() -> list[Group]:
    """The layers, family by family."""
    families: dict[str, list[type[Op]]] = {}
    for op in Op.registry.values():
        if op.__module__.startswith(f"{ops.__name__}."):
            families.setdefault(op.__module__, []).append(op)
    found = []
    for module, members in families.items():
        about = (sys.modules[module].__doc__ or "").strip().partition("\n")[0].rstrip(".")
        title, _, rest = about.partition(": ")
        home = module.rpartition(".")[2]
        found.append(Group(home, title, _sentence(rest), tuple(map(layer_page, members))))
    return found


def block_groups(files: list[str] | None = None) -> list[Group]:
    """The blocks and functions of the standard library, file by file; of ``files`` alone."""
    found = []
    for name in standard_library() if files is None else files:
        source = library_source(name)
        file = parse(source)
        pages = tuple(_definitions(file, f"std/{name}"))
        found.append(Group(f"std/{name}", f"std/{name}", _header(source.text), pages))
    return found


def find(name: str) -> list[Page]:
    """The pages of all that bear a name: a layer, then what files of the library define."""
    pages = [layer_page(Op.registry[name])] if name in Op.registry else []
    defines = re.compile(rf"^\s*(block|let)\s+{re.escape(name)}\b", re.MULTILINE)
    files = [n for n in standard_library() if defines.search(library_source(n).text)]
    return [*pages, *(p for g in block_groups(files) for p in g.pages if p.name == name)]


def names() -> list[str]:
    """Everything that has a page."""
    return [p.name for g in (*layer_groups(), *block_groups()) for p in g.pages]


def layer_page(op: type[Op]) -> Page:
    """The page of a layer."""
    texts = _Texts.of(cleandoc(op.__doc__ or ""))
    said = (*texts.notes, texts.shape)
    return Page(
        op.name,
        "layer",
        op.__module__.rpartition(".")[2],
        signature(op),
        (op.__doc__ or "").strip().partition("\n")[0],
        texts.shape,
        texts.notes,
        texts.paper,
        tuple(_setting(op, p, said) for p in op.parameters()),
        texts.examples,
    )


def signature(op: type[Op]) -> str:
    """A layer as it is written, with its parameters and their defaults."""
    return _signature(op.name, [_setting(op, p) for p in op.parameters()])


def figures(page: Page, example: Example) -> Figures:
    """What an example becomes; raises ``ArchError`` where it is not what it says."""
    network = example_network(page, example)
    node = network.graph.outputs["output"]
    totals = network.totals
    if page.kind != "layer":
        return Figures("", totals.params, totals.macs)
    module, _, call = module_text(node.op, node.tensors).partition(" as ")
    if module == "None":
        module = call
    elif call != "module(x0)":
        module = f"{module} as {call}"
    return Figures(module, totals.params, totals.macs)


def example_network(page: Page, example: Example) -> Network:
    """An example as a whole network; raises ``ArchError`` where it is not what it says."""
    use = "" if page.kind == "layer" else f'use "{page.home}"\n'
    body = f"input x: {example.takes}\n{example.spec} : {example.gives}"
    return loads(f"{use}model example {{\n{body}\n}}")


class _Texts(NamedTuple):
    """What a layer's documentation says after its first line."""

    shape: str
    notes: tuple[str, ...]
    paper: str
    examples: tuple[Example, ...]

    @classmethod
    def of(cls, doc: str) -> _Texts:
        shape, notes, papers, examples = "", [], [], []
        for paragraph in _LABEL.sub("\n\n", doc.partition("\n")[2]).split("\n\n"):
            text = " ".join(paragraph.split())
            if paragraph.startswith("    "):
                examples += [Example(*m.groups()) for m in EXAMPLE.finditer(paragraph)]
            elif text.startswith("Shape: "):
                shape = text.removeprefix("Shape: ")
            elif _PAPER.match(text):
                papers.append(text)
            elif text:
                notes.append(text)
        return cls(shape, tuple(notes), " ".join(papers), tuple(examples))


def _setting(op: type[Op], parameter: Parameter, texts: Sequence[str] = ()) -> Setting:
    field = op.model_fields[parameter.name]
    if get_origin(field.annotation) is Literal:
        *first, last = (f"`{word}`" for word in get_args(field.annotation))
        takes = f"{', '.join(first)} or {last}" if first else last
    else:
        takes = next((m for m in reversed(field.metadata) if isinstance(m, str)), "")
    if parameter.required or parameter.variadic:
        default = ""
    else:
        default = "…" if parameter.default is None else format_value(parameter.default)
    name = f"{parameter.name}…" if parameter.variadic else parameter.name
    return Setting(name, default, takes, _meaning(parameter.name, texts))


def _meaning(parameter: str, texts: Sequence[str]) -> str:
    """What a parameter means: as everywhere, or in the sentence that first quotes it.

    Empty where that is long, or the first line of the page, or a formula.
    """
    if parameter in GLOSSARY:
        return GLOSSARY[parameter]
    sentences = (s for text in texts for s in _SENTENCE.split(text) if f"`{parameter}`" in s)
    first = next(sentences, "").rstrip(".")
    return first if len(first) <= _SHORT else ""


def _signature(name: str, settings: Sequence[Setting]) -> str:
    return f"{name}({', '.join(map(str, settings))})" if settings else name


def _definitions(file: ast.File, home: str) -> Iterator[Page]:
    """The pages of what ``use`` brings in from a file."""
    for item in file.items:
        if isinstance(item, ast.Block):
            shape = file.span(item.signature).text.lstrip(": ") if item.signature else ""
            yield _definition(file, home, item, item.params, " ".join(shape.split()))
        elif isinstance(item, ast.Let) and item.params is not None:
            yield _definition(file, home, item, item.params, "")


def _definition(
    file: ast.File, home: str, item: ast.Block | ast.Let, params: list[ast.Param], shape: str
) -> Page:
    lines = file.doc(item).split("\n")
    found = [EXAMPLE.fullmatch(line) for line in lines]
    text = [line for line, example in zip(lines, found, strict=True) if not example]
    paragraphs = [" ".join(p.split()) for p in "\n".join(text).split("\n\n")]
    summary, *rest = _SENTENCE.split(paragraphs[0], maxsplit=1)
    settings = [Setting(p.name, print_expression(p.default) if p.default else "") for p in params]
    return Page(
        item.name,
        "block" if isinstance(item, ast.Block) else "function",
        home,
        _signature(item.name, settings),
        summary,
        shape,
        tuple(p for p in (*rest, *paragraphs[1:]) if p),
        settings=tuple(settings),
        examples=tuple(Example(*m.groups()) for m in found if m),
        source=file.span(item).text,
    )


def _header(text: str) -> str:
    """The first paragraph of the comment that a file begins with, but what leads to a table."""
    lines = [line.strip("# ") for line in text.partition("\n\n")[0].split("\n")]
    return re.sub(r"(?<=\.) [^.]*:$", "", " ".join(takewhile(bool, lines)))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""
