"""The heads that GoogLeNet and Inception-v3 have in training only, against torchvision's."""

import pytest
import torch
import torchvision

import archlang
from tests.specs.covered import SPECS, Covered, ours, randomised, torchvisions

GOOGLENET = Covered("googlenet.arch", "googlenet")
INCEPTION = Covered("inception.arch", "inception_v3")
# The smallest image that Inception-v3's head takes is 299x299.
SIZES = {GOOGLENET: 64, INCEPTION: 299}
# Our name of each output, in the order of torchvision's tuple.
OUTPUTS = {GOOGLENET: ["output", "aux2", "aux1"], INCEPTION: ["output", "AuxLogits"]}


@pytest.mark.parametrize("of", SIZES, ids=str)
def test_outputs_in_training(of: Covered) -> None:
    size = SIZES[of]
    theirs = randomised(torchvisions(of.model, size), seed=0).train()
    mine = ours(of, size).to_torch("meta").to_empty(device="cpu").train()
    mine.load_state_dict(theirs.state_dict(), strict=True)
    for layer in (*theirs.modules(), *mine.modules()):
        if isinstance(layer, torch.nn.Dropout):
            layer.eval()
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected, found = theirs(images), mine(images)
    assert set(found) == set(OUTPUTS[of])
    for name, value in zip(OUTPUTS[of], expected, strict=True):
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("of", SIZES, ids=str)
def test_heads_can_be_left_out(of: Covered) -> None:
    with torch.device("meta"):
        bare = torchvision.models.get_model(of.model, aux_logits=False, init_weights=False)
    network = archlang.load(SPECS / of.file, of.model, settings={"heads": False})
    keys = {k: v.shape for k, v in network.to_torch("meta").state_dict().items()}
    assert keys == {k: v.shape for k, v in bare.state_dict().items()}
    assert network.aux == {}
