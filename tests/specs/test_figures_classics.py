"""Published figures of the networks before residuals, and of DenseNet, beside the specs' own."""

from math import prod
from pathlib import Path

import pytest

import archlang
from archlang.elaborate import Program
from archlang.elaborate.files import read_source
from archlang.report import Row, rows

SPECS = Path(__file__).parents[2] / "specs"


def load(file: str, model: str, **options) -> archlang.Network:
    return archlang.load(SPECS / file, model, **options)


def parts(network: archlang.Network) -> dict[str, Row]:
    """The parts of a network by name, each with the sums of what is in it."""
    return {row.name: row for row in rows(network.graph, fold=False)}


def weighted(network: archlang.Network) -> list[tuple[tuple[int, ...], int]]:
    """Shape of the output and number of weights, biases left out, of each layer that has any."""
    return [
        (tuple(int(d) for d in n.output.shape), prod(int(d) for d in n.params["weight"]))
        for n in network.graph.nodes
        if n.params
    ]


def test_lenet5_is_the_papers_but_for_c3():
    """LeCun et al. 1998, Section II.B; its C3 sees its maps sparsely and has 1,516 parameters."""
    layers = parts(load("lenet5.arch", "lenet5"))
    convolutions = [r for r in layers.values() if r.what.startswith("conv")]
    linears = [r for r in layers.values() if r.what.startswith("linear")]
    c1 = convolutions[0]
    biases = prod(c1.output)
    assert c1.params == 156
    assert c1.macs + biases == 122_304, "the connections of C1"
    assert convolutions[1].params == 2_416, "every map of S2 to every one of C3"
    assert [r.params for r in linears[:2]] == [48_120, 10_164], "C5 and F6"


# Krizhevsky et al. 2012, Section 3.5, "the number of neurons in the network's remaining layers".
# The first, 253,440, cannot be reached: 96 maps of 55x55 are 290,400.
ALEXNET = [290_400, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]


@pytest.mark.parametrize("model", ["alexnet_2012", "alexnet_tower"])
def test_alexnet_has_the_papers_neurons(model):
    neurons = [prod(shape) for shape, _ in weighted(load("alexnet.arch", model))]
    assert neurons == ALEXNET
    assert sum(neurons) == 659_272, "650,000 in the abstract"


def test_alexnets_tower_is_the_slides():
    """The course slides' table; their total of about 68 M parameters cannot be reached from it."""
    network = load("alexnet.arch", "alexnet_tower")
    assert weighted(network)[:5] == [
        ((96, 55, 55), 34_848),
        ((256, 27, 27), 5 * 5 * 96 * 256),
        ((384, 13, 13), 3 * 3 * 256 * 384),
        ((384, 13, 13), 3 * 3 * 384 * 384),
        ((256, 13, 13), 3 * 3 * 384 * 256),
    ]
    pools = [r.output for r in parts(network).values() if r.what.startswith("maxpool")]
    assert pools == [(96, 27, 27), (256, 13, 13), (256, 6, 6)]
    assert network.totals.params == 62_378_344


def test_alexnets_groups_halve_the_weights_of_three_convolutions():
    """Krizhevsky et al. 2012, Fig. 2: kernels of 5x5x48, 3x3x192 and 3x3x192."""
    halves = [
        (one[1], two[1])
        for one, two in zip(
            weighted(load("alexnet.arch", "alexnet_tower")),
            weighted(load("alexnet.arch", "alexnet_2012")),
            strict=True,
        )
        if one != two
    ]
    kernels = [(256, 5 * 5 * 48), (384, 3 * 3 * 192), (256, 3 * 3 * 192)]
    assert halves == [(2 * c * k, c * k) for c, k in kernels]


# Szegedy et al. 2015, Table 1: parameters in units of 1024, and millions of MACs.
GOOGLENET = {
    "conv1": (2.7, 34),
    "conv2, conv3": (112, 360),
    "inception3a": (159, 128),
    "inception3b": (380, 304),
    "inception4a": (364, 73),
    "inception4b": (437, 88),
    "inception4c": (463, 100),
    "inception4d": (580, 119),
    "inception4e": (840, 170),
    "inception5a": (1072, 54),
    "inception5b": (1388, 71),
    "fc": (1000, 1),
}
# What the filters of the same rows come to, where that is another figure.
WEIGHTS = {
    "conv1": 9.2,  # 7x7; the paper's figures are near those of 7x1 and 1x7
    "inception3b": 379,
    "inception4a": 367,
    "inception4b": 438,
    "inception4c": 498,
    "inception4d": 590,
    "inception4e": 847,
    "inception5a": 1018,
    "inception5b": 1409,
}
MACS = {"conv1": 118, "inception5a": 51}


def without_biases(network: archlang.Network, scopes: str) -> int:
    """The weights of some scopes, biases left out."""
    tensors = {f"{n.path}.{k}": s for n in network.graph.nodes for k, s in n.params.items()}
    names = tuple(f"{scope}." for scope in scopes.split(", "))
    return sum(prod(s) for k, s in tensors.items() if k.startswith(names) and k.endswith("weight"))


@pytest.mark.parametrize("row", GOOGLENET)
def test_googlenets_table_row_by_row(row):
    network = load("googlenet.arch", "googlenet_2014")
    weights, millions = GOOGLENET[row]
    digits = 1 if weights < 10 else 0
    ours = without_biases(network, row) / 1024
    if row in WEIGHTS:
        assert round(ours, digits) == WEIGHTS[row] != weights
    else:
        assert abs(ours - weights) < 1, "rounded, or cut off"
    macs = sum(parts(network)[scope].macs for scope in row.split(", ")) / 1e6
    if row in MACS:
        assert round(macs) == MACS[row] != millions
    else:
        assert abs(macs - millions) < 1, "rounded, or cut off"


