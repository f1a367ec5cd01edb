"""The gallery: a picture of every network family, each by the command line that its entry gives.

    python examples/gallery/make.py

Writes the pictures and the README.md beside this file, over those that are there.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]


class Entry(NamedTuple):
    """A picture: its spec, its model, what else the command line says, and what is to be seen."""

    spec: str
    model: str
    options: str
    says: str

    @property
    def file(self) -> str:
        """The picture's name: the model's, and what the options choose."""
        chosen = [word for word in shlex.split(self.options) if not word.startswith("-")]
        parts = (part.replace("*", "").replace(".", "-") for part in chosen)
        return "-".join([self.model, *parts]) + ".svg"

    @property
    def arguments(self) -> list[str]:
        """What ``archlang`` is called with, in the folder of the project."""
        out = f"examples/gallery/{self.file}"
        options = shlex.split(self.options)
        return ["render", f"specs/{self.spec}.arch", out, "--model", self.model, *options]


ENTRIES = (
    Entry("lenet5", "lenet5", "--level layer", "LeNet-5, layer by layer"),
    Entry("alexnet", "alexnet", "--level layer", "AlexNet"),
    Entry("zfnet", "zfnet", "--direction LR", "ZFNet, to the right"),
    Entry("vgg", "vgg16", "--level stage", "VGG-16: equal neighbours are drawn once"),
    Entry("googlenet", "googlenet", "--level stage", "GoogLeNet's nine modules and their widths"),
    Entry("googlenet", "googlenet", "--level layer", "the same, layer by layer"),
    Entry("inception", "inception_v3", "--level stage", "Inception-v3"),
    Entry("squeezenet", "squeezenet1_1", "--level stage", "SqueezeNet"),
    Entry("resnet", "resnet50", "", "ResNet-50 on one screen"),
    Entry("resnet", "resnet50", "--level layer", "the same, layer by layer"),
    Entry("resnet_cifar", "resnet20", "--level layer", "ResNet-20 for CIFAR: shortcuts that pad"),
    Entry("preact", "preact_resnet50", "--level stage", "ResNet-50 with norms first"),
    Entry("resnet_d", "resnet50d", "--expand layer2", "ResNet-50-D: one stage opened"),
    Entry("resnet_rs", "resnet_rs50", "", "ResNet-RS-50"),
    Entry("regnet", "regnet_y_400mf", "--level stage", "RegNetY-400MF"),
    Entry("senet", "se_resnet50", "--expand layer1", "SE-ResNet-50: a gate beside the main way"),
    Entry("densenet", "densenet121", "--expand '*denseblock1'", "DenseNet-121: one block opened"),
    Entry("densenet", "densenet121", "--level layer", "all of its 58 dense layers"),
    Entry("xception", "xception", "--level stage", "Xception"),
    Entry("mobilenet", "mobilenet_v2", "--level stage", "MobileNetV2"),
    Entry("mnasnet", "mnasnet_a1", "--level stage", "MnasNet-A1"),
    Entry("shufflenet", "shufflenet_v2_x1_0", "--expand 'stage3*'", "ShuffleNetV2"),
    Entry("efficientnet", "efficientnet_b0", "--level stage", "EfficientNet-B0"),
    Entry("convnext", "convnext_tiny", "", "ConvNeXt-T"),
    Entry("vit", "vit_b_16", "--level layer", "ViT-B/16"),
    Entry("fcn", "fcn8s", "", "FCN-8s: scores of earlier pools are added"),
    Entry("unet", "unet", "", "U-Net is a U"),
    Entry("unet", "unet", "--level layer", "the same, layer by layer"),
    Entry("siamese", "siamese", "--level layer", "two towers that share their weights"),
    Entry("signal", "m34_res", "--level stage", "a network for sound"),
    Entry("volume", "deepmedic", "--level layer", "DeepMedic: two paths through a volume"),
)


def readme() -> str:
    """The page that shows them all, each under the command that drew it."""
    said = [
        "# Gallery",
        "",
        "Every family of `specs/`, drawn by `make gallery`. Each picture is one SVG, made by the",
        "command above it; none is touched by hand. [docs/render.md](../../docs/render.md) says",
        "what the options are and how a picture is read.",
    ]
    for entry in ENTRIES:
        command = shlex.join(["archlang", *entry.arguments])
        said += [
            f"\n## {entry.model}\n\n{entry.says[0].upper()}{entry.says[1:]}.\n",
            f"```sh\n{command}\n```\n",
            f'<img src="{entry.file}" alt="{entry.model}: {entry.says}" height="720">',
        ]
    return "\n".join(said) + "\n"


def main() -> None:
    """Draw all entries and write the page."""
    from archlang.cli.app import program

    render = program(["render"])
    for entry in ENTRIES:
        render(entry.arguments, standalone_mode=False)
    (FOLDER / "README.md").write_text(readme(), encoding="utf-8")


if __name__ == "__main__":
    if Path.cwd() != ROOT:
        sys.exit(f"run it in {ROOT}")
    main()
