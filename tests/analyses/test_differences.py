"""What two networks differ in: cases worked out by hand."""

from collections import Counter
from pathlib import Path

import pytest

import archlang
from archlang.analyses.differences import Differences, scopes

SPECS = Path(__file__).parents[2] / "specs"
RESNET = str(SPECS / "resnet.arch")
MODEL = "model m {\n input image: [3, 8, 8]\n %s\n}\n"


def between(a, b):
    """The differences of two networks, or of two bodies."""
    graphs = [(archlang.loads(MODEL % x) if isinstance(x, str) else x).graph for x in (a, b)]
    return Differences(*graphs)


def kinds(found):
    return Counter(c.kind for c in found.changes)


def said(found, kind):
    """The layers of a kind, as a user would write them."""
    return [str((c.b or c.a).op) for c in found.changes if c.kind == kind]


def test_equal_networks_do_not_differ():
    body = "conv(3x3, 8) -> bn -> relu -> residual { conv(3x3, 8) }"
    found = between(body, body)
    assert found.equal
    assert found.weights.strict


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("conv(3x3, 8) -> relu", "{ conv(3x3, 4 + 4) }\n relu(inplace=false)"),
        ("conv(3x3, 8) -> relu", "conv(3, 8, pad=1)\n act = relu"),
        ("upsample(2x2)", "upsample([2, 2])"),
        ("relu x 2", "relu -> relu"),
        ("add { relu | tanh }", "residual { relu | tanh }"),
    ],
)
def test_how_a_spec_is_written_makes_no_difference(a, b):
    assert between(a, b).equal


def test_what_begins_keys_does():
    assert kinds(between("conv(3x3, 8) -> relu", "c = conv(3x3, 8)\n relu"))["moved"] == 1


def test_a_deeper_resnet_has_blocks_added():
    """He et al. 2016, Table 1: 34 has 1, 2, 4 and 1 blocks more in its stages than 18."""
    found = between(archlang.load(RESNET, "resnet18"), archlang.load(RESNET, "resnet34"))
    names = {n.path.rsplit(".", 1)[0] for c in found.changes if c.kind == "added" if (n := c.b)}
    blocks = {n for n in names if n.count(".") == 1}
    assert blocks == {
        *("layer1.2", "layer2.2", "layer2.3", "layer4.2"),
        *(f"layer3.{n}" for n in range(2, 6)),
    }
    assert kinds(found) == {"equal": 74, "added": 8 * 8}
    w = found.weights
    # six tensors of two convolutions and ten of two norms are twelve a block
    assert (len(w.loads), len(w.missing), w.unexpected, w.differing) == (122, 12 * 8, [], {})
    assert w.params == {"all": 21_797_672, "loads": 11_689_512, "aligned": 11_689_512}


def test_a_wider_resnet_is_changed_in_what_its_blocks_have_inside():
    """Zagoruyko 2016: of each of 16 blocks two convolutions and two norms, and what conv3 takes."""
    found = between(archlang.load(RESNET, "resnet50"), archlang.load(RESNET, "wide_resnet50_2"))
    assert kinds(found)["changed"] == 16 * 5
    assert kinds(found)["resized"] == 16 * 2  # the activations between
    first = next(c for c in found.changes if c.b and c.b.path == "layer1.0.conv2")
    assert first.arguments == {"channels": ("64", "128")}
    assert first.tensors == {"weight": ((64, 64, 3, 3), (128, 128, 3, 3))}


def test_another_number_of_classes():
    ten = archlang.load(RESNET, "resnet18", {"classes": 10})
    found = between(archlang.load(RESNET, "resnet18"), ten)
    (change,) = (c for c in found.changes if c.kind != "equal")
    assert change.arguments == {"features": ("1000", "10")}
    assert change.tensors == {"weight": ((1000, 512), (10, 512)), "bias": ((1000,), (10,))}
    assert list(found.weights.differing) == ["fc.weight", "fc.bias"]
    assert not found.weights.strict


def test_a_gate_is_inserted():
    plain = "residual { conv(3x3, 3) -> bn }\n relu"
    gated = (
        "residual { conv(3x3, 3) -> bn -> gate { global_avgpool -> linear(3) -> sigmoid } }\n relu"
    )
    found = between(plain, gated)
    assert said(found, "added") == ["global_avgpool", "linear(3)", "sigmoid", "gate"]
    assert kinds(found)["changed"] == kinds(found)["removed"] == 0
    assert found.weights.missing == ["3.weight", "3.bias"]


def test_a_layer_in_front_moves_the_numbers_of_all_behind():
    found = between(
        "conv(3x3, 8) -> relu -> conv(1x1, 4)", "bn -> conv(3x3, 8) -> relu -> conv(1x1, 4)"
    )
    assert said(found, "added") == ["bn"]
    assert found.weights.moved == {
        "1.weight": "0.weight", "1.bias": "0.bias", "3.weight": "2.weight", "3.bias": "2.bias"
    }  # fmt: skip
    assert kinds(found) == {"added": 1, "moved": 2, "equal": 2}


