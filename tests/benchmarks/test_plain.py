"""The plain formulation does what the package does."""

import inspect
from itertools import repeat

import numpy as np
import pytest
import torch

from benchmarks import plain
from benchmarks.competitors import crops_given
from sklearn_tsrep import TRepTransformer
from sklearn_tsrep.data.crops import CropPairs
from sklearn_tsrep.losses.trep import TRepObjective

LENGTH = 12
WIDTHS = {"n_latents": 6, "hidden_channels": 8, "n_time_latents": 4, "n_blocks": 2}


@pytest.fixture(name="X")
def panel():
    return np.random.default_rng(0).normal(size=(5, 3, LENGTH)).astype(np.float32)


@pytest.fixture
def untrained(X):
    return _estimator(max_epochs=0).fit(X)


@pytest.fixture
def network(untrained):
    """Return the plain network with the weights that ours starts from."""
    network = plain.Network(3, float(LENGTH), dropout=0.0, **WIDTHS)
    _copy_weights(untrained.module_, network)
    return network


def _estimator(**parameters):
    return TRepTransformer(
        **WIDTHS,
        scale=False,
        dropout=0.0,
        mask_ratio=0.0,
        batch_size=5,
        device="cpu",
        random_state=0,
        **parameters,
    )


@torch.no_grad()
def _copy_weights(source, target):
    """Copy weights in order; the plain network knows of no missing values."""
    theirs = iter(source.parameters())
    for weight in target.parameters():
        found = next(one for one in theirs if one.numel() == weight.numel())
        weight.copy_(found.view_as(weight))


def _series(X):
    return torch.from_numpy(X).transpose(1, 2)


def test_encoder_gives_the_representations_of_ours(X, untrained, network):
    encoded = plain.encode(network.encoder, _series(X))
    np.testing.assert_allclose(encoded, untrained.encode(X), atol=1e-5)


def test_hidden_steps_are_those_that_ours_masks(X, untrained, network):
    kept = torch.ones(5, LENGTH)
    kept[0, 4] = kept[3, 6:9] = 0
    gaps = X.copy()
    gaps[kept.unsqueeze(1).expand(-1, 3, -1).numpy() == 0] = np.nan
    time = torch.arange(float(LENGTH)).expand(5, -1)
    latents, _ = network.encoder(_series(X), time, kept)
    encoded = latents.transpose(1, 2).detach().numpy()
    np.testing.assert_allclose(encoded, untrained.encode(gaps), atol=1e-5)


@pytest.mark.parametrize("length", [LENGTH, LENGTH - 1])
def test_features_are_those_of_the_default_poolings(X, untrained, network, length):
    features = plain.transform(network.encoder, _series(X[:, :, :length]))
    np.testing.assert_allclose(
        features, untrained.transform(X[:, :, :length]), atol=1e-5
    )


def test_losses_are_those_of_ours(X, network):
    crops = CropPairs(*(np.full(5, edge) for edge in (1, 10, 3, 12)))
    # Weights that stay where they are: the steps differ in the pairs drawn.
    standing = {"max_steps": 200, "lr": 1e-12, "optimizer": "SGD"}
    with crops_given(repeat(crops)):
        history = _estimator(**standing).fit(X).history_
    training = plain.Training(network, _series(X), batch_size=5, mask_ratio=0.0)
    torch.manual_seed(0)
    drawn = [training.losses(torch.arange(5), crops) for _ in range(200)]
    for task in plain.TASKS:
        is_drawn = task in ("divergence", "forecast")
        mean = torch.stack([losses[task] for losses in drawn]).mean().item()
        ours = history[f"{task}_loss"].mean()
        assert mean == pytest.approx(ours, rel=0.05 if is_drawn else 1e-5)


def test_both_have_as_much_to_do_by_default(X):
    ours = TRepTransformer(max_epochs=0).fit(X).module_
    missing = ours.encoder.missing_projection.weight.numel()
    assert _count(plain.Network(3, float(LENGTH))) == _count(ours) - missing
    pairs = inspect.signature(TRepObjective).parameters["max_pairs"]
    assert pairs.default == plain.MAX_PAIRS


def _count(network):
    return sum(weight.numel() for weight in network.parameters())


def test_training_learns_and_averages_the_weights(X):
    torch.manual_seed(0)
    network = plain.Network(3, float(LENGTH), **WIDTHS)
    training = plain.Training(network, _series(X), batch_size=2)
    before = torch.nn.utils.parameters_to_vector(network.parameters())
    crops = CropPairs(*(np.full(2, edge) for edge in (1, 9, 3, 12)))
    odd = CropPairs(*(edges[:1] for edges in crops))
    losses = list(training.epoch(iter([crops, crops, odd])))
    assert len(losses) == 3
    assert np.isfinite(losses).all()
    assert training.average.n_averaged == 3
    after = torch.nn.utils.parameters_to_vector(network.parameters())
    assert not torch.equal(before, after)
