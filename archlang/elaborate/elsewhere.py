"""What layers and their parameters are called elsewhere: in PyTorch, Keras and papers."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from archlang.diagnostic import Fix
from archlang.op import Op
from archlang.source import Edit, Span
from archlang.spelling import one_slip

PARAMETERS = {
    "kernel": "kernel_size k ksize filter_size pool_size window size",
    "channels": "out_channels filters output_channels num_filters features num_output planes out",
    "features": "out_features units output_dim num_output channels out_channels out",
    "stride": "strides step", "pad": "padding", "dilation": "dilation_rate dilations",
    "bias": "use_bias bias_term", "pad_mode": "padding_mode", "output_pad": "output_padding",
    "groups": "num_groups n_groups group", "ceil": "ceil_mode", "axis": "dim",
    "p": "rate prob drop_prob drop_rate dropout_rate drop", "eps": "epsilon",
    "affine": "elementwise_affine scale", "track": "track_running_stats",
    "slope": "negative_slope alpha leak", "heads": "num_heads n_heads", "scale": "scale_factor",
    "size": "output_size", "mode": "interpolation", "start": "start_dim", "end": "end_dim",
    "shape": "size", "factor": "upscale_factor downscale_factor block_size", "pieces": "pool_size",
}  # fmt: skip
"""What the parameters of layers are called elsewhere."""


KNOWN = frozenset(
    ["in_channels", "in_features", "num_features", "num_channels", "normalized_shape",
     "input_shape", "input_dim", "in_planes", "in"]
)  # fmt: skip
"""What others are told of the tensor that arrives, which is known here."""

AXES = frozenset(["dim", "start_dim", "end_dim"])
"""What others say of axes and count the batch for, which no axis is here."""

SEQUENCES = frozenset(["Sequential", "sequential", "ModuleList", "Chain"])
REPEATS = frozenset(["repeat", "loop", "times", "Repeat"])
"""What holds layers elsewhere, and what repeats them."""


def layer(name: str) -> type[Op] | None:
    """The layer that is called so elsewhere, whatever the case, and with any number of axes.

    `BatchNorm2d` and `batch_norm` are `bn`; `Dropout2d`, which drops whole channels, is not
    `dropout`.
    """
    names = _names(tuple(Op.registry))
    return names.get(_plain(name)) or names.get(_bare(name))


@lru_cache(maxsize=1)
def _names(registered: tuple[str, ...]) -> dict[str, type[Op]]:
    """The layers by what they are called; of more than one the first, and by whole names first."""
    ops = sorted(Op.registry.values(), key=lambda op: op.merges)  # they take no arguments
    found: dict[str, type[Op]] = {}
    for fold in (_plain, _bare):
        for op in ops:
            for known in (*op.__dict__.get("known_as", ()), op.name):
                found.setdefault(fold(known), op)
    return found


def meant(name: str, own: Collection[str]) -> type[Op] | None:
    """The same, but where the name is one slip away from one of the spec's ``own``."""
    found = layer(name)
    near = found is not None and any(one_slip(name.lower(), o.lower()) for o in own)
    return None if near else found


BATCH = frozenset(["N", "B", "BS", "bs", "None", "batch", "batch_size"])
"""What others write in a shape for the samples of a batch."""


def told(span: Span, own: Collection[str], otherwise: str, inside: str) -> dict[str, Any]:
    """What is said of a name that means nothing as a value ``inside`` of something."""
    layer = None if otherwise else meant(span.text, own)
    said = {"meant": layer.name if layer else None, "otherwise": otherwise}
    if inside != "shape" or span.text not in BATCH:
        return said
    behind = re.compile(r"\s*,\s*").match(span.source.text, span.end)
    edit = Edit(Span(span.source, span.start, behind.end() if behind else span.end), "")
    fix = Fix(f"leave `{span.text}` out", (edit,), safe=True)
    return {**said, "note": "shapes leave the batch out", "fixes": (fix,) if behind else ()}


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _bare(name: str) -> str:
    """The same without the number of axes."""
    return re.sub("[123]d", "", _plain(name))


def parameter(name: str, known: Collection[str]) -> str | None:
    """The parameter, of those that a layer has, which is called so elsewhere."""
    return next((p for p in known if name.lower() in PARAMETERS.get(p, "").split()), None)


def call(
    cls: type[Op], given: Sequence[tuple[str | None, str]], orders: Sequence[str] = ()
) -> str | None:
    """What a use of another library's module is here, its arguments in the order taken here.

    ``given`` are these, each with its name if it has one, and its text. ``orders`` are those that
    they may stand in; the first that fits is meant. None where none does.
    """
    known = [cls.torch_takes] if _counts_batch(cls.torch_takes) else [cls.torch_takes, ""]
    for order in orders or known:
        texts = _texts(cls, given, order)
        if texts is not None:
            required = [p.name for p in cls.parameters() if p.required]
            shown = [texts[n] if n in required else f"{n}={texts[n]}" for n in texts if n]
            taken = f"({', '.join(shown)})" if shown else ""
            return cls.name + taken + texts.get("", "")
    return None


def _counts_batch(order: str) -> bool:
    return any(place.partition("=")[0] in AXES for place in order.split())


def axis(text: str) -> str | None:
    """The axis that others call so, the batch not counted; None where that is none."""
    if re.fullmatch(r"-\d+", text):
        return text
    return str(int(text) - 1) if re.fullmatch(r"[1-9]\d{0,3}", text) else None


def keras(cls: type[Op]) -> str:
    """The order in which Keras takes the arguments of a convolution."""
    takes = {p.name for p in cls.parameters()}
    return "filters kernel_size strides padding=valid" if {"kernel", "channels"} <= takes else ""


def _texts(
    cls: type[Op], given: Sequence[tuple[str | None, str]], order: str
) -> dict[str, str] | None:
    """The text for each parameter, in its order; behind them, for "", what stands behind it all."""
    names = [p.name for p in cls.parameters()]
    places = [name.partition("=") for name in order.split() or names]
    texts: dict[str, str] = {}
    free = (n for n, _, _ in places)
    for name, text in given:
        taken, text = name or next(free, ""), _VALUES.get(text, text.strip("\"'"))
        own = taken if taken in names else parameter(taken, names)
        behind = layer(text) if taken in ACTIVATIONS else None
        if behind is not None and "" not in texts:
            own, text = "", f" -> {behind.name}"
        if own is None and taken in KNOWN:
            continue
        there = axis(text) if taken in AXES else text
        if own is None or own in texts or there is None:
            return None
        texts[own] = there
    defaults = {parameter(n, names) or n: value for n, _, value in places if value}
    texts = {**defaults, **texts}
    if any(p.required and p.name not in texts for p in cls.parameters()):
        return None
    return {name: texts[name] for name in (*names, "") if name in texts}


ACTIVATIONS = ("activation", "act", "nonlinearity", "act_layer", "activation_layer")
"""What others call the layer that comes behind another one, given to that."""
_VALUES = {"True": "true", "False": "false"}
