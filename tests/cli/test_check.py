import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import LENET, RESNET

WRONG = "model m {\n  input x: [3, 8, 8]\n  conv(3x3, 8) : [8, 9, 8]\n  flat\n}\n"


def test_a_right_spec(run):
    done = run("check", LENET)
    assert (done.code, done.err) == (0, "")
    assert "lenet5 ok: [1, 28, 28] -> [10], 61,706 parameters" in done.out
    assert "lenet5_valid ok" in done.out


def test_findings_show_the_lines_and_exit_with_1(run, spec):
    done = run("check", spec(WRONG))
    assert done.code == 1
    assert "error[A201]: shape assertion failed" in done.out
    assert "specified 9; inferred 8" in done.out
    assert "write `flatten`" in done.out
    assert "2 errors" in done.out


def test_findings_as_data(run, spec):
    file = spec(WRONG)
    done = run("check", file, "--format", "json")
    data = json.loads(done.out)
    assert done.code == 1
    assert data["version"]
    first, second = data["diagnostics"]
    assert (first["code"], first["severity"], first["file"]) == ("A201", "error", file)
    assert first["start"] == {"line": 3, "column": 22}
    assert first["end"] == {"line": 3, "column": 23}
    assert first["message"] == "shape assertion failed"
    assert second["help"] == "write `flatten`"
    assert isinstance(second["related"], list)


def test_clean_data(run):
    data = json.loads(run("check", LENET, "--format", "json").out)
    assert data["diagnostics"] == []
    assert [m["model"] for m in data["models"]] == ["lenet5", "lenet5_valid"]


def test_what_is_known_of_each_model_as_data(run, spec):
    text = "model {} {{ input x: [3, H=8, W=8]; maxpool(2x2); {} }}\n"
    file = spec(text.format("right", "relu") + text.format("wrong", "rleu"))
    (model,) = json.loads(run("check", file, "--format", "json").out)["models"]
    assert (model["file"], model["model"]) == (file, "right")
    assert (model["inputs"], model["outputs"]) == ({"x": [3, 8, 8]}, {"output": [3, 4, 4]})
    assert (model["totals"]["params"], model["totals"]["neurons"]) == (0, 2 * 3 * 4 * 4)
    assert model["sizes"]["words"] == "H >= 2 and W >= 2"


def test_ways_out_in_words_and_as_data(run, spec):
    file = spec("model m {\n  input x: [3, H=8, W=8]\n"
                "  concat { avgpool(2x2) | conv(3x3, 4, stride=2) }\n}\n")  # fmt: skip
    done = run("check", file)
    assert "help: `ceil=true` in `avgpool(2x2)`: then legal for every H and W\n3 + " in done.out
    assert "help: or state it: `require H % 2 == 0 and W % 2 == 0`\n3 +   require" in done.out
    (finding,) = json.loads(run("check", file, "--format", "json").out)["diagnostics"]
    (edit,) = finding["fixes"][0]["edits"]
    assert (edit["start"], edit["replacement"]) == ({"line": 3, "column": 23}, ", ceil=true")


def test_one_model_of_many(run):
    done = run("check", RESNET, "--model", "resnet34")
    assert done.out.count(" ok: ") == 1


def test_an_unknown_model_names_the_nearest(run):
    done = run("check", RESNET, "--model", "resnet_50")
    assert done.code == 2
    assert "did you mean `resnet50`?" in done.err


def test_settings_and_input(run):
    done = run("check", RESNET, "-m", "resnet18", "--set", "classes=10", "--input", "3x64x96")
    assert "[3, 64, 96] -> [10]" in done.out
    assert run("check", RESNET, "-m", "resnet18", "--set", "classes").code == 2
    assert run("check", RESNET, "-m", "resnet18", "--input", "3x").code == 2
    done = run("check", RESNET, "-m", "resnet18", "--set", "clases=10")
    assert done.code == 1
    assert "`resnet` has no parameter `clases`" in done.out
    assert "did you mean `classes`?" in done.out


def test_a_library_of_blocks_checks(run, spec):
    done = run("check", spec("block b(c) { conv(3x3, c) }"))
    assert (done.code, "blocks: b" in done.out) == (0, True)


def test_standard_input(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "archlang", "check", "-"],
        input=WRONG.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert b"<stdin>:3:22" in done.stdout


def test_color_only_where_it_is_wanted(run, spec):
    assert "\033[" not in run("check", spec(WRONG)).out


