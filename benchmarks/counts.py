"""What other tools count for torchvision's networks, beside what ``--compat`` says of the specs.

python -m benchmarks.counts [MODEL …]
"""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

SPECS = Path(__file__).parents[1] / "specs"
MODELS = {
    "alexnet": "alexnet",
    "vgg11": "vgg",
    "vgg16": "vgg",
    "resnet18": "resnet",
    "resnet50": "resnet",
    "wide_resnet50_2": "resnet",
    "resnext50_32x4d": "resnet",
    "squeezenet1_1": "squeezenet",
    "efficientnet_b0": "efficientnet",
    "regnet_y_400mf": "regnet",
    "regnet_x_400mf": "regnet",
    "convnext_tiny": "convnext",
    "mobilenet_v3_small": "mobilenet",
    "vit_b_16": "vit",
}
"""torchvision's networks whose layers are all modules, and the files of their specs."""


def torchinfo(model: Any, image: Any) -> int:
    from torchinfo import summary

    return int(summary(model, input_data=image, verbose=0).total_mult_adds)


def fvcore(model: Any, image: Any) -> int:
    from fvcore.nn import FlopCountAnalysis

    counted = FlopCountAnalysis(model, image)
    counted.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return int(counted.total())


def ptflops(model: Any, image: Any) -> int:
    from ptflops import get_model_complexity_info

    total, _ = get_model_complexity_info(
        model, tuple(image.shape[1:]), as_strings=False, print_per_layer_stat=False
    )
    return int(total)


def thop(model: Any, image: Any) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from thop import profile

        return int(profile(model, inputs=(image,), verbose=False)[0])


TOOLS: dict[str, Callable[[Any, Any], int]] = {
    f.__name__: f for f in (torchinfo, fvcore, ptflops, thop)
}


def counted(tool: str, name: str, size: int = 224) -> int:
    """The tool's own total for torchvision's network."""
    import torch
    import torchvision

    model = torchvision.models.get_model(name, weights=None).eval()
    with redirect_stdout(io.StringIO()), torch.no_grad():
        return TOOLS[tool](model, torch.zeros(1, 3, size, size))


def said(tool: str, name: str, size: int = 224) -> int:
    """The same by ``--compat``, of the spec of that name."""
    import archlang
    from archlang.analyses import compat

    shapes = {"image": (3, size, size)}
    network = archlang.load(SPECS / f"{MODELS[name]}.arch", name, inputs=shapes)
    return sum(compat.addends(network.graph, compat.TOOLS[tool]).values())


def main(names: list[str]) -> int:
    """Print a line for each network and tool; how many differ."""
    differing = 0
    for name in names or MODELS:
        for tool in TOOLS:
            theirs, ours = counted(tool, name), said(tool, name)
            differing += theirs != ours
            verdict = "equal" if theirs == ours else f"differs by {ours - theirs:+,}"
            print(f"{name:<16} {tool:<10} {theirs:>16,} {ours:>16,}  {verdict}")
    return differing


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
