"""The parts of a recipe about its data: how it is split, and what is taken from every image."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from archlang.train.part import Part, Positive

Mode = Literal["none", "centre", "standardise", "mean_image", "channel_mean", "channel_mean_std"]
Fit = Literal["stretch", "crop"]


class Split(Part):
    """How one set of samples becomes several, every class in the same share."""

    test: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """The share kept for the test, of data that has no test samples of its own."""
    valid: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of the training samples kept to choose by, where there are none for it."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Which samples these are."""


class Preprocess(Part):
    """What is taken from every image, measured on the training images unless it is given.

    ``centre`` subtracts the mean of all pixels, ``standardise`` divides by their deviation
    too; ``mean_image`` subtracts the mean of each pixel (AlexNet), ``channel_mean`` that of
    each channel (VGG), ``channel_mean_std`` divides by its deviation too (ResNet).
    """

    mode: Mode = "channel_mean_std"
    """What is subtracted, and what divided by."""
    mean: tuple[float, ...] | None = None
    """The mean of each channel, white being 1; measured if it is not given."""
    std: tuple[Positive, ...] | None = None
    """The deviation of each channel, white being 1; measured if it is not given."""
    fit: Fit | None = None
    """How images come to the network's size: `stretch`, or `crop` from the middle of the image
    resized to cover it. If not given, images that differ in size are cropped, others stretched."""
    crop_share: Annotated[float, Field(gt=0, le=1)] = 0.875
    """The share of the covering image's sides that a crop keeps."""

    @model_validator(mode="after")
    def _given_for_channels(self) -> Preprocess:
        given = self.mean is not None or self.std is not None
        if given and not self.mode.startswith("channel"):
            raise ValueError(f"mean and std are for channels, and {self.mode} measures its own")
        return self
