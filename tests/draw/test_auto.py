"""An SVG that follows its reader: light as written, dark by its style sheet."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from archlang.draw.auto import following
from archlang.draw.formats import STYLES, Look, drawn, written
from tests.draw.networks import spec

RULE = re.compile(r"\.(t\w{8}) \.(\w+)\{([^}]*)\}")


def pictures(style: str) -> tuple[str, str, str]:
    network = spec("googlenet", "googlenet")
    look = Look(level="stage", style=style)
    light, dark, auto = (
        drawn(network, look._replace(theme=theme)) for theme in ("light", "dark", "auto")
    )
    return light, dark, auto


def in_the_dark(auto: str) -> str:
    """What a browser makes of it on a dark page: rules win over attributes."""
    (style,) = re.findall(r"<style>.*</style>\n", auto)
    assert style.startswith("<style>@media (prefers-color-scheme:dark){")
    text = auto.replace(style, "")
    for scope, name, rules in RULE.findall(style.partition("{")[2]):
        assert text.startswith(f'<svg class="{scope}"')
        for rule in rules.split(";"):
            what, _, colour = rule.partition(":")
            tag = rf'(<[^<>]* {what}=")#\w+("[^<>]*) class="{name}"'
            text = re.sub(tag, rf'\g<1>{colour}\g<2> class="{name}"', text)
    return text


@pytest.mark.parametrize("style", STYLES)
def test_it_is_both(style):
    light, dark, auto = pictures(style)
    ElementTree.fromstring(auto)
    bare = re.sub(r"<style>.*</style>\n", "", auto)
    assert re.sub(r' class="\w+"', "", bare) == light
    assert re.sub(r' class="\w+"', "", in_the_dark(auto)) == dark


def test_a_png_of_it_is_light():
    pytest.importorskip("resvg_py")
    network = spec("lenet5", "lenet5")
    assert written(network, "png", Look(theme="auto")) == written(network, "png", Look())


def test_what_does_not_change_has_no_class():
    same = '<svg><title>t</title><a fill="#fff"/></svg>'
    assert following(same, same).count("class") == 1, "that of the picture"


def test_pictures_of_one_page_have_rules_of_their_own():
    (one,), (other,) = (
        {scope for scope, _, _ in RULE.findall(pictures(style)[2])} for style in STYLES
    )
    assert one != other
