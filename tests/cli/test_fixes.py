"""``check`` shows the values of each ``?``, and ``check --fix`` writes them, and nothing else."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from archlang.edit.files import rewritten, write
from archlang.elaborate.files import decode
from archlang.source import Edit, Span

SPEC = """\
use "part"
# is it 3? yes
model m(classes = 10) {
    input image: [3, H=32, W=32]   # ? here, and "?"
    conv(7x7, 8, stride=2, pad=?)  : [8, ceil(H/2), ceil(W/2)]
    unit(?)                        : [4, ceil(H/2), ceil(W/2)]
    global_avgpool -> linear(classes)
}
"""
PART = "block unit(c) : [C, H, W] -> [c, H, W] { conv(3x3, c, pad=?) -> relu }\n"
FIXED = SPEC.replace("pad=?", "pad=3").replace("unit(?)", "unit(4)")
WRONG = "model m {\n  input x: [3, 8, 8]\n  conv(3x3, 8, pad=?) : [8, 8, 8]\n  flat\n}\n"


@pytest.fixture
def pair(tmp_path):
    """A spec and the file that it uses."""
    (tmp_path / "net.arch").write_bytes(SPEC.encode())
    (tmp_path / "part.arch").write_bytes(PART.encode())
    return tmp_path / "net.arch", tmp_path / "part.arch"


def archlang(*arguments: str, data: bytes, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """Run the program with something on standard input."""
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-m", "archlang", *arguments],
        input=data,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": root},
        check=False,
    )


def test_values_are_shown(run, pair):
    done = run("check", pair[0])
    assert (done.code, done.err) == (0, "")
    assert "hint[A212]: `pad=?` is 3" in done.out
    assert ":5:32\n" in done.out
    assert "^ 3" in done.out
    assert "help: `archlang check --fix` writes these values into the spec" in done.out
    assert " m ok: " in done.out
    assert pair[0].read_text() == SPEC


def test_values_as_data(run, pair):
    data = json.loads(run("check", pair[0], "--format", "json").out)
    assert data["diagnostics"] == []
    assert data["solved"] == [
        {"file": str(pair[0]), "line": 5, "column": 32, "parameter": "pad", "value": 3},
        {"file": str(pair[0]), "line": 6, "column": 10, "parameter": "channels", "value": 4},
        {"file": str(pair[1]), "line": 1, "column": 59, "parameter": "pad", "value": 1},
    ]


def test_all_commands_use_them(run, pair):
    assert "conv(7x7, 8, stride=2, pad=3)" in run("summary", pair[0]).out
    assert "3 <= H" not in run("sizes", pair[0]).out


def test_they_are_written_into_all_files(run, pair):
    pair[0].chmod(0o640)
    done = run("check", "--fix", pair[0])
    assert (done.code, done.err) == (0, "")
    assert f"{pair[0]}:5:32: wrote 3 for `?`" in done.out
    assert f"{pair[1]}:1:59: wrote 1 for `?`" in done.out
    assert "hint" not in done.out
    assert pair[0].read_text() == FIXED
    assert pair[1].read_text() == PART.replace("?", "1")
    assert stat.S_IMODE(pair[0].stat().st_mode) == 0o640
    assert sorted(p.name for p in pair[0].parent.iterdir()) == ["net.arch", "part.arch"]
    again = run("check", "--fix", pair[0])
    assert (again.code, "wrote" in again.out) == (0, False)


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_line_ends_and_marks_stay(run, pair, ends):
    before = b"\xef\xbb\xbf" + SPEC.replace("\n", ends).encode()
    pair[0].write_bytes(before)
    assert run("check", "--fix", pair[0]).code == 0
    assert pair[0].read_bytes() == b"\xef\xbb\xbf" + FIXED.replace("\n", ends).encode()


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_lines_that_are_added_end_as_the_others(run, tmp_path, ends):
    open_ = "model m {\n    input x: [3, 8, 8]\n    residual {\n        tanh\n    relu\n}\n"
    path = tmp_path / "net.arch"
    path.write_bytes(open_.replace("\n", ends).encode())
    assert run("check", "--fix", path).code == 0
    closed = open_.replace("tanh\n", "tanh\n    }\n")
    assert path.read_bytes() == closed.replace("\n", ends).encode()


def test_a_link_stays_a_link(run, pair, tmp_path):
    link = tmp_path / "link.arch"
    link.symlink_to(pair[0])
    assert run("check", "--fix", link).code == 0
    assert link.is_symlink()
    assert pair[0].read_text() == FIXED


def test_nothing_is_written_of_a_spec_with_errors(run, spec):
    file = spec(WRONG)
    done = run("check", "--fix", file)
    assert done.code == 1
    assert "unknown layer or block `flat`" in done.out
    assert Path(file).read_text() == WRONG


def test_two_models_that_want_two_values(run, spec):
    text = "block u { conv(3x3, 4, pad=?) }\n" + "".join(
        f"model {name} {{\n  input x: [3, 8, 8]\n  u : [4, {size}, {size}]\n}}\n"
        for name, size in (("a", 8), ("b", 6))
    )
    file = spec(text)
    assert run("check", file).code == 0
    done = run("check", "--fix", file)
    assert done.code == 1
    assert "this `?` is 1 in one model and 0 in another" in done.out
    assert Path(file).read_text() == text
    assert run("check", "--fix", "--model", "b", file).code == 0
    assert "pad=0" in Path(file).read_text()


def test_standard_input_is_printed(pair, tmp_path):
    data = SPEC.replace("\n", "\r\n").encode()
    done = archlang("check", "--fix", "-", data=data, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout == FIXED.replace("\n", "\r\n").encode()
    assert b"<stdin>:5:32: wrote 3 for `?`" in done.stderr
    assert b"m ok" in done.stderr
    assert pair[1].read_text() == PART.replace("?", "1")


def test_standard_input_with_errors_is_printed_as_it_is(tmp_path):
    done = archlang("check", "--fix", "-", data=WRONG.encode(), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == WRONG.encode()
    assert b"unknown layer or block `flat`" in done.stderr


def test_what_fix_does_not_go_with(run, pair):
    done = run("check", "--fix", "--set", "classes=3", pair[0])
    assert done.code == 2
    assert "it takes no --set" in done.err
    assert run("check", "--fix", "--format", "json", "-").code == 2
    assert pair[0].read_text() == SPEC


def test_a_file_that_changes_meanwhile_is_left_alone(run, pair, monkeypatch):
    from archlang.cli import fixes

    monkeypatch.setattr(fixes, "decode", lambda data, name: decode(data + b"\n", name))
    done = run("check", "--fix", pair[0])
    assert done.code == 2
    assert "was changed while it was checked: nothing is written" in done.err
    assert pair[0].read_text() == SPEC


def test_what_cannot_be_written_is_said_and_nothing_is_written(run, pair, monkeypatch):
    denied = str(pair[1].resolve())
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != denied and access(path, mode))
    done = run("check", "--fix", pair[0])
    assert done.code == 2
    assert f"cannot write {pair[1]}: permission denied" in done.err
    assert pair[0].read_text() == SPEC
    assert sorted(p.name for p in pair[0].parent.iterdir()) == ["net.arch", "part.arch"]


def test_files_are_written_all_or_none(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    paths[0].write_bytes(b"old")
    with pytest.raises(OSError):
        write({paths[0]: b"new", paths[1]: b"new"})
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert paths[0].read_bytes() == b"old"


SLIPS = """\
use "std/se"  # squeeze
let spare = 3
model m {
    input x: [3, 8, 8]
    conf(3x3, 8) -> rellu   # one line, two slips
    residual { relu(inplace=true) -> conv(3x3, 8) -> bn }
    let kept = [1,  # why
        2]
}
"""
MENDED = """\
# squeeze
model m {
    input x: [3, 8, 8]
    conv(3x3, 8) -> relu   # one line, two slips
    residual { relu(inplace=false) -> conv(3x3, 8) -> bn }
    let kept = [1,  # why
        2]
}
"""


def test_what_is_safe_is_fixed_until_nothing_is_left(run, spec):
    file = spec(SLIPS)
    before = run("check", file)
    assert "help: `archlang check --fix` fixes 2 of 2" in before.out
    done = run("check", "--fix", file)
    assert (done.code, done.err) == (0, "")
    assert Path(file).read_text() == MENDED
    assert f"{file}:5:5: fixed A103: write `conv`" in done.out
    assert f"{file}:2:5: fixed A302: leave `spare` out" in done.out
    assert "warning[A301]" in done.out
    assert "`--unsafe-fixes` makes the first fix of 2 more" in done.out
    again = run("check", "--fix", file)
    assert (again.code, ": fixed " in again.out) == (0, False)
    assert Path(file).read_text() == MENDED


def test_what_is_not_safe_is_made_where_that_is_asked(run, spec):
    file = spec(SLIPS)
    assert run("check", "--fix", "--unsafe-fixes", file).code == 0
    assert "conv(3x3, 8, bias=false) -> bn" in Path(file).read_text()
    assert "let kept = [1,  # why" in Path(file).read_text()  # a comment is never lost


def test_the_difference_is_shown_and_nothing_is_written(run, spec):
    file = spec(SLIPS)
    done = run("check", "--diff", file)
    assert done.code == 1
    assert done.out.startswith(f"--- {file}\n+++ {file}\n@@ ")
    assert "-    conf(3x3, 8) -> rellu   # one line, two slips\n" in done.out
    assert "+    conv(3x3, 8) -> relu   # one line, two slips\n" in done.out
    assert "fixed A103" in done.err
    assert Path(file).read_text() == SLIPS
    Path(file).write_text(MENDED)
    assert (run("check", "--diff", file).code, run("check", "--diff", file).out) == (0, "")


def test_files_that_a_spec_uses_are_fixed_too(run, spec, tmp_path):
    part = spec("block unit(c) {\r\n    conf(3x3, c)\r\n}\r\n", "part.arch")
    Path(part).write_bytes(b"block unit(c) {\r\n    conf(3x3, c)\r\n}\r\n")
    texts = [f'use "part"\nmodel m {{\n  input x: [3, 8, 8]\n  unit({n})\n}}\n' for n in (3, 4)]
    files = [spec(text, f"{n}.arch") for n, text in enumerate(texts)]
    done = run("check", "--fix", *files)
    assert done.code == 0
    assert done.out.count("fixed A103") == 1
    assert Path(part).read_bytes() == b"block unit(c) {\r\n    conv(3x3, c)\r\n}\r\n"


def test_the_standard_library_is_left_alone(run, spec):
    text = 'use "std/resnet"\nmodel m {\n  input x: [3, 8, 8]\n  basic_block(8.5)\n}\n'
    file = spec(text)
    assert run("check", "--fix", "--unsafe-fixes", file).code == 1
    assert Path(file).read_text() == text


def test_a_fix_that_makes_another_mistake_is_left_out(run, spec, tmp_path):
    """What is right in one spec need not be in another that uses the same file."""
    part = spec("block unit { conv(3x3, 4, pad=0) }\n", "part.arch")
    model = 'use "part"\nmodel m {{\n  input x: [3, 8, 8]\n  unit : [4, {0}, {0}]\n}}\n'
    files = [spec(model.format(n), f"m{n}.arch") for n in (6, 8)]
    done = run("check", "--fix", "--unsafe-fixes", *files)
    assert done.code == 0  # the assertion is restated; the block stays as both need it
    assert Path(part).read_text() == "block unit { conv(3x3, 4, pad=0) }\n"
    assert "[4, 6, 6]" in Path(files[1]).read_text()


def test_slips_in_definitions_and_brackets_are_fixed(run, spec):
    text = "let base = 8\nmodel m(c = baes) {\n  input x: [3, 8, 8]\n  conv(3x3, c -> relu\n}\n"
    file = spec(text)
    assert run("check", "--fix", file).code == 0
    assert Path(file).read_text() == text.replace("baes", "base").replace("c ->", "c) ->")


def test_standard_input_is_printed_fixed(tmp_path):
    done = archlang("check", "--fix", "-", data=SLIPS.encode(), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, MENDED.encode())
    done = archlang("check", "--diff", "-", data=SLIPS.encode(), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith(b"--- <stdin>\n+++ <stdin>\n")


def test_what_unsafe_fixes_do_not_go_with(run, spec):
    assert run("check", "--unsafe-fixes", spec(SLIPS)).code == 2
    assert run("check", "--diff", "--format", "json", spec(SLIPS)).code == 2


pieces = st.lists(st.sampled_from(["a", "é", "\n", "\r\n", "?", "𝔸", " "]), max_size=30)


@given(pieces, st.booleans(), st.data())
def test_edits_change_nothing_else(parts, mark, data):
    """What is read after an edit is what was read, the marks replaced."""
    start = b"\xef\xbb\xbf" if mark else b""
    raw = start + "".join(parts).encode()
    source = decode(raw, "text")
    marks = [i for i, c in enumerate(source.text) if c == "?"]
    texts = data.draw(st.lists(st.sampled_from(["1", "64", "true"]), min_size=len(marks),
                               max_size=len(marks)))  # fmt: skip
    changes = [Edit(Span(source, i, i + 1), text) for i, text in zip(marks, texts, strict=True)]
    expected = iter(texts)
    wanted = "".join(next(expected) if part == "?" else part for part in parts)
    assert rewritten(raw, reversed(changes)) == start + wanted.encode()
