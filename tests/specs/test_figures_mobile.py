"""Published figures of the mobile networks, RegNet and Xception, beside the specs' own."""

import math
import re
from math import prod
from pathlib import Path

import pytest

import archlang
from archlang.elaborate import Program
from archlang.elaborate.files import read_source
from archlang.graph import Node
from archlang.op import Op
from archlang.ops.conv import Conv

SPECS = Path(__file__).parents[2] / "specs"


def load(file: str, model: str, **options) -> archlang.Network:
    return archlang.load(SPECS / file, model, **options)


def models(file: str) -> list[str]:
    """The complete models of a spec, in order."""
    return list(Program(read_source(SPECS / file), str(SPECS / file)).complete)


def variant(file: str, model: str, definition: str) -> archlang.Network:
    """A model that is not in the spec, defined below its text."""
    text = (SPECS / file).read_text("utf-8")
    return archlang.loads(f"{text}\nmodel {model} = {definition}\n", model)


def numbers(shape) -> tuple[int, ...]:
    return tuple(int(d) for d in shape)


def convolutions(network: archlang.Network) -> list[tuple[Node, Conv]]:
    return [(n, n.op) for n in network.graph.nodes if isinstance(n.op, Conv)]


def activations(network: archlang.Network) -> int:
    """Scalars of the outputs of all convolutions: what the RegNet paper calls activations."""
    return sum(prod(numbers(n.output.shape)) for n, _ in convolutions(network))


# A line of a header's table: the model, its parameters, its multiply-adds.
LINE = re.compile(r"^# (\w+) +([\d,]+) +(\d+\.\d+)(?: |$)", re.MULTILINE)
FAMILIES = ["mobilenet", "mnasnet", "efficientnet", "shufflenet", "regnet", "xception"]


@pytest.mark.parametrize("family", FAMILIES)
def test_headers_say_what_is_counted(family):
    text = (SPECS / f"{family}.arch").read_text("utf-8")
    head = text.partition("\nuse ")[0]
    unit = {"M MACs": 1e6, "GMACs": 1e9}[re.search(r"parameters +(M MACs|GMACs)", head)[1]]
    lines = LINE.findall(head)
    assert {name for name, _, _ in lines} == set(models(f"{family}.arch"))
    for name, params, macs in lines:
        totals = load(f"{family}.arch", name).totals
        digits = len(macs.partition(".")[2])
        assert (f"{totals.params:,}", f"{totals.macs / unit:.{digits}f}") == (params, macs), name


# Howard et al. 2017, Table 1: kernel, channels in and out (a depthwise one has no more out), the
# side of what arrives. The last depthwise row says stride 2 there, which the row below denies.
BODY = [
    (3, 3, 32, 2, 224),
    (3, 32, None, 1, 112),
    (1, 32, 64, 1, 112),
    (3, 64, None, 2, 112),
    (1, 64, 128, 1, 56),
    (3, 128, None, 1, 56),
    (1, 128, 128, 1, 56),
    (3, 128, None, 2, 56),
    (1, 128, 256, 1, 28),
    (3, 256, None, 1, 28),
    (1, 256, 256, 1, 28),
    (3, 256, None, 2, 28),
    (1, 256, 512, 1, 14),
    *[(3, 512, None, 1, 14), (1, 512, 512, 1, 14)] * 5,
    (3, 512, None, 2, 14),
    (1, 512, 1024, 1, 7),
    (3, 1024, None, 1, 7),
    (1, 1024, 1024, 1, 7),
]


def test_mobilenet_v1_is_the_body_table():
    rows = convolutions(load("mobilenet.arch", "mobilenet_v1"))
    assert len(rows) == len(BODY)
    for (node, op), (kernel, ins, outs, stride, side) in zip(rows, BODY, strict=True):
        weight = (outs or ins, 1 if outs is None else ins, kernel, kernel)
        assert numbers(node.params["weight"]) == weight
        assert numbers(node.tensors[0].shape) == (ins, side, side)
        assert op.stride == stride


def shares(parts: dict[str, int]) -> dict[str, float]:
    """Each part in percent of all, to two decimals."""
    return {name: round(100 * part / sum(parts.values()), 2) for name, part in parts.items()}