def test_what_loads_into_another_layer_is_said():
    found = between("conv(3x3, 3) -> tanh", "conv(3x3, 3, dilation=2) -> conv(3x3, 3) -> tanh")
    assert said(found, "added") == ["conv(3x3, 3, dilation=2)"]
    assert found.weights.astray == found.weights.loads == ["0.weight", "0.bias"]
    assert found.weights.moved == {"1.weight": "0.weight", "1.bias": "0.bias"}
    assert found.weights.params == {"all": 2 * 84, "loads": 84, "aligned": 84}


def test_a_wrapped_layer_is_found_again():
    block = "block b(c) { conv(3x3, c) -> relu }\n"
    flat = archlang.loads(MODEL % "conv(3x3, 8) -> relu -> conv(3x3, 16) -> relu")
    wrapped = archlang.loads(block + MODEL % "b(8) -> b(16)")
    for a, b in ((flat, wrapped), (wrapped, flat)):
        assert kinds(between(a, b)) == {"equal": 3, "moved": 2}
    moved = {"0.0": "0", "1.0": "2"}
    keys = {f"{b}.{k}": f"{a}.{k}" for b, a in moved.items() for k in ("weight", "bias")}
    assert between(flat, wrapped).weights.moved == keys


def test_a_branch_around_layers_is_the_merge_alone():
    found = between("conv(3x3, 3) -> relu", "residual { conv(3x3, 3) -> relu }")
    assert said(found, "added") == ["residual"]
    assert kinds(found) == {"added": 1, "equal": 3}


def test_other_wires():
    body = "a = conv(3x3, 4)\n b = conv(3x3, 4)\n conv(3x3, 4)\n add { identity | %s }"
    found = between(body % "a", body % "b")
    (change,) = (c for c in found.changes if c.kind != "equal")
    assert change.takes == (["1", "a"], ["1", "b"])
    assert not between("concat { relu | tanh }", "concat { tanh | relu }").equal


def test_shared_weights_against_weights_of_its_own():
    shared = "shared t = conv(3x3, 3)\n t -> t"
    found = between(shared, "t = conv(3x3, 3)\n conv(3x3, 3)")
    (change,) = (c for c in found.changes if c.kind != "equal")
    assert change.other == {"weights": ("shared", "its own")}


def test_outputs_and_what_trains_only():
    one = "a = conv(3x3, 3)\n b = relu"
    assert between(one, one + "\n output a, b").outputs
    found = between(one + "\n aux a weight=0.3", one + "\n aux a weight=0.4")
    assert found.outputs == {"a": ("a, in training, weight 0.3", "a, in training, weight 0.4")}
    found = between(
        "a = conv(3x3, 3)\n tanh\n output a", "a = conv(3x3, 3)\n b = tanh\n output a, b"
    )
    assert [c.other["runs"] for c in found.changes if c.kind == "changed"] == [
        ("in training only", "in evaluation too")
    ]


def test_another_input_size_changes_no_layer():
    large = archlang.load(RESNET, "resnet18", inputs={"image": (3, 256, 256)})
    found = between(archlang.load(RESNET, "resnet18"), large)
    assert set(kinds(found)) == {"equal", "resized"}
    assert found.weights.strict


@pytest.mark.parametrize(("a", "b"), [("resnet50", "resnet18"), ("resnet101", "resnet152")])
def test_the_sides_mirror_each_other(a, b):
    x, y = (archlang.load(RESNET, name) for name in (a, b))
    there, back = between(x, y), between(y, x)
    turn = {"added": "removed", "removed": "added"}
    pairs = {(c.a and c.a.index, c.b and c.b.index, c.kind) for c in there.changes}
    assert pairs == {
        (c.b and c.b.index, c.a and c.a.index, turn.get(c.kind, c.kind)) for c in back.changes
    }
    assert there.weights.missing == back.weights.unexpected


def test_scopes_stand_for_all_their_keys():
    every = ["a.0.w", "a.0.b", "a.1.w", "c.w", "d"]
    assert scopes(["a.0.w", "a.0.b"], every) == {"a.0": 2}
    assert scopes(["a.0.w", "a.1.w"], every) == {"a.0.w": 1, "a.1": 1}
    assert scopes(["d", "c.w"], every) == {"c": 1, "d": 1}
    assert scopes(every, every) == {"": 5}


def test_very_long_rows_are_aligned_too():
    rows = " -> relu -> ".join
    long = ["tanh"] * 700
    a, b = long.copy(), long.copy()
    a[100:100], b[600:600] = ["sigmoid"], ["gelu", "conv(3x3, 3)"]
    found = between(rows(a), rows(b))
    assert len(a) ** 2 * 4 > 1 << 20
    assert kinds(found)["equal"] >= 1380
    assert not found.equal