BAD: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 1, "defines nothing"),
    "binary": (bytes(range(256)) * 40, 1, "not a text file"),
    "long line": (b"a" * 1_000_000, 1, "the longest that is read is 20,000"),
    "long chain": (b"model m { input x: [3]; " + b"relu -> " * 125_000 + b"relu }", 1, "a line of"),
    "deep braces": (
        b"model m { input x: [3]\n" + b"{\n" * 10_000 + b"relu" + b"\n}" * 10_000 + b" }",
        1,
        "nest deeper than 64",
    ),
    "copies": (b"model m { input x: [3]; relu x 1000000000 }", 1, "1,000,000,000 copies"),
    "nested copies": (
        b"model m { input x: [3]; { { { relu x 999 } x 999 } x 999 } x 999 }",
        1,
        "more than 50,000 layers",
    ),
    "channels": (
        b"model m { input x: [3, 8, 8]; conv(3x3, 10**12) }",
        1,
        "`channels` of `conv` is 1,000,000,000,000",
    ),
    "power": (b"model m { input x: [3]; linear(10**10**10) }", 1, "a power of more than 256 bits"),
    "loops": (
        b"model m { input x: [3]; for i in range(99999) { for j in range(99999) { } }\nrelu }",
        1,
        "more than 200,000 steps",
    ),
    "sum": (b"let a = " + b"1 + " * 4_000 + b"1", 1, "nests too deep"),
    "digits": (b"let a = " + b"1" * 10_000, 1, "a number of 10000 characters"),
    "self": (b'use "self.arch"', 1, "uses itself"),
    "no such file": (b'use "nowhere.arch"', 1, "no such file"),
    "a folder used": (b'use ".."', 1, "cannot use"),
    "no such library": (b'use "std/resnets"', 1, "help: write `std/resnet`"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_answered_soon_and_in_words(name, tmp_path):
    content, code, words = BAD[name]
    file = tmp_path / ("self.arch" if name == "self" else "bad.arch")
    file.write_bytes(content)
    started = time.monotonic()
    done = run_limited("check", str(file))
    assert done.returncode == code, done.stderr
    assert words in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert time.monotonic() - started < 10  # 2 s alone; others may be at work on this machine


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (500_000_000, 500_000_000))
from archlang.cli import main
main()
"""


def run_limited(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a process that can have 500 MB."""
    command = [sys.executable, "-c", LIMITED, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_files_that_cannot_be_read(run, tmp_path):
    (tmp_path / "resnet.arch").write_text("")
    done = run("check", tmp_path / "resnt.arch")
    assert (done.code, "did you mean" in done.err) == (2, True)
    done = run("check", tmp_path)
    assert (done.code, "is a folder" in done.err, "resnet.arch" in done.err) == (2, True, True)
    assert run("check", "a\0b").code == 2
    assert run("check", tmp_path / "resnet.arch" / "x").code == 2


def test_usage(run):
    assert run("check").code == 2
    assert run("check", LENET, "--nonsense").code == 2
    assert run("nonsense").code == 2
    assert run("--version").out.startswith("archlang ")
    assert run("--help").code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell):
    environment = {**os.environ, "_ARCHLANG_COMPLETE": f"source_{shell}"}
    program = Path(sys.executable).with_name("archlang")
    done = subprocess.run([program], env=environment, capture_output=True, text=True, check=False)
    assert "archlang" in done.stdout


def test_an_interrupt_exits_with_130(run, monkeypatch):
    import archlang.cli.check as command

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "check_file", interrupted)
    done = run("check", LENET)
    assert (done.code, done.err) == (130, "interrupted\n")


def test_our_own_failure_is_no_traceback(run, monkeypatch):
    import archlang.cli.check as command

    def broken(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(command, "check_file", broken)
    done = run("check", LENET)
    assert done.code == 70
    assert "a bug" in done.err
    assert "Traceback" not in done.err


def test_requirements_beside_the_spec_s(run) -> None:
    spec = "specs/lenet5.arch"
    assert run("check", spec, "-m", "lenet5", "--require", "params <= 61706").code == 0
    ended = run("check", spec, "--require", "params <= 60K", "--require", "depth == 5")
    assert ended.code == 1
    assert "params is 61,706, 1,706 more than 60,000" in ended.out
    assert "depth" not in ended.out
    data = json.loads(run("check", spec, "--require", "memory(4) < 1MB", "--format", "json").out)
    assert {d["code"] for d in data["diagnostics"]} == {"A205"}
    assert run("check", spec, "--require", "classes == 10").code == 0
    assert "unknown name `widht`" in run("check", spec, "--require", "widht == 1").out
    unread = run("check", spec, "--require", "params <=")
    assert unread.code == 2
    assert "error[A101]" in unread.err
