"""Names with letters of other alphabets: one finding for a name, wherever it stands."""

from __future__ import annotations

import pytest

from tests.syntax.test_habits import HEAD, found, mended, only

NAMES = [
    # a name, and how it is written here
    ("größe", "grosse"), ("naïve", "naive"), ("naïve", "naive"), ("œuvre", "oeuvre"),
    ("Øre", "Ore"), ("α", "alpha"), ("σ2", "sigma2"), ("λ_1", "lambda_1"), ("Γ", "Gamma"),
    ("ς", "sigma"), ("h₁ö", "h1o"), ("ху", "xy"), ("łódź", "lodz"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "plain"), NAMES)
def test_it_is_written_in_letters_that_names_have(name: str, plain: str) -> None:
    text = f"{HEAD}    let {name} = 8  # {name}\n    conv(3x3, {name}) -> conv(3x3, 2 * {name})\n"
    text += f'    require {name} == 8 : "{name}"\n}}\n'
    finding = only(text)
    assert finding.message == f"`{name}` is no name"
    right = mended(text, finding)
    assert right.count(plain) >= 4
    assert right.replace(plain, name) == text
    assert not found(right)


def test_what_looks_like_a_layer_is_one() -> None:
    text = f"{HEAD}    соnv(3x3, 8) -> rеlu\n    conv(3x3, 8)\n}}\n"  # с, о and е of Cyrillic
    findings = found(text)
    assert [d.fixes[0].text for d in findings] == ["write `conv`", "write `relu`"]
    assert not found(mended(mended(text, findings[1]), findings[0]))


@pytest.mark.parametrize("name", ["層", "größe", "ж"])
def test_a_name_that_has_no_plain_form_of_its_own_has_no_fix(name: str) -> None:
    finding = only(f"{HEAD}    let grosse = 3\n    conv(3x3, grosse)\n    {name} = relu\n}}\n")
    assert finding.span.text == name
    assert not finding.fixes


def test_what_stands_behind_it_is_read() -> None:
    text = f"{HEAD}    größe = conv(3x3 8)\n    add {{ größe | relu }}\n    rleu\n}}\n"
    assert [d.span.text for d in found(text)] == ["größe", "8", "rleu"]


def test_a_long_word_is_looked_at_in_part() -> None:
    finding = only(f"{HEAD}    {'ö' * 5000}\n}}\n")
    assert len(finding.message) < 300
