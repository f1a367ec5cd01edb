"""Module paths: labels, numbers, scopes."""

from __future__ import annotations

import pytest
import torch

import archlang
from tests.elaborate.checks import error, model, paths

BLOCK = "block b(c = 4) { conv(1x1, c); relu; last = conv(1x1, c) }"

PATHS = [
    # parts without a label are numbered, those without weights counted
    ("conv(1x1, 4); relu; conv(1x1, 4) -> bn", ["0", "2", "3"]),
    ("relu -> tanh -> conv(1x1, 4)", ["2"]),
    # a label on one layer or block names it
    ("first = conv(1x1, 4); relu; conv(1x1, 4)", ["first", "1"]),
    ("first = b; b", ["first.0", "first.last", "0.0", "0.last"]),
    # labelled parts take no number
    ("conv(1x1, 4); a = conv(1x1, 4); conv(1x1, 4)", ["0", "a", "1"]),
    # a label on a chain, on braces, on copies opens a scope
    ("a = conv(1x1, 4) -> relu -> conv(1x1, 4)", ["a.0", "a.2"]),
    ("a = { conv(1x1, 4) }", ["a.0"]),
    ("a = { c = conv(1x1, 4); bn }; conv(1x1, 4)", ["a.c", "a.0", "0"]),
    ("a = conv(1x1, 4) x 2", ["a.0", "a.1"]),
    ("a = b(4) x 2", ["a.0.0", "a.0.last", "a.1.0", "a.1.last"]),
    ("a = b -> b x 2", [f"a.{i}.{n}" for i in range(3) for n in ("0", "last")]),
    ("a = { conv(1x1, 4) -> bn } x 2", ["a.0", "a.1", "a.2", "a.3"]),
    ("a = { b = { c = { conv(1x1, 4) } } }", ["a.b.c.0"]),
    # a label on a merge opens a scope too
    ("a = add { conv(1x1, 4) | conv(1x1, 4) }", ["a.0", "a.1"]),
    ("a = residual { conv(1x1, 3) }", ["a.0"]),
    # braces, merges, if and for without a label open none: their parts number on
    ("{ conv(1x1, 4); bn }; conv(1x1, 4)", ["0", "1", "2"]),
    ("add { conv(1x1, 4) | relu -> conv(1x1, 4) }; conv(1x1, 4)", ["0", "2", "3"]),
    ("residual { conv(1x1, 3) -> residual { conv(1x1, 3) } }; bn", ["0", "1", "2"]),
    ("if true { conv(1x1, 4); conv(1x1, 4) }; conv(1x1, 4)", ["0", "1", "2"]),
    ("if false { conv(1x1, 4) }; conv(1x1, 4)", ["0"]),
    ("if false { relu } else { conv(1x1, 4) }; conv(1x1, 4)", ["0", "1"]),
    ("for i in range(2) { conv(1x1, 4); relu }; conv(1x1, 4)", ["0", "2", "4"]),
    ("dense { conv(1x1, 4) } x 3", ["0", "1", "2"]),
    ("{ conv(1x1, 4) -> relu } x 2 -> conv(1x1, 4)", ["0", "2", "4"]),
    ("{ relu } x 0 -> conv(1x1, 4)", ["0"]),
    # names inside merges
    ("add { a = conv(1x1, 4) | b = conv(1x1, 4) -> bn }", ["a", "b.0", "b.1"]),
    # numbered labels
    ("for i in range(2) { c[i] = conv(1x1, 4) }", ["c0", "c1"]),
    ("for i in range(2) { c[i + 1] = conv(1x1, 4) -> bn }", ["c1.0", "c1.1", "c2.0", "c2.1"]),
    ('for s, j in [[1, 0], [2, 1]] { block[s, "-", j] = conv(1x1, 4) }', ["block1-0", "block2-1"]),
    ('a["x"] = conv(1x1, 4)', ["ax"]),
    ("a = { for i in range(2) { l[i] = b } }", ["a.l0.0", "a.l0.last", "a.l1.0", "a.l1.last"]),
    # references to tensors are not parts
    ("a = conv(1x1, 4); h = a -> conv(1x1, 4)", ["a", "h"]),
    ("a = conv(1x1, 4); relu; h = a -> b", ["a", "h.0", "h.last"]),
    ("a = conv(1x1, 4); h = a -> relu -> conv(1x1, 4)", ["a", "h.1"]),
    ("a = image; conv(1x1, 4)", ["0"]),
    # any word but if and for may be a label
    ("bn = bn; bn", ["bn", "0"]),
    ("conv = conv(1x1, 4); conv(1x1, 4)", ["conv", "0"]),
    ("b = b; b", ["b.0", "b.last", "0.0", "0.last"]),
    ("add = conv(1x1, 3); add { bn | identity }", ["add", "0"]),
    ("input = bn; output = bn; shared = bn; let = bn; require = bn; aux = bn",
     ["input", "output", "shared", "let", "require", "aux"]),
    ("model = bn; block = bn; use = bn; x = bn; in = bn; true = bn; not = bn",
     ["model", "block", "use", "x", "in", "true", "not"]),
    # a learned tensor's key is its own path
    ("a = parameter([3, 8, 8])", ["a"]),
    ("add { identity | parameter([3, 8, 8]) }", ["1"]),
    ("s = { mul { identity | g = parameter([3, 1, 1]) } }", ["s"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), PATHS)
def test_paths(body: str, expected: list[str]) -> None:
    assert paths(model(body, before=BLOCK)) == expected


def test_a_learned_tensors_key_has_no_suffix() -> None:
    text = model("s = { mul { identity | g = parameter([3, 1, 1], batch=true) } }")
    state = archlang.loads(text).to_torch("meta").state_dict()
    assert {k: tuple(v.shape) for k, v in state.items()} == {"s.g": (1, 3, 1, 1)}


def test_layers_of_resnet_are_numbered_as_the_language_says() -> None:
    before = "block b(c, stride = 1) { conv(1x1, c, stride=stride, bias=false) }"
    text = model("layer2 = b(8, stride=2) -> b(8) x 3", before=before)
    assert paths(text) == [f"layer2.{i}.0" for i in range(4)]


def test_a_parameter_may_be_labelled_by_its_own_name() -> None:
    text = model("b(4)", before="block b(mlp) { mlp = conv(1x1, mlp); conv(1x1, mlp) }")
    assert paths(text) == ["0.mlp", "0.0"]


TAKEN = [
    ("a = bn; a = bn", "a"),
    ("a = { c = bn }; a = bn", "a"),
    ("a = bn; a = relu -> tanh", "a"),
    ("{ a = bn } x 2", "a"),
    ("for i in range(2) { a = bn }", "a"),
    ("add { a = bn | a = bn }", "a"),
    ("a = bn x 2; a = bn", "a"),
    ("shared a = bn; a = bn -> a", "a"),
    ("a1 = bn; a[1] = bn", "a1"),
    ('bn; a["0"] = bn; a0 = bn', "a0"),
    ("if true { a = bn }; a = bn", "a"),
    ("residual { a = residual { bn } }; a = bn", "a"),
]


@pytest.mark.parametrize(("body", "path"), TAKEN)
def test_two_parts_with_one_path(body: str, path: str) -> None:
    found = error(model(body))
    assert found.code == "A111"
    assert f"`{path}`" in found.message
    assert found.related


def test_one_label_in_two_scopes_is_fine() -> None:
    text = model("a = { c = bn }; b = { c = bn }; d = b1", before="block b1 { c = bn }")
    assert paths(text) == ["a.c", "b.c", "d.c"]


RESERVED = [
    "train", "training", "type", "forward", "eval", "parameters", "buffers", "modules",
    "children", "half", "float", "double", "cuda", "cpu", "to", "apply", "register_buffer",
    "state_dict", "load_state_dict", "zero_grad", "requires_grad_", "add_module",
    "named_parameters", "compile", "call_super_init", "dump_patches", "T_destination",
    "extra_repr",
]  # fmt: skip


@pytest.mark.parametrize("label", RESERVED)
def test_labels_that_pytorch_cannot_carry(label: str) -> None:
    found = error(model(f"{label} = bn"))
    assert found.code == "A111"
    assert label in found.message


@pytest.mark.parametrize("body", ["{} = bn", "s = {{ {} = bn; relu }}"])
def test_every_name_of_a_module_is_refused_or_works(body: str) -> None:
    """Each attribute of ``nn.Module`` as a label: refused, or the network builds and runs."""
    for label in [name for name in dir(torch.nn.Module()) if name.isidentifier()]:
        text = model(body.format(label))
        try:
            network = archlang.loads(text)
        except archlang.ArchError:
            assert error(text).code == "A111"
            continue
        module = network.to_torch().eval()
        assert module(torch.zeros(1, 3, 8, 8)).shape == (1, 3, 8, 8)
        assert [k for k in module.state_dict() if k.endswith(f"{label}.weight")]


@pytest.mark.parametrize("label", ["append", "extend", "insert", "pop", "keys", "items", "values"])
def test_names_of_containers_are_labels_like_others(label: str) -> None:
    network = archlang.loads(model(f"s = {{ {label} = bn; relu }}"))
    module = network.to_torch().eval()
    assert module(torch.zeros(1, 3, 8, 8)).shape == (1, 3, 8, 8)
    assert f"s.{label}.weight" in module.state_dict()


@pytest.mark.parametrize(
    "label", ["class", "lambda", "def", "self", "torch", "None", "x1", "print"]
)
def test_words_of_python_are_labels_like_others(label: str) -> None:
    body = f"{label} = bn; {label}2 = {{ {label} = bn -> relu; tanh }}"
    module = archlang.loads(model(f"{body} -> {label}")).to_torch().eval()
    assert module(torch.zeros(1, 3, 8, 8)).shape == (1, 3, 8, 8)
    assert f"{label}.weight" in module.state_dict()


@pytest.mark.parametrize("index", ['"."', "1.5", "true", "[1]", '"a.b"'])
def test_labels_that_are_no_name(index: str) -> None:
    assert error(model(f"a[{index}] = bn")).code in ("A105", "A111")
