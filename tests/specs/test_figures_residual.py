"""Published figures of residual networks, transformers, segmenters and others, beside ours."""

from math import prod
from typing import NamedTuple

import pytest
from torchvision.models import segmentation

import archlang
from archlang.graph import Node
from archlang.report import rows
from tests.specs.covered import SPECS


def load(file: str, model: str, **options) -> archlang.Network:
    return archlang.load(SPECS / f"{file}.arch", model, **options)


def printed(value: int, figure: str, unit: float) -> str:
    """A number as the table prints it: in the unit, with as many decimals as the figure has."""
    return f"{value / unit:.{len(figure.partition('.')[2])}f}"


class Figure(NamedTuple):
    """What a table says of a network: millions of parameters, 10^9 multiply-accumulates."""

    file: str
    model: str
    millions: str = ""
    giga: str = ""
    size: int = 0

    def __str__(self) -> str:
        return f"{self.model}-{self.size}" if self.size else self.model


FIGURES = [
    # He et al. 2016, "Deep residual learning", Table 6.
    Figure("resnet_cifar", "resnet20", "0.27"),
    Figure("resnet_cifar", "resnet32", "0.46"),
    Figure("resnet_cifar", "resnet44", "0.66"),
    Figure("resnet_cifar", "resnet56", "0.85"),
    Figure("resnet_cifar", "resnet110", "1.7"),
    Figure("resnet_cifar", "resnet1202", "19.4"),
    # Zagoruyko & Komodakis 2016, "Wide residual networks", the tables of CIFAR and of ImageNet.
    Figure("preact", "preact_resnet110", "1.7"),
    Figure("preact", "preact_resnet164", "1.7"),
    Figure("preact", "preact_resnet200", "64.7"),
    Figure("resnet", "resnet18", "11.7"),
    Figure("resnet", "resnet34", "21.8"),
    Figure("resnet", "resnet50", "25.6"),
    Figure("resnet", "resnet101", "44.5"),
    Figure("resnet", "resnet152", "60.2"),
    Figure("resnet", "wide_resnet50_2", "68.9"),
    # Xie et al. 2017, "Aggregated residual transformations", Table 1.
    Figure("resnet", "resnet50", "", "4.1"),
    Figure("resnet", "resnext50_32x4d", "25.0", "4.2"),
    # Zoph et al. 2018, "Learning transferable architectures", Table 2. Its 83.6 M is 83.5 M.
    Figure("resnet", "resnext101_64x4d", "83.5", "31.5", 320),
    # He et al. 2019, "Bag of tricks", Table 5.
    Figure("resnet_d", "resnet50b", "", "4.1"),
    Figure("resnet_d", "resnet50c", "", "4.3"),
    Figure("resnet_d", "resnet50d", "", "4.3"),
    # Hu et al. 2018, "Squeeze-and-excitation networks": Table 2, without gates; 28.1 M in the text.
    Figure("resnet_d", "resnet50a", "", "3.86"),
    Figure("inception", "bn_inception_caffe", "", "2.03"),
    Figure("senet", "se_resnet50", "28.1"),
    # Liu et al. 2022, "A ConvNet for the 2020s".
    Figure("convnext", "convnext_tiny", "29", "4.5"),
    Figure("convnext", "convnext_small", "50", "8.7"),
    Figure("convnext", "convnext_base", "89", "15.4"),
    Figure("convnext", "convnext_large", "198", "34.4"),
    Figure("convnext", "convnext_xlarge", "350", "60.9"),
    # Woo et al. 2023, "ConvNeXt V2". Its 4.47 G of the tiny one are 4.46 G.
    Figure("convnext", "convnextv2_atto", "3.7", "0.55"),
    Figure("convnext", "convnextv2_femto", "5.2", "0.78"),
    Figure("convnext", "convnextv2_pico", "9.1", "1.37"),
    Figure("convnext", "convnextv2_nano", "15.6", "2.45"),
    Figure("convnext", "convnextv2_tiny", "28.6", "4.46"),
    Figure("convnext", "convnextv2_base", "89", "15.4"),
    Figure("convnext", "convnextv2_large", "198", "34.4"),
    Figure("convnext", "convnextv2_huge", "660", "115"),
    # Dosovitskiy et al. 2021, "An image is worth 16x16 words", Table 1.
    Figure("vit", "vit_h_14", "632"),
    # Dai et al. 2017, "Very deep convolutional neural networks for raw waveforms", Table 1.
    Figure("signal", "m3", "0.2"),
    Figure("signal", "m11", "1.8"),
    Figure("signal", "m18", "3.7"),
    Figure("signal", "m34_res", "4"),
    # Tran et al. 2017, "ConvNet architecture search for spatiotemporal feature learning".
    Figure("volume", "c3d", "", "38.5"),
]


