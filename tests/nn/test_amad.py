"""The network of AMAD."""

import pytest
import torch
from torch.nn import functional

from sklearn_tsrep.data.batches import SeriesBatch
from sklearn_tsrep.nn.amad import AMADNetwork
from sklearn_tsrep.nn.positions import positions


def network_of(**parameters: object) -> AMADNetwork:
    torch.manual_seed(0)
    given = {
        "n_channels": 3,
        "width": 8,
        "n_layers": 2,
        "n_heads": 2,
        "dropout_share": 0.0,
        "automask_share": 0.6,
        **parameters,
    }
    return AMADNetwork(**given).eval()  # type: ignore[arg-type]


def batch_of(n_steps: int = 9, padding: int = 0) -> SeriesBatch:
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(2, n_steps, 3, generator=generator)
    if not padding:
        return SeriesBatch(values, torch.zeros(2, n_steps), None, None, None)
    values = functional.pad(values, (0, 0, 0, padding))
    valid = torch.ones(2, n_steps + padding)
    valid[:, n_steps:] = 0
    return SeriesBatch(values, torch.zeros_like(valid), None, None, valid)


def test_layers_are_those_of_the_paper() -> None:
    network, batch = network_of(n_layers=1), batch_of()
    layer = network.layers[0]
    inputs = network.embedding(batch.values) + positions(9, 8)
    attended, _ = layer.attention(inputs)
    hidden = functional.layer_norm(inputs + attended, (8,))
    fed = functional.gelu(layer.feed_forward(hidden))
    expected = network.output(functional.layer_norm(hidden + fed, (8,)))
    torch.testing.assert_close(network(batch).values, expected)


def test_there_are_maps_of_each_layer() -> None:
    outputs = network_of()(batch_of())
    assert len(outputs.maps) == 2
    for maps in outputs.maps:
        for log_map in maps:
            assert log_map.shape == (2, 2, 9, 9)
            torch.testing.assert_close(log_map.exp().sum(-1), torch.ones(2, 2, 9))


def test_padding_changes_nothing() -> None:
    network = network_of()
    alone, padded = network(batch_of()), network(batch_of(padding=4))
    torch.testing.assert_close(padded.values[:, :9], alone.values)
    for own, other in zip(alone.maps, padded.maps, strict=True):
        for log_map, padded_map in zip(own, other, strict=True):
            torch.testing.assert_close(padded_map[:, :, :9, :9], log_map)


def test_order_matters_to_both_maps() -> None:
    network, batch = network_of(n_layers=1), batch_of()
    turned_round = SeriesBatch(batch.values.flip(1), batch.time, None, None, None)
    for log_map, other in zip(
        network(batch).maps[0], network(turned_round).maps[0], strict=True
    ):
        assert not torch.allclose(log_map, other.flip(2, 3), atol=1e-4)


def test_dropout_draws_from_the_generator_given() -> None:
    network, batch = network_of(dropout_share=0.5), batch_of()
    state = torch.get_rng_state()
    first, second, third = (
        network(batch, torch.Generator().manual_seed(seed)).values for seed in (0, 0, 1)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    assert not torch.equal(first, network(batch).values)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("automask_share", [0.0, 0.6])
@pytest.mark.parametrize("projection", ["shared", "own"])
@pytest.mark.parametrize("padding", [0, 4])
def test_without_maps_values_are_the_same(
    automask_share: float, projection: str, padding: int
) -> None:
    network = network_of(
        automask_share=automask_share, projection=projection, attention_scale="model"
    )
    generator = torch.Generator().manual_seed(2)
    for parameter in network.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)
    batch = batch_of(padding=padding)
    expected, found = network(batch), network(batch, with_maps=False)
    assert found.maps == []
    torch.testing.assert_close(found.values, expected.values, atol=1e-5, rtol=1e-5)
