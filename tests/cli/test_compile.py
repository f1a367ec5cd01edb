"""``archlang compile``: what it writes runs, and what cannot be written is said."""

import sys

import pytest
import torch

import archlang
import archlang.cli.compile as command
from tests.cli.conftest import LENET

FREE = """
model free(classes = 3) {
    input image: [3, H=24, W=16]
    require W % 4 == 0
    conv(3x3, 4) -> relu -> maxpool(2x2)
    conv(3x3, 8, groups=2) -> relu -> global_avgpool -> linear(classes)
}
"""
FIXED = "model fixed {\n    input image: [3, H=8, W=8]\n    flatten -> linear(2)\n}\n"


def test_it_runs_what_it_compiled(run):
    done = run("compile", LENET, "--model", "lenet5", "--batch", "3")
    assert (done.code, done.err) == (0, "")
    assert "61,706 parameters" in done.out
    assert "[3, 1, 28, 28] -> [3, 10] on cpu" in done.out


def test_an_exported_program_takes_any_batch(run, tmp_path):
    file = tmp_path / "lenet.pt2"
    done = run("compile", LENET, "--model", "lenet5", "-o", file)
    assert done.code == 0, done.err
    assert done.out.endswith(
        f"written to {file}: image [batch, 1, 28, 28]\n"
        "the exported program gives the module's outputs at [2, 1, 28, 28]; [1, 1, 28, 28]\n"
    )
    program = torch.export.load(file).module()
    assert program(torch.zeros(5, 1, 28, 28)).shape == (5, 10)
    assert [p.name for p in tmp_path.iterdir()] == ["lenet.pt2"]


@pytest.mark.parametrize("ending", ["pt2", "onnx"])
def test_sizes_that_may_vary_do(run, spec, tmp_path, ending):
    file = tmp_path / f"free.{ending}"
    done = run("compile", spec(FREE), "-o", file, "--seed", "4")
    assert (done.code, done.err) == (0, "")
    ran = "onnxruntime" if ending == "onnx" else "the exported program"
    assert done.out.splitlines()[1:] == [
        f"written to {file}: image [batch, 3, H, W]",
        "H from 2 up",
        "W from 4 up in steps of 4",
        f"{ran} gives the module's outputs at [2, 3, 24, 16]; [1, 3, 25, 20]; [3, 3, 2, 4]",
    ]
    torch.manual_seed(4)
    module = archlang.loads(FREE).to_torch().eval()
    images = torch.randn(5, 3, 31, 44)
    if ending == "pt2":
        found = torch.export.load(file).module()(images)
    else:
        import onnxruntime

        session = onnxruntime.InferenceSession(file)
        (array,) = session.run(None, {"image": images.numpy()})
        found = torch.from_numpy(array)
    with torch.no_grad():
        torch.testing.assert_close(found, module(images), rtol=1e-4, atol=1e-5)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([file.name, "net.arch"])


@pytest.mark.parametrize("ending", ["pt2", "onnx"])
def test_why_a_size_stays_is_said(run, spec, tmp_path, ending):
    done = run("compile", spec(FIXED), "-o", tmp_path / f"fixed.{ending}")
    assert done.code == 0
    assert done.out.endswith("note: H and W stay 8: `1` is made for it\n")
    assert "image [batch, 3, 8, 8]\n" in done.out


@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_weights_load_back(run, tmp_path, ending):
    file = tmp_path / f"lenet.{ending}"
    assert run("compile", LENET, "--model", "lenet5", "-o", file, "--seed", "7").code == 0
    if ending == "pt":
        state = torch.load(file, weights_only=True)
    else:
        from safetensors.torch import load_file

        state = load_file(file)
    archlang.load(LENET, "lenet5").to_torch().load_state_dict(state, strict=True)
    torch.manual_seed(7)
    again = archlang.load(LENET, "lenet5").to_torch().state_dict()
    assert all(torch.equal(state[k], again[k]) for k in again)


def test_source_computes_what_the_module_does(run, tmp_path):
    file = tmp_path / "lenet.py"
    done = run("compile", LENET, "--model", "lenet5", "-o", file)
    assert (done.code, done.out) == (0, f"lenet5: 61,706 parameters\nwritten to {file}\n")
    names = {"__name__": "lenet"}
    exec(compile(file.read_text(), file, "exec"), names)
    assert not any("archlang" in str(getattr(v, "__module__", "")) for v in names.values())
    expected, found = archlang.load(LENET, "lenet5").to_torch().eval(), names["Lenet5"]().eval()
    found.load_state_dict(expected.state_dict(), strict=True)
    images = torch.randn(2, 1, 28, 28)
    with torch.no_grad():
        assert torch.equal(found(images), expected(images))


