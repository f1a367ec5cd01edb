"""What layers do beyond their multiply-accumulates, worked out by hand."""

import pytest

import archlang
from archlang.analyses.work import total_work, works
from archlang.op import Op, Work

SPATIAL = "64x8x8"
N = 64 * 8 * 8
POINTWISE = [
    *("relu", "leaky_relu", "elu", "absolute", "celu", "selu", "hardtanh", "relu6", "sigmoid"),
    *("tanh", "softplus", "log_sigmoid", "gelu", "silu", "mish", "hardswish", "hardsigmoid"),
    "prelu",
]
NOTHING = {
    "identity": SPATIAL, "dropout": SPATIAL, "channel_dropout": SPATIAL, "alpha_dropout": SPATIAL,
    "drop_path(0.1)": SPATIAL, "flatten": SPATIAL, "reshape(64, 64)": SPATIAL,
    "permute(1, 2, 0)": SPATIAL, "slice(0, 8)": SPATIAL, "split(2, 0)": SPATIAL,
    "channel_shuffle(4)": SPATIAL, "parameter([3])": SPATIAL, "pad(1)": SPATIAL, "crop(1)": SPATIAL,
    "center_crop(4)": SPATIAL, "pixel_shuffle(2)": SPATIAL, "pixel_unshuffle(2)": SPATIAL,
    "concat { identity | relu(inplace=true) }": None, "dense { identity }": SPATIAL,
}  # fmt: skip
CASES = [
    ("conv(3x3, 32, stride=2)", SPATIAL, Work(bias=32 * 4 * 4)),
    ("conv(3x3, 32, bias=false)", SPATIAL, Work()),
    ("conv_transpose(2x2, 32, stride=2)", SPATIAL, Work(bias=32 * 16 * 16)),
    ("locally_connected(3x3, 4)", SPATIAL, Work(bias=4 * 6 * 6)),
    ("linear(10)", "400", Work(bias=10)),
    ("linear(10)", "5x400", Work(bias=5 * 10)),
    # 12 heads have 197 x 197 weights; each is an exp, a sum and a quotient
    (
        "attention(12)",
        "197x768",
        Work(bias=4 * 197 * 768, activation=3 * 12 * 197 * 197, elementwise=197 * 768),
    ),
    *((name, SPATIAL, Work(activation=N)) for name in POINTWISE),
    ("softmax", "1000", Work(activation=3000)),
    ("log_softmax", "1000", Work(activation=3000)),
    ("maxout(4)", SPATIAL, Work(activation=3 * N // 4)),
    ("glu", SPATIAL, Work(activation=2 * N // 2)),
    ("bn", SPATIAL, Work(norm=2 * N)),
    ("bn(affine=false)", SPATIAL, Work(norm=2 * N)),
    ("instancenorm(track=true)", SPATIAL, Work(norm=2 * N)),
    ("instancenorm", SPATIAL, Work(norm=5 * N)),
    ("groupnorm(8)", SPATIAL, Work(norm=7 * N)),
    ("layernorm", SPATIAL, Work(norm=7 * N)),
    ("layernorm(affine=false)", SPATIAL, Work(norm=5 * N)),
    ("rmsnorm", SPATIAL, Work(norm=4 * N)),
    ("lrn(5)", SPATIAL, Work(norm=10 * N)),
    ("grn", SPATIAL, Work(norm=6 * N)),
    ("normalize(0.5, 0.5)", SPATIAL, Work(norm=2 * N)),
    ("maxpool(2x2)", SPATIAL, Work(pool=64 * 4 * 4 * 3)),
    ("maxpool(3x3, stride=2, pad=1)", SPATIAL, Work(pool=64 * 4 * 4 * 8)),
    ("avgpool(2x2)", SPATIAL, Work(pool=64 * 4 * 4 * 4)),
    ("global_avgpool", SPATIAL, Work(pool=N)),
    ("global_maxpool", SPATIAL, Work(pool=N - 64)),
    # 8 into 3: 0 to 3, 2 to 6, 5 to 8 are 3 + 4 + 3 along each axis
    ("adaptive_avgpool(3)", SPATIAL, Work(pool=64 * 10 * 10)),
    ("adaptive_maxpool(3)", SPATIAL, Work(pool=64 * (10 * 10 - 9))),
    ("upsample(2)", SPATIAL, Work()),
    ("upsample(2, mode=bilinear)", SPATIAL, Work(elementwise=4 * N * 7)),
    ("upsample(2, mode=linear)", "64x8", Work(elementwise=2 * 64 * 8 * 3)),
    ("upsample(2, mode=bicubic)", SPATIAL, Work(elementwise=4 * N * 31)),
    ("add { identity | identity | identity }", SPATIAL, Work(elementwise=2 * N)),
    ("residual { identity }", SPATIAL, Work(elementwise=N)),
    ("sub { identity | identity }", SPATIAL, Work(elementwise=N)),
    ("mul { identity | identity }", SPATIAL, Work(elementwise=N)),
    ("gate { identity }", SPATIAL, Work(elementwise=N)),
    ("concat { identity | identity }", SPATIAL, Work()),
    *((spec, takes, Work()) for spec, takes in NOTHING.items() if takes),
]  # fmt: skip


def network(spec, takes):
    return archlang.loads(f"model m {{\n input x: [{takes.replace('x', ', ')}]\n {spec}\n}}\n")


@pytest.mark.parametrize(("spec", "takes", "work"), CASES, ids=str)
def test_work(spec, takes, work):
    graph = network(spec, takes).graph
    assert total_work(graph) == work
    assert works(graph)[-1] == work


def test_every_layer_has_a_case():
    words = " ".join(spec for spec, _, _ in CASES)
    said = {w.split("(")[0] for w in words.replace("{", " ").replace("|", " ").split()}
    assert set(Op.registry) <= said


def test_what_only_trains_does_nothing():
    graph = network("a = relu\n b = tanh\n aux a weight=0.3", "8").graph
    assert total_work(graph).activation == 16  # b works on a
    graph = network("a = relu\n b = tanh\n aux b weight=0.3\n output a", "8").graph
    assert total_work(graph).activation == 8