@pytest.mark.parametrize("figure", FIGURES, ids=str)
def test_a_published_figure(figure: Figure) -> None:
    inputs = {"image": (3, figure.size, figure.size)} if figure.size else {}
    totals = load(figure.file, figure.model, inputs=inputs).totals
    assert figure.millions or figure.giga
    if figure.millions:
        assert printed(totals.params, figure.millions, 1e6) == figure.millions
    if figure.giga:
        assert printed(totals.macs, figure.giga, 1e9) == figure.giga


# Bello et al. 2021, "Revisiting ResNets", appendix: size of the image, millions of parameters, 10^9
# FLOPs, two for each multiply-accumulate. At 192 it has 18 for ResNet-RS-152; we count 17.5.
RS = [
    (50, 160, "36", "4.6"),
    (101, 160, "64", "8.4"),
    (101, 192, "64", "12"),
    (152, 192, "87", "17"),
    (152, 224, "87", "24"),
    (152, 256, "87", "31"),
    (200, 256, "93", "40"),
    (270, 256, "130", "54"),
    (350, 256, "164", "69"),
    (350, 320, "164", "107"),
    (420, 320, "192", "128"),
]


@pytest.mark.parametrize(("layers", "size", "millions", "giga"), RS)
def test_resnet_rs_at_each_size(layers: int, size: int, millions: str, giga: str) -> None:
    totals = load("resnet_rs", f"resnet_rs{layers}", inputs={"image": (3, size, size)}).totals
    assert printed(totals.params, millions, 1e6) == millions
    assert printed(2 * totals.macs, giga, 1e9) == giga


def test_figures_that_are_rounded_down() -> None:
    """ResNet-50: 25.5 M, Xie et al. 2017, and 3.8 G, He et al. 2016; ViT-B: 86 M; M5: 0.5 M."""
    assert load("resnet", "resnet50").totals.params // 100_000 == 255
    assert load("resnet_d", "resnet50a").totals.macs // 100_000_000 == 38
    assert load("vit", "vit_b_16").totals.params // 1_000_000 == 86
    assert load("signal", "m5").totals.params // 100_000 == 5


def convolutions(network: archlang.Network, scope: str = "") -> list[Node]:
    nodes = [n for n in network.graph.nodes if n.op.name.startswith("conv")]
    return [n for n in nodes if n.path.startswith(scope)]


def scopes(network: archlang.Network) -> dict[str, tuple[int, ...]]:
    """The shape that each part of a network comes to."""
    return {r.name: tuple(map(int, r.output or ())) for r in rows(network.graph, fold=False)}


# Stage, side of its maps, width inside ResNet-50 and inside ResNeXt-50 (32x4d), width at its end.
TABLE = [
    ("layer1", 56, 64, 128, 256, 3),
    ("layer2", 28, 128, 256, 512, 4),
    ("layer3", 14, 256, 512, 1024, 6),
    ("layer4", 7, 512, 1024, 2048, 3),
]


@pytest.mark.parametrize(("stage", "side", "plain", "grouped", "width", "blocks"), TABLE)
def test_resnext50_by_stage(stage, side, plain, grouped, width, blocks) -> None:
    """Xie et al. 2017, Table 1, both of its columns."""
    for model, inner, groups in (("resnet50", plain, 1), ("resnext50_32x4d", grouped, 32)):
        network = load("resnet", model)
        assert scopes(network)[stage] == (width, side, side)
        found = [c for c in convolutions(network, stage) if "downsample" not in c.path]
        assert [int(c.output.channels) for c in found] == [inner, inner, width] * blocks
        assert [str(c.op.kernel) for c in found[:3]] == ["(1, 1)", "(3, 3)", "(1, 1)"]
        assert [c.op.groups for c in found[:3]] == [1, groups, 1]


def test_resnet1001_has_the_papers_10_2_million_in_its_convolutions() -> None:
    """He et al. 2016, "Identity mappings", Table 4; the norms have 0.15 M more."""
    network = load("preact", "preact_resnet1001")
    weights = sum(prod(c.params["weight"]) for c in convolutions(network))
    assert printed(weights, "10.2", 1e6) == "10.2"
    assert network.totals.params - weights < 160_000


def test_gates_are_a_tenth_more_parameters_most_of_them_in_the_last_stage() -> None:
    """Hu et al. 2018, Section 4: 2.5 M, 10 %; without those of the last stage, 4 %."""
    bare = load("resnet_d", "resnet50a").totals
    network = load("senet", "se_resnet50")
    gates = [n for n in convolutions(network) if ".se_module." in n.path]
    sizes = {n.path: sum(prod(shape) for shape in n.params.values()) for n in gates}
    more = network.totals.params - bare.params
    assert more == sum(sizes.values())
    assert printed(more, "2.5", 1e6) == "2.5"
    assert round(100 * more / bare.params) == 10
    early = sum(size for path, size in sizes.items() if not path.startswith("layer4"))
    assert round(100 * early / bare.params) == 4