@pytest.mark.parametrize(
    ("arguments", "message", "help_"),
    [
        (["-o", "lenet.xyz"], "cannot tell what to write from the name lenet.xyz",
         "it can end in .pt2, .onnx, .py, .pt, .safetensors; or say what with --format"),
        (["-o", "lenet"], "cannot tell what to write from the name lenet", "--format"),
        (["-o", "lenet.py", "--format", "onnx"],
         "--format onnx does not fit the name lenet.py: .py is for source",
         "leave out --format, or change the ending"),
        (["--format", "source"], "--format source says what to write, but not where",
         "add -o NAME.py"),
        (["-o", "no/lenet.pt"], "cannot write no/lenet.pt: there is no folder no", ""),
        (["-o", "lenet.pt", "--device", "meta"], "on the device meta there are no weights to write",
         "leave out --device meta"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for(run, tmp_path, monkeypatch, arguments, message, help_):
    monkeypatch.chdir(tmp_path)
    done = run("compile", LENET, "--model", "lenet5", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {message}\n")
    assert help_ in done.err
    assert not list(tmp_path.iterdir())


def test_a_folder_is_not_written_over(run, tmp_path):
    done = run("compile", LENET, "--model", "lenet5", "--format", "pt", "-o", tmp_path)
    assert (done.code, done.err) == (2, f"error: cannot write {tmp_path}: it is a folder\n")


def test_a_format_goes_before_an_unknown_ending(run, tmp_path):
    file = tmp_path / "weights.bin"
    assert run("compile", LENET, "--model", "lenet5", "-o", file, "--format", "pt").code == 0
    assert "0.weight" in torch.load(file, weights_only=True)


def test_what_a_format_needs_is_said(run, tmp_path, monkeypatch):
    real = command.find_spec
    monkeypatch.setattr(command, "find_spec", lambda n: None if "onnx" in n else real(n))
    done = run("compile", LENET, "--model", "lenet5", "-o", tmp_path / "lenet.onnx")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: writing onnx needs onnx and onnxscript, not installed here\n"
        "help: pip install 'archlang[onnx]'\n"
    )


def test_without_a_runtime_it_says_that_nothing_was_run(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    done = run("compile", LENET, "--model", "lenet5", "-o", tmp_path / "lenet.onnx")
    assert done.code == 0
    assert done.out.endswith("it was checked, but not run: onnxruntime is not installed\n")


def test_weights_too_large_for_one_file_lie_beside_it(run, spec, tmp_path, monkeypatch):
    import onnxruntime

    from archlang.backends.torch import export

    monkeypatch.setattr(export, "LARGEST_FILE", 100)
    wide = "model wide {\n    input x: [64]\n    linear(256) -> relu -> linear(2)\n}\n"
    file = tmp_path / "wide.onnx"
    done = run("compile", spec(wide), "-o", file)
    assert f"written to {file}.data and {file}: x [batch, 64]\n" in done.out
    assert file.stat().st_size < 64 * 256 * 4 < file.with_name("wide.onnx.data").stat().st_size
    session = onnxruntime.InferenceSession(file)
    assert session.run(None, {"x": torch.zeros(3, 64).numpy()})[0].shape == (3, 2)


def test_what_is_there_survives_a_failed_write(run, tmp_path, monkeypatch):
    file = tmp_path / "lenet.pt"
    file.write_bytes(b"precious")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    done = run("compile", LENET, "--model", "lenet5", "-o", file)
    assert (done.code, "no space left" in done.err) == (2, True)
    assert file.read_bytes() == b"precious"
    assert [p.name for p in tmp_path.iterdir()] == ["lenet.pt"]


@pytest.mark.parametrize("ending", ["pt2", "onnx"])
def test_what_the_exporter_refuses_is_said(run, tmp_path, monkeypatch, ending):
    def refuse(*_, **__):
        try:
            raise ValueError("no such thing\nand a long story")
        except ValueError as error:
            raise RuntimeError("\033[96mstep 3/3\033[0m of the work failed") from error

    monkeypatch.setattr(torch.export if ending == "pt2" else torch.onnx, "export", refuse)
    file = tmp_path / f"lenet.{ending}"
    done = run("compile", LENET, "--model", "lenet5", "-o", file)
    what = "export it" if ending == "pt2" else "write it as ONNX"
    said = f"error: cannot write {file}: PyTorch cannot {what}: ValueError: no such thing\n"
    assert (done.code, done.err) == (1, said)
    assert not list(tmp_path.iterdir())


def test_devices(run):
    assert run("compile", LENET, "--model", "lenet5", "--device", "meta").code == 0
    done = run("compile", LENET, "--model", "lenet5", "--device", "abacus")
    assert (done.code, "cannot build on the device abacus" in done.err) == (2, True)
