"""Saved weights are fitted to networks by name, then by structure, and nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pytest
import torch
import torchvision
from torch import Tensor

import archlang
from archlang.backends.torch.weights import MapError, Match, match, merged, renames
from tests.syntax.sketches import SKETCHES

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def network() -> State:
    module = archlang.load(SKETCHES["resnet"], "resnet50").to_torch("meta")
    return dict(module.state_dict())


@pytest.fixture(scope="module")
def published() -> State:
    with torch.device("meta"):
        return dict(torchvision.models.resnet50().state_dict())


def state(**shapes: tuple[int, ...]) -> State:
    """Tensors by key, ``_`` standing for a dot, each filled with its place."""
    return {
        key.replace("_", "."): torch.full(shape, float(i))
        for i, (key, shape) in enumerate(shapes.items())
    }


def renamed(given: Mapping[str, Tensor], rename: Callable[[str], str]) -> State:
    return {rename(key): value for key, value in given.items()}


def other_names(key: str) -> str:
    """As another library might call the parts of a ResNet."""
    key = re.sub(r"^layer(\d)\.", lambda m: f"stages.{int(m[1]) - 1}.blocks.", key)
    key = key.replace("downsample.0", "shortcut.conv").replace("downsample.1", "shortcut.norm")
    key = re.sub(r"bn(\d)", r"norm\1", key).replace("conv1.", "stem_or_first.")
    return key.replace("fc.", "head.")


def right(found: Match, rename: Callable[[str], str] = str) -> bool:
    """Whether every key comes from the one that it was renamed to."""
    return all(source == rename(key) for key, source in found.sources.items())


def test_published_names(network: State, published: State) -> None:
    found = match(network, published)
    assert found.by_name == {key: key for key in network}
    assert (found.by_structure, found.missing, found.unused, found.prefix) == ({}, [], [], "")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "model."])
def test_prefixes_of_wrappers(network: State, published: State, prefix: str) -> None:
    found = match(network, renamed(published, lambda k: prefix + k))
    assert found.prefix == prefix
    assert len(found.by_name) == len(network)


def test_a_prefix_that_is_part_of_the_names_stays() -> None:
    mine = state(model_a_weight=(2, 3), model_b_weight=(4, 2))
    assert match(mine, mine).prefix == ""


def test_a_reordered_file(network: State, published: State) -> None:
    found = match(network, dict(reversed(published.items())))
    assert len(found.by_name) == len(network)
    assert right(found)


def test_renamed_in_order(network: State, published: State) -> None:
    found = match(network, renamed(published, other_names))
    assert found.complete
    assert found.unused == found.doubtful == []
    assert right(found, other_names)
    assert found.by_structure
    assert "fc" not in found.by_order
    assert "layer1.1.conv2" in found.by_order
    assert ("fc", "head") in found.modules


def test_renamed_and_sorted_by_name(network: State, published: State) -> None:
    """As safetensors keeps them: norms before convolutions, the head before the body."""
    given = renamed(published, lambda k: "net." + re.sub(r"layer(\d)", r"stage\1", k))
    found = match(network, dict(sorted(given.items())))
    assert found.complete
    assert right(found, lambda k: "net." + re.sub(r"layer(\d)", r"stage\1", k))


def test_another_number_of_classes(network: State, published: State) -> None:
    given = {**published, "fc.weight": torch.empty(10, 2048), "fc.bias": torch.empty(10)}
    found = match(network, given)
    assert found.missing == ["fc.weight", "fc.bias"]
    assert found.differing == [("fc.weight", "fc.weight"), ("fc.bias", "fc.bias")]
    assert not found.by_structure


def test_counters_that_a_file_lacks(network: State, published: State) -> None:
    given = {k: t for k, t in published.items() if not k.endswith("num_batches_tracked")}
    for rename in (str, other_names):
        found = match(network, renamed(given, rename))
        assert found.complete
        assert found.counters == [k for k in network if k not in given]
    filled = merged({"n.num_batches_tracked": torch.tensor(5)}, {}, Match(counters=[
        "n.num_batches_tracked"]))  # fmt: skip
    assert torch.equal(filled["n.num_batches_tracked"], torch.tensor(0))


def test_a_counter_alone_is_missing(network: State, published: State) -> None:
    given = {k: t for k, t in published.items() if not k.startswith("bn1.")}
    found = match(network, given)
    assert [k for k in found.missing if k.endswith("tracked")] == ["bn1.num_batches_tracked"]


def test_by_name_alone(network: State, published: State) -> None:
    found = match(network, renamed(published, other_names), structure=False)
    assert not found.by_structure
    assert len(found.missing) + len(found.by_name) + len(found.counters) == len(network)


def test_a_different_network(network: State) -> None:
    with torch.device("meta"):
        given = torchvision.models.vgg16_bn().state_dict()
    found = match(network, given)
    assert not found.complete
    assert all(network[a].shape == given[b].shape for a, b in found.sources.items())
    assert {*found.unused, *found.sources.values()} == set(given)


def test_parts_that_the_file_lacks_shift_nothing() -> None:
    mine = state(a_weight=(4, 4), b_weight=(5, 4), c_weight=(4, 5), d_weight=(4, 4))
    theirs = state(x_weight=(5, 4), y_weight=(4, 5), z_weight=(4, 4))
    found = match(mine, theirs)
    assert found.by_structure == {
        "b.weight": "x.weight", "c.weight": "y.weight", "d.weight": "z.weight",
    }  # fmt: skip
    assert (found.missing, found.doubtful, found.by_order) == (["a.weight"], [], ["d"])


def test_two_alignments_as_good_are_said_to_be_doubtful() -> None:
    mine = state(a_weight=(4, 4), b_weight=(4, 4))
    theirs = state(x_weight=(4, 4), y_weight=(4, 4), z_weight=(4, 4))
    found = match(mine, theirs)
    assert found.by_structure == {"a.weight": "x.weight", "b.weight": "y.weight"}
    assert found.by_order == found.doubtful == ["a", "b"]
    assert found.unused == ["z.weight"]


def test_names_that_agree_by_accident_are_said_to_be_doubtful() -> None:
    mine = state(**{"0_weight": (4, 4), "2_weight": (4, 4), "4_weight": (4, 4)})
    theirs = state(**{"0_weight": (4, 4), "1_weight": (4, 4), "2_weight": (4, 4)})
    found = match(mine, theirs)
    assert found.by_structure == {"4.weight": "1.weight"}
    assert found.doubtful == ["4"]


def test_what_has_no_equal_is_found_in_any_order() -> None:
    mine = state(a_weight=(2, 3), b_weight=(4, 2), c_weight=(5, 4), d_weight=(9,))
    theirs = state(z_weight=(5, 4), y_weight=(4, 2), x_weight=(2, 3))
    found = match(mine, theirs)
    assert found.by_structure == {
        "a.weight": "x.weight", "b.weight": "y.weight", "c.weight": "z.weight",
    }  # fmt: skip
    assert found.by_order == found.doubtful == []
    assert found.missing == ["d.weight"]


def test_roles_hold_shapes_apart() -> None:
    """A norm's scale is no shift, though both have one shape."""
    mine = state(n_weight=(4,), n_bias=(4,))
    found = match(mine, state(m_beta=(4,), m_gamma=(4,)))
    assert found.by_structure == {"n.weight": "m.gamma", "n.bias": "m.beta"}
    assert not match(mine, state(m_bias=(4,))).sources