@pytest.mark.parametrize(
    ("model", "giga"),
    [
        ("se_resnet50", 3.87),
        ("se_resnet101", 7.60),
        ("se_resnet152", 11.32),
        ("se_resnext50_32x4d", 4.25),
        ("se_resnext101_32x4d", 8.00),
        ("se_bn_inception", 2.04),
    ],
)
def test_senets_macs_are_just_below_table_2(model: str, giga: float) -> None:
    """Hu et al. 2018, Table 2, which counts pools and scaling too."""
    macs = load("senet", model).totals.macs / 1e9
    assert giga - 0.035 < macs < giga


# MiB of the files with the published weights, which hold the running statistics too, and less than
# 0.1 MiB of names: Table 1 of the authors' repository, hujie-frank/SENet.
FILES = [
    ("se_bn_inception", 46),
    ("se_resnet50", 107),
    ("se_resnet101", 189),
    ("se_resnet152", 256),
    ("se_resnext50_32x4d", 105),
    ("se_resnext101_32x4d", 187),
]


@pytest.mark.parametrize(("model", "size"), FILES)
def test_senets_fill_the_published_files(model: str, size: int) -> None:
    network = load("senet", model)
    statistics = sum(
        prod(shape)
        for node in network.graph.nodes
        for key, shape in node.buffers.items()
        if key != "num_batches_tracked"
    )
    tensors = 4 * (network.totals.params + statistics) / 2**20
    assert size in (round(tensors), round(tensors + 0.1))


def test_unets_sizes_are_figure_1s() -> None:
    """Ronneberger et al. 2015, Fig. 1: the numbers beside its boxes, and 23 convolutions."""
    network = load("unet", "unet")
    sides = [int(c.output.spatial[0]) for c in convolutions(network)]
    down = [570, 568, 282, 280, 138, 136, 66, 64, 30, 28]
    up = [56, 54, 52, 104, 102, 100, 200, 198, 196, 392, 390, 388]
    assert sides == [*down, *up, 388]
    assert len(sides) == 23


def test_3d_unet_has_the_papers_parameters() -> None:
    """Cicek et al. 2016: 19069955 in total; 132x132x116 in three channels give 44x44x28."""
    network = load("unet", "unet3d")
    assert network.totals.params == 19_069_955
    assert network.outputs == {"output": (3, 28, 44, 44)}


def test_fcn_resnet50_is_torchvisions() -> None:
    published = segmentation.FCN_ResNet50_Weights.DEFAULT.meta
    network = load("fcn", "fcn_resnet50")
    assert network.totals.params == published["num_params"]
    side = [c for c in convolutions(network) if c.path.startswith("aux_classifier")]
    training = sum(int(c.op.macs(c.output, *c.tensors)) for c in side)
    # torchvision runs the side head in evaluation too; here it is there for training.
    assert round((network.totals.macs + training) / 1e9, 3) == published["_ops"]


@pytest.mark.parametrize("stride", [32, 16, 8])
def test_fcn_learns_134_million(stride: int) -> None:
    """Long et al. 2015, Table 1; the filters of the last upsampling are fixed."""
    network = load("fcn", f"fcn{stride}s")
    fixed = prod(convolutions(network)[-1].params["weight"])
    assert fixed == (2 * stride) ** 2 * 21**2
    assert printed(network.totals.params - fixed, "134", 1e6) == "134"


def test_a_siamese_pair_stores_its_tower_once_and_runs_it_twice() -> None:
    network = load("siamese", "siamese_codes")
    first = {n.path: n for n in network.graph.nodes if n.params}
    assert network.totals.params == sum(
        prod(shape) for n in first.values() for shape in n.params.values()
    )
    once = sum(int(n.op.macs(n.output, *n.tensors)) for n in first.values())
    assert network.totals.macs == 2 * once


def test_waveforms_shrink_as_in_the_table() -> None:
    """Dai et al. 2017, Table 1: 32000, 8000, 2000, 500, 125, 32."""
    nodes = load("signal", "m18").graph.nodes
    lengths = [int(n.output.shape[1]) for n in nodes if n.output.rank == 2]
    assert list(dict.fromkeys(lengths)) == [32000, 8000, 2000, 500, 125, 32]


def test_voxnet_has_the_papers_parameters() -> None:
    """Maturana and Scherer 2015: 921736, for the 40 classes of ModelNet40."""
    assert load("volume", "voxnet").totals.params == 921_736


def test_three_3x3_are_a_7x7_for_less() -> None:
    """The course slides, after Simonyan and Zisserman 2014, Section 2.3: 27 C^2, not 49 C^2."""
    c = 64
    head = f"model m {{ input x: [{c}, 7, 7]\n"
    small = archlang.loads(head + f"{{ conv(3x3, {c}, pad=0, bias=false) }} x 3 }}")
    large = archlang.loads(head + f"conv(7x7, {c}, pad=0, bias=false) }}")
    assert small.outputs == large.outputs == {"output": (c, 1, 1)}, "both see 7x7"
    assert small.totals.params == 27 * c**2
    assert large.totals.params == 49 * c**2