def kind(op: Op) -> str:
    if not isinstance(op, Conv):
        return "fully connected"
    return "1x1" if op.kernel in (1, (1, 1)) else "3x3" if op.groups == 1 else "depthwise"


def test_mobilenet_v1_spends_what_table_2_says():
    """Howard et al. 2017, Table 2, in percent; its 1.19 for the 3x3 is a misprint of 1.91."""
    macs: dict[str, int] = {}
    weights: dict[str, int] = {}
    for node in load("mobilenet.arch", "mobilenet_v1").graph.nodes:
        if "weight" in node.params and node.op.name in ("conv", "linear"):
            name = kind(node.op)
            cost = int(node.op.macs(node.output, *node.tensors))
            macs[name] = macs.get(name, 0) + cost
            weights[name] = weights.get(name, 0) + prod(numbers(node.params["weight"]))
    shares = [
        {n: round(100 * c / sum(d.values()), 2) for n, c in d.items()} for d in (macs, weights)
    ]
    assert shares[0] == {"1x1": 94.86, "depthwise": 3.06, "3x3": 1.91, "fully connected": 0.18}
    assert shares[1] == {"1x1": 74.59, "depthwise": 1.06, "3x3": 0.02, "fully connected": 24.33}


# Howard et al. 2017, Table 3: a layer of 3x3 on 512 maps of 14x14 to as many; M MACs, M weights.
LAYER = [
    ("conv(3x3, 512, bias=false)", 512, 14, 462, 2.36),
    ("separable(3x3, 512, norm=identity)", 512, 14, 52.3, 0.27),
    ("separable(3x3, 384, norm=identity)", 384, 14, 29.6, 0.15),
    ("separable(3x3, 384, norm=identity)", 384, 10, 15.1, 0.15),
]


@pytest.mark.parametrize(("layer", "channels", "side", "macs", "weights"), LAYER)
def test_mobilenet_v1_shrinks_a_layer_as_table_3_says(layer, channels, side, macs, weights):
    body = f"input maps: [{channels}, {side}, {side}]\n{layer}"
    totals = archlang.loads(f'use "std/conv"\nmodel m {{ {body} }}').totals
    assert totals.params / 1e6 == pytest.approx(weights, abs=0.005)
    assert totals.macs / 1e6 == pytest.approx(macs, abs=0.5 if macs > 100 else 0.051)


# Howard et al. 2017, Tables 6 and 7: multiply-adds and parameters in millions.
MULTIPLIERS = [
    ("mobilenet_v1", 569, 4.2),
    ("mobilenet_v1_075_224", 325, 2.6),
    ("mobilenet_v1_050_224", 149, 1.3),
    ("mobilenet_v1_025_224", 41, 0.5),
    ("mobilenet_v1_100_192", 418, 4.2),
    ("mobilenet_v1_100_160", 290, 4.2),
    ("mobilenet_v1_100_128", 186, 4.2),
]


@pytest.mark.parametrize(("model", "macs", "params"), MULTIPLIERS)
def test_mobilenet_v1_has_the_multipliers_figures(model, macs, params):
    """Some are cut and some rounded; no one way gives all."""
    totals = load("mobilenet.arch", model).totals
    assert macs in (math.floor(totals.macs / 1e6), round(totals.macs / 1e6))
    assert round(totals.params / 1e6, 1) == params


def test_the_small_mobilenet_has_1_32_m_without_batch_norm():
    """Howard et al. 2017, Table 9: 0.50 MobileNet-160, 1.32 M and 76 M."""
    with_norm = load("mobilenet.arch", "mobilenet_v1_050_160").totals
    without = variant(
        "mobilenet.arch",
        "bare",
        "mobilenet(0.50, 160, millions=1.3, mega_macs=76, norm=identity)",
    ).totals
    assert (with_norm.params, without.params) == (1_331_592, 1_320_648)
    assert math.floor(without.macs / 1e6) == 76


UNITS = """use "std/conv"
let relu = relu(inplace=true)
model mobilenet(unit, repeats = 5) {
    input image: [3, 224, 224]
    conv_bn(3x3, 32, stride=2) -> unit(3x3, 64)
    unit(3x3, 128, stride=2) -> unit(3x3, 128)
    unit(3x3, 256, stride=2) -> unit(3x3, 256)
    unit(3x3, 512, stride=2) -> unit(3x3, 512) x repeats
    unit(3x3, 1024, stride=2) -> unit(3x3, 1024)
    global_avgpool -> linear(1000)
}
model separated = mobilenet(separable)
model full = mobilenet(conv_bn)
model shallow = mobilenet(separable, repeats=0)
"""


