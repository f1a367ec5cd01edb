import pytest
import torch

import archlang
from tests.cli.conftest import LENET


def test_it_runs_what_it_compiled(run):
    done = run("compile", LENET, "--model", "lenet5", "--batch", "3")
    assert (done.code, done.err) == (0, "")
    assert "61,706 parameters" in done.out
    assert "[3, 1, 28, 28] -> [3, 10] on cpu" in done.out


def test_an_exported_program_takes_any_batch(run, tmp_path):
    file = tmp_path / "lenet.pt2"
    done = run("compile", LENET, "--model", "lenet5", "-o", file)
    assert done.code == 0, done.err
    program = torch.export.load(file).module()
    assert program(torch.zeros(5, 1, 28, 28)).shape == (5, 10)
    assert [p.name for p in tmp_path.iterdir()] == ["lenet.pt2"]


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


def test_what_cannot_be_written(run, tmp_path):
    done = run("compile", LENET, "--model", "lenet5", "-o", tmp_path / "lenet.xyz")
    assert (done.code, ".safetensors" in done.err) == (2, True)
    done = run("compile", LENET, "--model", "lenet5", "-o", tmp_path / "no" / "lenet.pt")
    assert (done.code, "cannot write" in done.err) == (2, True)


def test_what_is_there_survives_a_failed_write(run, tmp_path, monkeypatch):
    import archlang.cli.compile as command

    file = tmp_path / "lenet.pt"
    file.write_bytes(b"precious")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(command._WRITERS, ".pt", full)
    done = run("compile", LENET, "--model", "lenet5", "-o", file)
    assert (done.code, "no space left" in done.err) == (2, True)
    assert file.read_bytes() == b"precious"
    assert [p.name for p in tmp_path.iterdir()] == ["lenet.pt"]


def test_devices(run):
    assert run("compile", LENET, "--model", "lenet5", "--device", "meta").code == 0
    done = run("compile", LENET, "--model", "lenet5", "--device", "abacus")
    assert (done.code, "cannot build on the device abacus" in done.err) == (2, True)
