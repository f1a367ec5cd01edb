"""A scale of colour for figures: one hue, equal steps of a figure being equal steps to the eye.

It is a straight line in OKLab (Ottosson 2020), from almost the background to as strong a colour as
one ink of the theme can still be read on.
"""

from __future__ import annotations

from functools import cache

from archlang.draw.theme import Theme

READABLE = 4.5
"""The least contrast of text that all can read, as WCAG 2 has it."""


def colour(share: float, theme: Theme) -> str:
    """The colour of a share from 0 to 1, as ``#rrggbb``; what is beyond is as its end."""
    part = min(max(share, 0.0), 1.0)
    return hexed(*(a + (b - a) * part for a, b in zip(*theme.scale, strict=True)))


def hexed(lightness: float, a: float, b: float) -> str:
    """A colour in OKLab as ``#rrggbb``."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * _encoded(light)):02x}" for light in linear)


def _encoded(light: float) -> float:
    light = min(max(light, 0.0), 1.0)
    return 12.92 * light if light <= 0.0031308 else float(1.055 * light ** (1 / 2.4) - 0.055)


@cache
def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG 2 has it, from 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(text: str) -> float:
    parts = [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def readable(ink: str, fill: str, theme: Theme) -> str:
    """The ink for text on a colour: the one given, or that of titles where it is not readable."""
    return ink if contrast(ink, fill) >= READABLE else theme.inks["title"]