def test_mobilenet_v1_of_full_convolutions_and_shallow():
    """Howard et al. 2017, Tables 4 and 5; the 4,866 M of the first leave its `fc` out."""
    spec = load("mobilenet.arch", "mobilenet_v1").totals
    full, shallow, separated = (
        archlang.loads(UNITS, model).totals for model in ("full", "shallow", "separated")
    )
    assert (separated.params, separated.macs) == (spec.params, spec.macs)
    assert math.floor((full.macs - 1024 * 1000) / 1e6) == 4866
    assert round(full.params / 1e6, 1) == 29.3
    assert (math.floor(shallow.macs / 1e6), round(shallow.params / 1e6, 1)) == (307, 2.9)


# The authors' release of MobileNetV2 (tensorflow/models, research/slim): width, multiply-adds and
# parameters in millions, these without batch norm.
@pytest.mark.parametrize(("width", "macs", "params"), [(1.4, 582, 6.06), (1, 300, 3.47)])
def test_mobilenet_v2_has_the_releases_figures(width, macs, params):
    network = load("mobilenet.arch", "mobilenet_v2", settings={"width": width})
    norms = [s for n in network.graph.nodes if n.op.name == "bn" for s in n.params.values()]
    bare = network.totals.params - sum(prod(numbers(s)) for s in norms)
    assert math.floor(network.totals.macs / 1e6) == macs
    assert round(bare / 1e6, 2) == params


@pytest.mark.parametrize(
    ("model", "macs", "params"), [("mobilenet_v3_large", 219, 5.4), ("mobilenet_v3_small", 56, 2.5)]
)
def test_mobilenet_v3_is_near_table_3(model, macs, params):
    """Howard et al. 2019, Table 3: its multiply-adds of the larger are 1 % above those counted."""
    totals = load("mobilenet.arch", model).totals
    assert totals.macs / 1e6 == pytest.approx(macs, rel=0.012)
    assert math.floor(totals.params / 1e5) / 10 == params


def test_mnasnet_a1_is_table_1():
    """Tan et al. 2019, Table 1: 3.9 M, 312 M; the other widths from its release."""
    totals = load("mnasnet.arch", "mnasnet_a1").totals
    assert (round(totals.params / 1e6, 1), round(totals.macs / 1e6)) == (3.9, 312)
    for alpha, params in [(1.4, 6.1), (0.75, 2.9), (0.5, 2.1), (0.35, 1.7)]:
        thinner = load("mnasnet.arch", "mnasnet_a1", settings={"alpha": alpha}).totals
        assert round(thinner.params / 1e6, 1) == params


# Tan and Le 2019, Table 2: parameters in millions, multiply-adds in thousands of millions, and
# the side of the images. What the counts cannot give is left out: 9.2 M for b2, and the
# multiply-adds of b1, b4, b5 and b7.
SCALED = [
    ("efficientnet_b0", 224, 5.3, 0.39),
    ("efficientnet_b1", 240, 7.8, None),
    ("efficientnet_b2", 260, None, 1.0),
    ("efficientnet_b3", 300, 12, 1.8),
    ("efficientnet_b4", 380, 19, None),
    ("efficientnet_b5", 456, 30, None),
    ("efficientnet_b6", 528, 43, 19),
    ("efficientnet_b7", 600, 66, None),
]


def to_digits(value: float, like: float) -> float:
    """``value`` rounded to the decimals that ``like`` has."""
    return round(value, len(str(like).partition(".")[2]))


@pytest.mark.parametrize(("model", "side", "params", "macs"), SCALED)
def test_efficientnet_is_table_2(model, side, params, macs):
    totals = load("efficientnet.arch", model, inputs={"image": (3, side, side)}).totals
    assert params is None or to_digits(totals.params / 1e6, params) == params
    assert macs is None or to_digits(totals.macs / 1e9, macs) == macs


