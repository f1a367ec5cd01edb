"""Augmentation as a part of the recipe: how training images are changed at random."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from archlang.train.errors import UsageError
from archlang.train.part import NotNegative, Part, Positive, Probability

Range = tuple[Positive, Positive]


class RandomResizedCrop(Part):
    """A part of the image, of random area and shape, resized; Szegedy et al. 2015."""

    scale: Range = (0.08, 1.0)
    """The least and the largest share of the area."""
    ratio: Range = (3 / 4, 4 / 3)
    """Width by height, least and largest."""


class ColorJitter(Part):
    """Colours changed by at most these shares; Krizhevsky et al. 2012 and since."""

    brightness: NotNegative = 0.0
    """0.4 multiplies brightness by 0.6 to 1.4."""
    contrast: NotNegative = 0.0
    """The same for the difference from the mean."""
    saturation: NotNegative = 0.0
    """The same for the difference from grey."""
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """The largest turn of the colour wheel, 0.5 being half of it."""


class RandAugment(Part):
    """Some of 14 changes, one after the other, of one strength; Cubuk et al. 2020."""

    num_ops: Annotated[int, Field(ge=1)] = 2
    """Changes to each image."""
    magnitude: Annotated[int, Field(ge=0, le=30)] = 9
    """Their strength."""


class RandomErasing(Part):
    """A rectangle becomes the mean colour; Zhong et al. 2020."""

    p: Probability = 0.5
    """How likely it is."""
    scale: Range = (0.02, 0.33)
    """Its share of the area, least and largest."""
    ratio: Range = (0.3, 3.3)
    """Its height by its width, least and largest; one that is too long is cut."""


class Mixing(Part):
    """Pairs of images mixed, and their labels with them, by Beta(alpha, alpha).

    With both, a step takes one of them at random.
    """

    mixup: NotNegative = 0.0
    """The alpha of mixup, 0 for none; Zhang et al. 2018."""
    cutmix: NotNegative = 0.0
    """The alpha of CutMix, 0 for none; Yun et al. 2019."""

    def __bool__(self) -> bool:
        return self.mixup > 0 or self.cutmix > 0


class Augment(Part):
    """How training images are changed, each field one way; by default not at all."""

    random_resized_crop: RandomResizedCrop | None = None
    """A part of the image in place of the whole."""
    horizontal_flip: Probability = 0.0
    """How likely left and right are exchanged."""
    vertical_flip: Probability = 0.0
    """How likely top and bottom are exchanged."""
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """The largest move, as a share of height and width; black moves in."""
    pad_crop: Annotated[int, Field(ge=0)] = 0
    """The largest move in pixels, as from a crop of the padded image; He et al. 2016 take 4."""
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    """The largest turn either way, in degrees."""
    lens_distortion: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The largest k of r (1 + k r²), r being 1 in the corners; Wu et al. 2015."""
    rand_augment: RandAugment | None = None
    """RandAugment."""
    color_jitter: ColorJitter | None = None
    """Random changes of colour."""
    pca_noise: NotNegative = 0.0
    """How far the colour of an image moves along the principal components of all colours, as the
    deviation of a share of their eigenvalues; Krizhevsky et al. 2012 take 0.1."""
    random_erasing: RandomErasing | None = None
    """Random rectangles left out."""
    mixing: Mixing = Mixing()
    """Mixup and CutMix."""
    inputs: Literal["together", "apart"] = "together"
    """Of several inputs, whether the images of a sample are changed by the same draws, as depth
    is with its colours and the right eye's image with the left's, or each by its own."""
    colours: tuple[str, ...] | None = None
    """Of several inputs, those whose colours change by `color_jitter` and `pca_noise`; all if not
    given, but none that is grey by the latter."""

    @model_validator(mode="before")
    @classmethod
    def _switches(cls, given: Any) -> Any:
        """Accept ``true`` for a part with its defaults, and ``false`` for none."""
        if not isinstance(given, dict):
            return given
        parts = ("random_resized_crop", "rand_augment", "color_jitter", "random_erasing")
        return {
            name: ({} if value else None) if name in parts and isinstance(value, bool) else value
            for name, value in given.items()
        }

    def check(self, channels: int, task: Literal["classification", "segmentation"]) -> None:
        """Raise ``UsageError`` for what such images or their targets do not allow."""
        if task == "segmentation" and self.rand_augment:
            raise UsageError(
                "`rand_augment` moves images without their masks, and segmentation has masks",
                "use flips, `rotation`, `shift` and `color_jitter`",
            )
        if task == "segmentation" and self.mixing:
            raise UsageError("`mixing` mixes labels, and segmentation has masks", "leave it out")
        if self.pca_noise and channels == 1:
            raise UsageError("`pca_noise` moves colours, and the images are grey", "leave it out")
        for name in ("rand_augment", "color_jitter"):
            if getattr(self, name) and channels not in (1, 3):
                raise UsageError(
                    f"`{name}` changes colours, and the images have {channels} channels",
                    "it takes grey or RGB images",
                )

    def of_input(self, name: str, channels: int) -> Augment:
        """What is done to the images of one of several inputs, which have so many channels."""
        change: dict[str, Any] = {}
        if self.colours is not None and name not in self.colours:
            change = {"color_jitter": None, "pca_noise": 0.0}
        elif self.colours is None and channels == 1:
            change = {"pca_noise": 0.0}
        return self.model_copy(update=change)

    @property
    def per_image(self) -> bool:
        """Whether any of it is done image by image, in workers; the rest is done in batches."""
        return bool(
            self.random_resized_crop
            or self.rotation
            or self.lens_distortion
            or self.rand_augment
            or self.color_jitter
        )
