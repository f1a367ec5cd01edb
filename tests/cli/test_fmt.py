"""``archlang fmt``: what it writes, what it only says, and how it ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BAD = "model m{\n  input x:[3,H = 8]  # in\n\n\n\n  relu->tanh:[3,_]\n}\n"
GOOD = "model m {\n    input x: [3, H=8]  # in\n\n    relu -> tanh : [3, _]\n}\n"
WRONG = "model m {\n  relu(\n}\n"


def piped(data: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "archlang", "fmt", "-", *arguments],
        input=data,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


def test_the_repository_is_in_the_style(run):
    done = run("fmt", "--check", ROOT / "specs", ROOT / "archlang" / "std", ROOT / "examples")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith(" files in the style already\n")


def test_files_are_written(run, spec):
    bad, good = spec(BAD, "bad.arch"), spec(GOOD, "good.arch")
    before = os.stat(good).st_mtime_ns
    done = run("fmt", bad, good)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"formatted {bad}\n1 file formatted, 1 file in the style already\n"
    assert Path(bad).read_text() == Path(good).read_text() == GOOD
    assert os.stat(good).st_mtime_ns == before
    assert run("fmt", bad).out == "1 file in the style already\n"


def test_check_writes_nothing(run, spec):
    bad = spec(BAD)
    done = run("fmt", "--check", bad)
    assert (done.code, done.out) == (1, f"would format {bad}\n1 file would be formatted\n")
    assert Path(bad).read_text() == BAD


def test_diff_writes_nothing(run, spec):
    bad = spec(BAD)
    done = run("fmt", "--diff", bad)
    assert done.code == 1
    assert done.out.startswith(f"--- {bad}\n+++ {bad}\n@@ -1,7 +1,5 @@\n-model m{{\n")
    assert "+    relu -> tanh : [3, _]\n" in done.out
    assert done.err == f"would format {bad}\n1 file would be formatted\n"
    assert Path(bad).read_text() == BAD
    assert run("fmt", "--diff", spec(GOOD)).code == 0


def test_a_syntax_error_leaves_its_file_alone(run, spec):
    wrong, bad = spec(WRONG, "wrong.arch"), spec(BAD, "bad.arch")
    done = run("fmt", wrong, bad)
    assert done.code == 1
    assert "1 file formatted, 1 file left alone, for a syntax error" in done.out
    assert "error[A102]" in done.err
    assert Path(wrong).read_text() == WRONG
    assert Path(bad).read_text() == GOOD


def test_folders(run, tmp_path):
    for name in ("a.arch", "b/c.arch", ".hidden/d.arch", "e.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(BAD)
    done = run("fmt", tmp_path)
    assert done.out.endswith("2 files formatted\n")
    assert (tmp_path / ".hidden" / "d.arch").read_text() == BAD
    assert (tmp_path / "e.txt").read_text() == BAD
    (tmp_path / "none").mkdir()
    nothing = run("fmt", tmp_path / "none")
    assert (nothing.code, nothing.out) == (2, "")
    assert "holds no .arch file" in nothing.err


def test_a_folder_may_be_named_as_a_spec_is(run, tmp_path):
    (tmp_path / "d.arch").mkdir()
    (tmp_path / "d.arch" / "in.arch").write_text(BAD)
    assert run("fmt", tmp_path).out.endswith("1 file formatted\n")
    assert run("fmt", tmp_path / "d.arch").out == "1 file in the style already\n"


def test_a_file_given_twice_is_one(run, spec, tmp_path, monkeypatch):
    bad = spec(BAD)
    (tmp_path / "link.arch").symlink_to(bad)
    monkeypatch.chdir(tmp_path)
    done = run("fmt", bad, "net.arch", "./net.arch", "link.arch", ".")
    assert done.out.splitlines()[-1] == "1 file formatted"
    assert Path(bad).read_text() == GOOD
    assert (tmp_path / "link.arch").is_symlink()


@pytest.mark.parametrize("text", ["", "\n\n", "# only\n\n\n\n#more", "#", "archlang 1"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_little_files(run, tmp_path, text, ends):
    """No line, none with a break at its end, comments alone: all of what is there stays."""
    path = tmp_path / "net.arch"
    path.write_bytes(text.replace("\n", ends).encode())
    assert run("fmt", path).code == 0
    made = path.read_bytes().decode()
    assert made.split() == text.split()
    ends = ends if "\n" in text else "\n"
    assert made == "" or (made.endswith(ends) and not made.endswith(2 * ends))
    assert run("fmt", "--check", path).code == 0


def test_among_many_a_bad_one_is_told(run, tmp_path):
    for number in range(30):
        (tmp_path / f"n{number}.arch").write_text(WRONG if number == 17 else BAD)
    done = run("fmt", "--check", tmp_path)
    assert done.code == 1
    assert done.out.splitlines()[-1] == (
        "29 files would be formatted, 1 file left alone, for a syntax error"
    )
    assert "n17.arch:2:7" in done.err
    assert (tmp_path / "n3.arch").read_text() == BAD


def test_a_missing_file_stops_all(run, spec, tmp_path):
    bad = spec(BAD)
    done = run("fmt", bad, tmp_path / "nte.arch")
    assert done.code == 2
    assert "there is no file" in done.err
    assert Path(bad).read_text() == BAD


def test_a_file_that_cannot_be_written(run, spec, monkeypatch):
    bad = spec(BAD)
    monkeypatch.setattr(os, "access", lambda *_: False)
    done = run("fmt", bad)
    assert done.code == 2
    assert f"cannot write {bad}: permission denied" in done.err
    assert Path(bad).read_text() == BAD


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
def test_mark_and_line_ends_stay(run, tmp_path, mark, ends):
    path = tmp_path / "net.arch"
    path.write_bytes(mark + BAD.encode().replace(b"\n", ends))
    assert run("fmt", path).code == 0
    assert path.read_bytes() == mark + GOOD.encode().replace(b"\n", ends)


def test_standard_input():
    done = piped(BAD.encode())
    assert (done.returncode, done.stdout, done.stderr) == (0, GOOD.encode(), b"")
    assert piped(GOOD.encode()).stdout == GOOD.encode()
    windows = GOOD.replace("\n", "\r\n").encode()
    assert piped(windows).stdout == windows
    assert piped(BAD.encode(), "--check").returncode == 1
    assert piped(BAD.encode(), "--check").stdout == b""
    assert piped(BAD.encode(), "--diff").stdout.startswith(b"--- <stdin>\n+++ <stdin>\n")
    wrong = piped(WRONG.encode())
    assert (wrong.returncode, wrong.stdout) == (1, b"")
    assert b"error[A102]" in wrong.stderr


def test_what_is_no_text(run, tmp_path):
    path = tmp_path / "net.arch"
    path.write_bytes(b"model \xff")
    done = run("fmt", path)
    assert done.code == 1
    assert "is not text in UTF-8" in done.err
    assert path.read_bytes() == b"model \xff"


@pytest.mark.parametrize(
    ("lines", "changed"),
    [("1", []), ("2", [2]), ("2:2", [2]), ("6:7", [6, 7]), ("7:99", [7]), ("1:7", [2, 6, 7])],
)
def test_some_lines(run, spec, lines, changed):
    text = "model m {\n  input x:[3,8]\n\n\n\n  relu->tanh\n relu6\n}\n"
    bad = spec(text)
    done = run("fmt", bad, "--lines", lines)
    assert (done.code, done.err) == (0, "")
    after = Path(bad).read_text()
    for number, line in enumerate(text.splitlines(), 1):
        if line:
            assert (line in after.splitlines()) == (number not in changed), (line, after)
    assert run("fmt", bad).code == 0
    assert Path(bad).read_text() == (
        "model m {\n    input x: [3, 8]\n\n    relu -> tanh\n    relu6\n}\n"
    )


def test_some_lines_of_what(run, spec):
    two = spec(BAD, "a.arch"), spec(BAD, "b.arch")
    assert run("fmt", *two, "--lines", "2").err == (
        "error: --lines says which lines of one spec, and here are 2\n"
    )
    for lines in ("0", "3:2", "x", "1:2:3", "-1"):
        done = run("fmt", two[0], f"--lines={lines}")
        assert (done.code, done.out) == (2, "")
        assert done.err == f"error: --lines takes two numbers of lines, as in 3:9, not `{lines}`\n"
    done = run("fmt", two[0], "--lines", "8")
    assert (done.code, done.err) == (2, f"error: {two[0]} has 7 lines: line 8 is not there\n")
    assert Path(two[0]).read_text() == BAD
    done = run("fmt", two[0], "--lines", "2", "--check")
    assert (done.code, Path(two[0]).read_text()) == (1, BAD)
    assert piped(BAD.encode(), "--lines", "7").stdout.decode().startswith("model m{\n  input x:[3")
