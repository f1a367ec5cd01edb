"""The pages of layers and blocks: what they say, and that every example on them runs."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

import pytest

import archlang
from archlang.arguments import Whole
from archlang.op import Op
from archlang.reference import (
    GLOSSARY,
    Example,
    Page,
    block_groups,
    example_network,
    figures,
    find,
    layer_groups,
    layer_page,
    names,
    signature,
)
from archlang.source import Source
from archlang.syntax.parser import parse
from tests.docs.tables import DOCS

LAYERS = [page for group in layer_groups() for page in group.pages]
BLOCKS = [page for group in block_groups() for page in group.pages]
EXAMPLES = [(page, example) for page in (*LAYERS, *BLOCKS) for example in page.examples]
OF_LAYERS = [
    # what merges become has their branches for variables
    (page, example)
    for page, example in EXAMPLES
    if page.kind == "layer" and "{" not in example.spec
]
ROW = re.compile(r"^\| `((?:[^`])+)` \| (\[[\d, ]+\]) -> (\[[\d, ]+\]) \|", re.MULTILINE)


def sizes(shape: str) -> tuple[int, ...]:
    return tuple(int(size) for size in shape.strip("[]").split(", "))


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


@pytest.mark.parametrize(("page", "example"), EXAMPLES, ids=lambda v: getattr(v, "name", str(v)))
def test_example_runs(page: Page, example: Example, torch: Any) -> None:
    network = example_network(page, example)
    assert network.outputs == {"output": sizes(example.gives)}
    module = network.to_torch().eval()
    with torch.no_grad():
        result = module(torch.zeros(2, *sizes(example.takes)))
    assert tuple(result.shape) == (2, *sizes(example.gives))
    shown = figures(page, example)
    assert shown.params == sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("page", "example"), OF_LAYERS, ids=lambda v: getattr(v, "name", str(v)))
def test_the_module_shown_is_what_runs(page: Page, example: Example, torch: Any) -> None:
    from tests.ops.pytorch import NN

    module, _, call = figures(page, example).module.partition(" as ")
    x0 = torch.zeros(2, *sizes(example.takes))
    known = {**vars(NN), "torch": torch, "x0": x0}
    made = eval(module, known)
    if call:
        made = eval(call, {**known, "module": made})
    result = made.eval()(x0) if isinstance(made, torch.nn.Module) else made
    assert tuple(result.shape) == (2, *sizes(example.gives))


def test_the_pages_show_every_example_and_no_other() -> None:
    written = "".join((DOCS / f"{name}.md").read_text("utf-8") for name in ("layers", "blocks"))
    shown = [(m[1].replace("\\|", "|"), m[2], m[3]) for m in ROW.finditer(written)]
    assert shown == [tuple(example) for _, example in EXAMPLES]


def test_everything_has_a_page() -> None:
    assert {p.name for p in LAYERS} == set(Op.registry)
    assert all(p.examples and p.shape and p.summary for p in LAYERS)
    assert all(p.summary and p.source for p in BLOCKS)
    assert not [p.name for p in BLOCKS if p.kind == "block" and not p.examples]
    assert names() == [p.name for p in (*LAYERS, *BLOCKS)]


def unexplained(page: Page) -> list[str]:
    """The parameters of which nothing says what they take, or what they mean."""
    said = " ".join((page.summary, *page.notes, page.shape))
    return [
        s.name
        for s in page.settings
        if not (s.takes and (s.meaning or re.search(rf"\b{s.name.strip('…')}\b", said)))
    ]


@pytest.mark.parametrize("page", LAYERS, ids=lambda p: p.name)
def test_every_parameter_is_explained(page: Page) -> None:
    assert not unexplained(page), "name it in the layer's documentation, or in the glossary"


@pytest.mark.parametrize(
    ("kind", "doc", "unsaid"),
    [
        (int, "The slope and tilt.", ["tilt"]),
        (Whole, "The slope.", ["tilt"]),
        (Whole, "The slope and tilt.", []),
    ],
)
def test_a_parameter_that_nothing_explains_is_found(
    monkeypatch: pytest.MonkeyPatch, kind: Any, doc: str, unsaid: list[str]
) -> None:
    monkeypatch.setattr(Op, "registry", dict(Op.registry))
    body = {"__doc__": doc, "__annotations__": {"tilt": kind}, "tilt": 1}
    layer = type(Op)("Leaning", (Op.registry["leaky_relu"],), body, name="leaning")
    page = layer_page(layer)
    assert unexplained(page) == unsaid


def test_the_glossary_has_no_word_that_no_layer_takes() -> None:
    assert set(GLOSSARY) <= {s.name for page in LAYERS for s in page.settings}


def test_a_page_in_full() -> None:
    (page,) = find("conv")
    assert page.signature.startswith("conv(kernel, channels, stride=1, pad=same, dilation=1, ")
    assert page.summary.startswith("Slide `channels` learned filters")
    assert page.shape.startswith("[C, *S] -> [channels, *floor(")
    assert page.paper.startswith("LeCun et al. 1989")
    assert page.examples == (Example("conv(3x3, 64, stride=2)", "[3, 32, 32]", "[64, 16, 16]"),)
    # 64 filters of 3*3*3 and a bias each, at 16*16 places
    assert figures(page, page.examples[0]) == (
        "Conv2d(3, 64, 3, stride=2, padding=1)",
        64 * 27 + 64,
        64 * 27 * 16 * 16,
    )
    modes = next(s for s in page.settings if s.name == "pad_mode")
    assert (modes.default, modes.takes) == (
        "zeros",
        "`zeros`, `reflect`, `replicate` or `circular`",
    )


def test_a_block_in_full() -> None:
    (page,) = find("basic_block")
    assert (page.kind, page.home) == ("block", "std/resnet")
    assert page.signature.startswith("basic_block(w, stride=1")
    assert page.shape == "[C, H, W] -> [w, ceil(H/stride), ceil(W/stride)]"
    assert page.source.startswith("block basic_block(w, stride = 1")
    assert parse(Source("the definition", page.source)).items


def test_signatures() -> None:
    assert signature(Op.registry["maxpool"]) == (
        "maxpool(kernel, stride=…, pad=0, dilation=1, ceil=false)"
    )
    assert signature(Op.registry["permute"]) == "permute(axes…)"
    assert signature(Op.registry["tanh"]) == "tanh"


def test_an_example_that_is_wrong_fails() -> None:
    page = layer_page(Op.registry["linear"])
    with pytest.raises(archlang.ArchError):
        example_network(page, Example("linear(10)", "[400]", "[11]"))


def test_names_are_listed_once_in_a_file() -> None:
    for group in chain(layer_groups(), block_groups()):
        listed = [page.name for page in group.pages]
        assert len(set(listed)) == len(listed)