# Ma et al. 2018, Table 5: multiply-adds in millions, and parameters.
COMPLEXITIES = [
    ("shufflenet_v2_x0_5", 41, 1.4),
    ("shufflenet_v2_x1_0", 146, 2.3),
    ("shufflenet_v2_x1_5", 299, 3.5),
    ("shufflenet_v2_x2_0", 591, 7.4),
]


@pytest.mark.parametrize(("model", "macs", "params"), COMPLEXITIES)
def test_shufflenet_v2_is_table_5(model, macs, params):
    totals = load("shufflenet.arch", model).totals
    assert round(totals.params / 1e6, 1) == params
    assert 0.986 * macs < totals.macs / 1e6 < macs


# Radosavovic et al. 2020, Figures 15 and 16: multiply-adds in thousands of millions, parameters
# and activations in millions.
REGIMES = [
    ("regnet_x_400mf_paper", 0.4, 5.2, 3.1),
    ("regnet_x_800mf", 0.8, 7.3, 5.1),
    ("regnet_x_1_6gf", 1.6, 9.2, 7.9),
    ("regnet_x_3_2gf", 3.2, 15.3, 11.4),
    ("regnet_x_8gf", 8.0, 39.6, 14.1),
    ("regnet_x_16gf", 15.9, 54.3, 25.5),
    ("regnet_x_32gf", 31.7, 107.8, 36.3),
    ("regnet_y_400mf", 0.4, 4.3, 3.9),
    ("regnet_y_800mf_paper", 0.8, 6.3, 5.2),
    ("regnet_y_1_6gf", 1.6, 11.2, 8.0),
    ("regnet_y_3_2gf", 3.2, 19.4, 11.3),
    ("regnet_y_8gf_paper", 8.0, 39.2, 18.0),
    ("regnet_y_16gf", 15.9, 83.6, 23.0),
    ("regnet_y_32gf", 32.3, 145.0, 30.3),
]


@pytest.mark.parametrize(("model", "macs", "params", "acts"), REGIMES)
def test_regnet_is_figures_15_and_16(model, macs, params, acts):
    network = load("regnet.arch", model)
    totals = network.totals
    assert round(totals.macs / 1e9, 1) == macs
    assert round(totals.params / 1e6, 1) == params
    assert activations(network) / 1e6 == pytest.approx(acts, abs=0.06)


def quantised(d: int, w_0: float, w_a: float, w_m: float) -> list[int]:
    """The widths of a RegNet's blocks, in floats: equations 2 to 4."""
    powers = [round(math.log((w_0 + w_a * j) / w_0) / math.log(w_m)) for j in range(d)]
    return [8 * round(w_0 * w_m**s / 8) for s in powers]


PARAMETERS = {
    name: {key: float(value) for key, value in re.findall(r"(\w+)=([\d.]+)", arguments)}
    for name, arguments in re.findall(
        r"^model (\w+) += regnet\((.*)\)$", (SPECS / "regnet.arch").read_text("utf-8"), re.MULTILINE
    )
}


@pytest.mark.parametrize("model", PARAMETERS)
def test_regnets_blocks_follow_the_rule(model):
    """Without a logarithm, in exact numbers, the stages are those of the paper's equations."""
    given = PARAMETERS[model]
    expected = quantised(int(given["d"]), given["w_0"], given["w_a"], given["w_m"])
    stages = sorted(set(expected))
    units = [n for n, _ in convolutions(load("regnet.arch", model)) if n.path.endswith(".f.a.0")]
    assert len(units) == len(expected)
    for node, width in zip(units, expected, strict=True):
        assert f".block{stages.index(width) + 1}-" in node.path
        assert int(node.output.channels) % min(given["g"], width) == 0
        assert abs(int(node.output.channels) - width) < min(given["g"], width)


def test_xception_is_table_3():
    """Chollet 2017: 22,855,952 parameters; 36 convolutions in 14 modules, all but two residual."""
    network = load("xception.arch", "xception")
    assert network.totals.params == 22_855_952
    modules = {n.path.split(".")[0] for n, _ in convolutions(network)}
    assert len({m for m in modules if m.startswith("block")}) == 14 - 2
    main = [n for n, op in convolutions(network) if op.groups == 1 and "skip" not in n.path]
    assert len(main) == 36
