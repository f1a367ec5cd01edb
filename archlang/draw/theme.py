"""The colours of pictures, light and dark."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from archlang.draw.scene import Ink

ThemeName: TypeAlias = Literal["light", "dark"]
Lab: TypeAlias = tuple[float, float, float]
"""A colour in OKLab: lightness, green to red, blue to yellow."""


class Theme(NamedTuple):
    """Colours by what they are for; ``tints`` are a box's fill and its border.

    ``scale`` are the ends of that of figures: of nothing, and of all.
    """

    background: str
    inks: dict[Ink, str]
    wire: str
    frame: str
    bar: str
    track: str
    tints: dict[str, tuple[str, str]]
    scale: tuple[Lab, Lab]
    shades: tuple[float, float, float]
    """How much of its border's colour a slab's top, front and side have: light falls on the top."""


THEMES: dict[ThemeName, Theme] = {
    "light": Theme(
        background="#ffffff",
        inks={"title": "#16202c", "text": "#3d4a5c", "faint": "#5d6878", "error": "#b3261e"},
        wire="#647184",
        frame="#f7f8fa",
        bar="#2f6db5",
        track="#dde3ea",
        tints={
            "input": ("#ffffff", "#647184"),
            "join": ("#ffffff", "#647184"),
            "weights": ("#e3eefb", "#7ba6d9"),
            "pool": ("#fbe6e4", "#dc968e"),
            "norm": ("#fdf3d7", "#d8b65a"),
            "view": ("#f0f1f4", "#aab2bf"),
            "part": ("#eef1f5", "#98a4b5"),
            "plain": ("#f7f8fa", "#b9c2ce"),
            "wrong": ("#fff1ef", "#c5221f"),
            "absent": ("#ffffff", "#c3cad4"),
            "template0": ("#e6f4ea", "#7fbf93"),
            "template1": ("#efe8fa", "#a98bd6"),
            "template2": ("#fdebdd", "#dfa26f"),
            "template3": ("#dff3f5", "#6fb9c2"),
            "template4": ("#fbe5f0", "#d68bb0"),
            "template5": ("#eef3d6", "#a9b956"),
            "same": ("#f5f7f9", "#b4bdc9"),
            "changed": ("#fdeec4", "#c1922a"),
            "added": ("#d7f2df", "#3b9a5c"),
            "removed": ("#fbdcd9", "#cf5f55"),
            "changed-frame": ("#fdfaf1", "#c1922a"),
            "added-frame": ("#f1faf4", "#3b9a5c"),
            "removed-frame": ("#fdf4f3", "#cf5f55"),
            "weights1": ("#e6e4fb", "#8f86d6"),
            "weights2": ("#dff0f8", "#6fa9c9"),
            "vector": ("#ddf3e4", "#6cb587"),
            "vector1": ("#eaf5d8", "#97ba5b"),
            "norm1": ("#fbe9d3", "#d9a45c"),
            "join1": ("#f4f5f7", "#7f8a9a"),
            "join2": ("#fae6f2", "#c982b0"),
            "bracket": ("#98a4b5", "#98a4b5"),
        },
        scale=((0.975, -0.003, -0.009), (0.655, -0.05, -0.143)),
        shades=(0.0, 0.25, 0.6),
    ),
    "dark": Theme(
        background="#11161d",
        inks={"title": "#f0f4f9", "text": "#c3ccd8", "faint": "#98a4b4", "error": "#ff9b93"},
        wire="#8a97a8",
        frame="#171d26",
        bar="#6aa7ee",
        track="#333d4b",
        tints={
            "input": ("#11161d", "#8a97a8"),
            "join": ("#11161d", "#8a97a8"),
            "weights": ("#1c3350", "#4f80b8"),
            "pool": ("#45262a", "#b06a66"),
            "norm": ("#3f361b", "#a38a41"),
            "view": ("#262d37", "#667284"),
            "part": ("#232b36", "#66758a"),
            "plain": ("#171d26", "#465264"),
            "wrong": ("#451d1c", "#f0716a"),
            "absent": ("#11161d", "#3d4857"),
            "template0": ("#1b3626", "#4f946a"),
            "template1": ("#2f2547", "#8468b5"),
            "template2": ("#432d1c", "#b0794a"),
            "template3": ("#16363b", "#458f98"),
            "template4": ("#42223a", "#ab6190"),
            "template5": ("#31381a", "#83913f"),
            "same": ("#1a212b", "#525f72"),
            "changed": ("#473a12", "#c09a3e"),
            "added": ("#143a24", "#4aa56d"),
            "removed": ("#4c2124", "#d0706a"),
            "changed-frame": ("#1d1a12", "#c09a3e"),
            "added-frame": ("#12201a", "#4aa56d"),
            "removed-frame": ("#231619", "#d0706a"),
            "weights1": ("#2a2850", "#7a72c4"),
            "weights2": ("#173645", "#4a86a6"),
            "vector": ("#18392a", "#4c9a6c"),
            "vector1": ("#2b3b18", "#7d9a44"),
            "norm1": ("#44301a", "#b3803f"),
            "join1": ("#222932", "#7d8999"),
            "join2": ("#40233a", "#a8618f"),
            "bracket": ("#66758a", "#66758a"),
        },
        scale=((0.245, -0.004, -0.018), (0.535, -0.045, -0.147)),
        shades=(0.55, 0.25, 0.05),
    ),
}


def mixed(one: str, other: str, share: float) -> str:
    """A colour between two, by the share of the second."""
    pairs = ((int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