def test_a_parameter_stands_alone() -> None:
    mine = {"encoder.pos": torch.ones(1, 5, 8), "class_token": torch.ones(1, 1, 8)}
    theirs = {"cls_token": torch.ones(1, 1, 8), "pos_embed": torch.ones(1, 5, 8)}
    found = match(mine, theirs)
    assert found.by_structure == {"encoder.pos": "pos_embed", "class_token": "cls_token"}


def test_whole_numbers_are_no_weights() -> None:
    mine = {"a.weight": torch.ones(2, 2)}
    found = match(mine, {"a.weight": torch.ones(2, 2, dtype=torch.int8)})
    assert found.differing == [("a.weight", "a.weight")]


def test_values_come_in_the_networks_precision() -> None:
    mine = {"a.weight": torch.zeros(2, 2), "b.weight": torch.ones(3)}
    given = {"a.weight": torch.full((2, 2), 0.5, dtype=torch.float16)}
    values = merged(mine, given, match(mine, given))
    assert torch.equal(values["a.weight"], torch.full((2, 2), 0.5))
    assert torch.equal(values["b.weight"], torch.ones(3))


def test_renames_are_shortened_by_what_stays() -> None:
    pairs = [("layer1.0.conv1", "blocks.0.0.conv1"), ("layer1.0.bn1", "blocks.0.0.bn1"),
             ("fc", "head"), ("a", "net.a")]  # fmt: skip
    assert renames(pairs) == [("layer1.*", "blocks.0.*"), ("fc", "head"), ("*", "net.*")]


def test_rules_rename_before_names_are_compared(network: State, published: State) -> None:
    given = renamed(published, lambda k: "module." + other_names(k))
    rules = {f"stages.{i}.blocks": f"layer{i + 1}" for i in range(4)} | {"head": "fc"}
    found = match(network, given, rules=rules, structure=False)
    assert found.by_name["layer3.1.conv2.weight"] == "module.stages.2.blocks.1.conv2.weight"
    assert found.by_name["fc.bias"] == "module.head.bias"
    assert found.prefix == "module."


def test_the_longest_rule_counts() -> None:
    mine = {"c.weight": torch.ones(1), "b.y.weight": torch.ones(1), "ab.weight": torch.ones(1)}
    theirs = {"a.x.weight": torch.ones(1), "a.y.weight": torch.ones(1), "ab.weight": torch.ones(1)}
    found = match(mine, theirs, rules={"a": "b", "a.x": "c"}, structure=False)
    assert found.by_name == {
        "c.weight": "a.x.weight", "b.y.weight": "a.y.weight", "ab.weight": "ab.weight",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "message"),
    [({"c": "a"}, "`c` is no key"), ({"b": "a"}, "two keys would become `a.weight`")],
)
def test_rules_that_do_not_fit(rules: dict[str, str], message: str) -> None:
    given = {"a.weight": torch.ones(1), "b.weight": torch.ones(1)}
    with pytest.raises(MapError, match=message):
        match(given, given, rules=rules)
