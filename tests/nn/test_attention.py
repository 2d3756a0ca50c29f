"""The two attention maps and their mixture, against plain formulations."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sklearn_tsrep.nn.attention import AutoMask, MixedAttention
from sklearn_tsrep.nn.positions import turned


def automask_of(width: int = 8, n_heads: int = 2, **parameters: object) -> AutoMask:
    return AutoMask(n_heads, width, scale=0.5, **parameters).double()  # type: ignore[arg-type]


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def rotary(vector: Tensor, position: int, frequency: float = 1.0) -> Tensor:
    """Turn one vector as rotary position embeddings do, pair by pair."""
    width = len(vector)
    rows = []
    for pair in range(width // 2):
        angle = position * frequency * 10_000 ** (-2 * pair / width)
        x, y = vector[2 * pair], vector[2 * pair + 1]
        rows.append(x * math.cos(angle) - y * math.sin(angle))
        rows.append(x * math.sin(angle) + y * math.cos(angle))
    return torch.stack(rows)


@pytest.mark.parametrize("frequency", [1.0, 0.25])
def test_shares_are_those_of_rotary_embeddings(frequency: float) -> None:
    automask = automask_of()
    with torch.no_grad():
        automask.frequencies.fill_(frequency)
    queries, keys = random(1, 2, 7, 8), random(1, 2, 7, 8, seed=1)
    shares = automask(queries, keys, None).exp()
    for head in range(2):
        first, second = (
            torch.stack(
                [rotary(row, p, frequency) for p, row in enumerate(part[0, head])]
            )
            for part in (queries, keys)
        )
        expected = (0.5 * first @ second.T).softmax(dim=-1)
        torch.testing.assert_close(
            shares[0, head].double(), expected, rtol=1e-6, atol=0
        )


def test_equal_queries_and_keys_give_a_map_of_distances() -> None:
    automask = automask_of(frequency_init="geometric")
    queries = random(1, 2, 1, 8).expand(-1, -1, 9, -1)
    steps = torch.arange(9)[:, None] * automask.angles
    angles = automask.frequencies[:, None, None] * steps
    logits = turned(queries, angles) @ turned(queries, angles).transpose(-1, -2)
    for offset in range(-8, 9):
        diagonal = logits.diagonal(offset, dim1=-2, dim2=-1)
        torch.testing.assert_close(diagonal, diagonal[..., :1].expand_as(diagonal))


@given(shift=st.integers(0, 500), seed=st.integers(0, 99))
def test_a_shift_of_all_positions_changes_nothing(shift: int, seed: int) -> None:
    queries, keys = random(1, 2, 6, 8, seed=seed), random(1, 2, 6, 8, seed=seed + 100)
    products = []
    for start in (0, shift):
        steps = torch.arange(start, start + 6, dtype=torch.float64)
        angles = 0.3 * steps[:, None] * automask_of().angles
        first, second = (turned(part, angles) for part in (queries, keys))
        products.append(first @ second.transpose(-1, -2))
    torch.testing.assert_close(*products)


def test_frequencies_fall_by_halves_or_are_one() -> None:
    assert automask_of(n_heads=3).frequencies.tolist() == [1, 1, 1]
    geometric = automask_of(n_heads=3, frequency_init="geometric")
    assert geometric.frequencies.tolist() == [1, 0.5, 0.25]


def test_own_projections_start_as_shared_ones_and_pass_no_gradient_on() -> None:
    own, shared = automask_of(projection="own"), automask_of()
    queries, keys = (random(2, 2, 5, 8, seed=s).requires_grad_() for s in (0, 1))
    maps = own(queries, keys, None)
    torch.testing.assert_close(maps, shared(queries, keys, None))
    maps[..., 0].sum().backward()
    assert queries.grad is None
    assert keys.grad is None
    for weight in (own.query_projection, own.key_projection, own.frequencies):
        assert weight is not None
        assert weight.grad is not None
        assert weight.grad.abs().sum() > 0


@pytest.mark.parametrize("scale", ["head", "model"])
def test_the_mixture_is_that_of_both_maps(scale: str) -> None:
    torch.manual_seed(0)
    mixed = MixedAttention(8, 2, 0.6, attention_scale=scale)
    inputs = random(3, 5, 8).float()
    outputs, maps = mixed(inputs)
    projected = mixed.projection(inputs).reshape(3, 5, 3, 2, 4)
    queries, keys, values = (projected[:, :, i].transpose(1, 2) for i in range(3))
    root = math.sqrt(4) if scale == "head" else math.sqrt(8)
    expected = (queries @ keys.transpose(-1, -2) / root).softmax(-1)
    torch.testing.assert_close(maps.self_attention.exp(), expected)
    assert maps.automask is not None
    shares = 0.6 * maps.automask.exp() + 0.4 * expected
    attended = (shares @ values).transpose(1, 2).reshape(3, 5, 8)
    torch.testing.assert_close(outputs, mixed.output(attended))


def test_the_printed_scale_divides_automask_by_the_width() -> None:
    by_head, by_model = (
        MixedAttention(16, 2, 0.5, attention_scale=scale) for scale in ("head", "model")
    )
    assert by_head.automask is not None
    assert by_model.automask is not None
    assert by_head.scale == by_head.automask.scale == 1 / math.sqrt(8)
    assert (by_model.scale, by_model.automask.scale) == (1 / 4, 1 / 16)


def test_hidden_steps_get_no_share() -> None:
    torch.manual_seed(0)
    mixed = MixedAttention(8, 2, 0.6)
    inputs = torch.randn(2, 5, 8)
    visible = torch.tensor([[1.0, 1, 0, 1, 1], [0, 0, 0, 0, 0]])
    outputs, maps = mixed(inputs, visible)
    for log_map in maps:
        assert log_map is not None
        assert (log_map[0, :, :, 2].exp() == 0).all()
        # Where nothing may be seen, the map is as finite as any.
        torch.testing.assert_close(log_map.exp().sum(-1), torch.ones(2, 2, 5))
    assert torch.isfinite(outputs).all()
    other = inputs.clone()
    other[0, 2] = 7.0
    torch.testing.assert_close(
        mixed(other, visible)[0][0, [0, 1, 3, 4]], outputs[0, [0, 1, 3, 4]]
    )


def test_without_automask_it_is_plain_attention() -> None:
    torch.manual_seed(0)
    mixed = MixedAttention(8, 2, 0.0)
    inputs = torch.randn(2, 5, 8)
    outputs, maps = mixed(inputs)
    assert maps.automask is None
    projected = mixed.projection(inputs).reshape(2, 5, 3, 2, 4)
    queries, keys, values = (projected[:, :, i].transpose(1, 2) for i in range(3))
    expected = torch.nn.functional.scaled_dot_product_attention(queries, keys, values)
    torch.testing.assert_close(
        outputs, mixed.output(expected.transpose(1, 2).flatten(2))
    )