def test_googlenets_totals():
    """6.8 M and 1,550 M: Howard et al. 2017, Table 8.

    The first is the sum of the paper's own column. The second is none of the sums: the paper's
    column comes to 1,502 M, and the filters of its rows to 1,583 M.
    """
    network = load("googlenet.arch", "googlenet_2014")
    assert round(sum(weights for weights, _ in GOOGLENET.values()) / 1e3, 1) == 6.8
    assert sum(millions for _, millions in GOOGLENET.values()) == 1_502
    assert sum(without_biases(network, row) for row in GOOGLENET) == 6_990_272
    assert round(network.totals.macs / 1e6) == 1_583
    assert network.aux == {"aux1": 0.3, "aux2": 0.3}, "Section 5"


def test_what_the_bottleneck_saves():
    """28x28x256 into 128, 192 and 96 filters: the course's exercise, 854 M and 672 channels.

    CS231n 2017, lecture 9, gives the module with bottlenecks 358 M for the six convolutions that
    it lists; they come to 271 M, and to 358 M with the 3x3 counted twice.
    """
    naive = load("googlenet.arch", "module_naive")
    bottleneck = load("googlenet.arch", "module_bottleneck")
    assert naive.outputs == {"output": (672, 28, 28)}
    assert bottleneck.outputs == {"output": (480, 28, 28)}
    assert round(naive.totals.macs / 1e6) == 854
    assert round(bottleneck.totals.macs / 1e6) == 271
    once_more = 28 * 28 * 192 * 3 * 3 * 64
    assert round((bottleneck.totals.macs + once_more) / 1e6) == 358
    assert 1 - bottleneck.totals.macs / naive.totals.macs == pytest.approx(0.68, abs=0.005)


def test_inception_v3_is_within_its_abstract():
    """Szegedy et al. 2016: "less than 25 million parameters", which leaves the side head out."""
    assert load("inception.arch", "inception_v3").totals.params > 25e6
    bare = load("inception.arch", "inception_v3", settings={"heads": False}).totals
    assert bare.params < 25e6
    assert bare.macs == load("inception.arch", "inception_v3").totals.macs


def test_bn_inception_in_caffe():
    """Hu et al. 2018, Table 2: 2.03 GFLOPs, which are MACs; the paper's own table gives 2.02."""
    macs = [
        round(load("inception.arch", model).totals.macs / 1e9, 2)
        for model in ("bn_inception_caffe", "bn_inception")
    ]
    assert macs == [2.03, 2.02]


# Iandola et al. 2016, Table 1, "# parameter before pruning".
SQUEEZENET = [14_208, 11_920, 12_432, 45_344, 49_440, 104_880, 111_024, 188_992, 197_184, 513_000]


def test_squeezenets_table():
    network = load("squeezenet.arch", "squeezenet1_0")
    (features, classifier, _) = rows(network.graph, fold=False)
    layers = [*features.children, *classifier.children]
    assert [row.params for row in layers if row.params] == SQUEEZENET
    assert network.totals.params == sum(SQUEEZENET) == 1_248_424


def test_squeezenets_maps_are_those_of_larger_images():
    """Table 1 says 224x224; its maps of 111 and 55 come from 227x227."""
    network = load("squeezenet.arch", "squeezenet1_0", inputs={"image": (3, 227, 227)})
    features = rows(network.graph, fold=False)[0].children
    sides = [row.output[1] for row in features if row.what.startswith(("conv", "maxpool"))]
    assert sides == [111, 55, 27, 13]


def test_squeezenet_is_fifty_times_smaller_than_alexnet():
    """Iandola et al. 2016, Table 2: 240 MB against 4.8 MB, both in float32."""
    squeezenet = load("squeezenet.arch", "squeezenet1_0").totals.params
    alexnet = load("alexnet.arch", "alexnet_2012").totals.params
    assert round(4 * squeezenet / 2**20, 1) == 4.8
    assert round(alexnet / squeezenet, -1) == 50


def test_densenet201_has_less_than_half_of_resnet101():
    """Huang et al. 2017, Section 4.4: 20 M parameters against more than 40 M."""
    densenet = load("densenet.arch", "densenet201").totals
    resnet = load("resnet.arch", "resnet101").totals
    assert round(densenet.params / 1e6) == 20
    assert resnet.params > 40e6
    assert densenet.macs < 0.6 * resnet.macs, '"roughly half the number of FLOPs" (its repository)'


FILES = ["alexnet", "zfnet", "googlenet", "inception", "squeezenet", "densenet"]
MODELS = [
    (f"{file}.arch", model)
    for file in FILES
    for model in Program(read_source(SPECS / f"{file}.arch"), f"{file}.arch").complete
]


@pytest.mark.parametrize(("file", "model"), MODELS, ids=lambda value: value.removesuffix(".arch"))
def test_published_figures_bind_only_the_published_network(file, model):
    """Another number of classes and another input size are no errors."""
    network = load(file, model)
    ((name, (channels, height, width)),) = network.inputs.items()
    other = load(file, model, inputs={name: (channels, height + 32, width + 64)})
    assert other.totals.macs > network.totals.macs
    if network.outputs["output"] in {(1000,), (10,)}:
        fewer = load(file, model, settings={"classes": 7})
        assert fewer.outputs == {"output": (7,)}
        assert fewer.totals.params < network.totals.params
