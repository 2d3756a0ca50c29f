"""Layers of a transformer, against plain formulations in float64."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sklearn_tsrep.nn.transformer import Attention, Tokens, TransformerLayer

WIDTH = 8
N_HEADS = 2


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def attention_of() -> Attention:
    torch.manual_seed(0)
    return Attention(WIDTH, N_HEADS).double()


def layer_of(*, dropout_share: float = 0.0, reads_context: bool = False):
    torch.manual_seed(0)
    layer = TransformerLayer(WIDTH, N_HEADS, dropout_share, reads_context=reads_context)
    # Norms that do nothing of their own would look like norms left out.
    for norm in layer.modules():
        if isinstance(norm, nn.LayerNorm):
            nn.init.uniform_(norm.weight, 0.5, 2.0)
            nn.init.uniform_(norm.bias, -1.0, 1.0)
    return layer.double()


def arrays(*tensors: Tensor) -> list[np.ndarray]:
    return [tensor.detach().numpy() for tensor in tensors]


def plain_map(linear: nn.Linear, row: np.ndarray) -> np.ndarray:
    weight, bias = arrays(linear.weight, linear.bias)
    return weight @ row + bias


def plain_turn(vector: np.ndarray, place: int) -> np.ndarray:
    """Turn each pair of components, as rotary position embeddings do."""
    turned = []
    for pair in range(len(vector) // 2):
        angle = place * 10_000 ** (-2 * pair / len(vector))
        x, y = vector[2 * pair], vector[2 * pair + 1]
        turned.append(x * math.cos(angle) - y * math.sin(angle))
        turned.append(x * math.sin(angle) + y * math.cos(angle))
    return np.array(turned)


def plain_attention(
    attention: Attention,
    queries: np.ndarray,
    places: np.ndarray,
    tokens: np.ndarray,
    token_places: np.ndarray,
    valid: np.ndarray,
) -> np.ndarray:
    """Return the outputs (n_queries, width) of one row of a batch."""
    head_width = WIDTH // N_HEADS
    outputs = []
    for query, place in zip(queries, places, strict=True):
        by_head = []
        for head in range(N_HEADS):
            own = slice(head * head_width, (head + 1) * head_width)
            asked = plain_turn(plain_map(attention.query, query)[own], place)
            scores, values = [], []
            for token in np.flatnonzero(valid):
                both = plain_map(attention.key_and_value, tokens[token])
                key = plain_turn(both[:WIDTH][own], token_places[token])
                scores.append(asked @ key / math.sqrt(head_width))
                values.append(both[WIDTH:][own])
            shares = np.exp(scores) / np.exp(scores).sum()
            by_head.append(shares @ np.array(values))
        outputs.append(plain_map(attention.output, np.concatenate(by_head)))
    return np.array(outputs)


def plain_norm(norm: nn.LayerNorm, rows: np.ndarray) -> np.ndarray:
    weight, bias = arrays(norm.weight, norm.bias)
    centred = rows - rows.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1, keepdims=True)
    return weight * centred / np.sqrt(variance + norm.eps) + bias


def plain_gelu(values: np.ndarray) -> np.ndarray:
    return values * (1 + np.vectorize(math.erf)(values / math.sqrt(2))) / 2


VALID = torch.tensor([[1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 1]], dtype=torch.bool)
PLACES = torch.tensor([[0, 1, 2, 3], [5, 0, 9, 0], [2, 30, 7, 4]])
QUERY_PLACES = torch.tensor([[0, 1, 2, 3, 4], [8, 3, 3, 0, 50], [2, 3, 5, 7, 11]])


def tokens_of(valid: Tensor | None = VALID, seed: int = 1) -> Tokens:
    return Tokens(random(3, 4, WIDTH, seed=seed), PLACES, valid)


@pytest.mark.parametrize("valid", [None, VALID], ids=["all tokens", "some tokens"])
def test_attention_is_a_softmax_over_the_tokens_of_each_head(
    valid: Tensor | None,
) -> None:
    attention, queries = attention_of(), random(3, 5, WIDTH)
    tokens = tokens_of(valid)
    found = attention(queries, QUERY_PLACES, tokens).detach().numpy()
    allowed = torch.ones_like(VALID) if valid is None else valid
    parts = arrays(queries, QUERY_PLACES, tokens.values, tokens.places, allowed)
    for row, own in enumerate(zip(*parts, strict=True)):
        expected = plain_attention(attention, *own)
        np.testing.assert_allclose(found[row], expected, rtol=1e-6, atol=1e-7)


def test_what_is_not_valid_changes_nothing() -> None:
    attention, queries = attention_of(), random(3, 5, WIDTH)
    tokens = tokens_of()
    expected = attention(queries, QUERY_PLACES, tokens)
    tokens.values[~VALID] = 1e3
    torch.testing.assert_close(attention(queries, QUERY_PLACES, tokens), expected)
    alone = Tokens(tokens.values[1:2, [0, 2]], PLACES[1:2, [0, 2]], None)
    found = attention(queries[1:2], QUERY_PLACES[1:2], alone)
    torch.testing.assert_close(found[0], expected[1])
    tokens.values[1, 2] += 1
    found = attention(queries, QUERY_PLACES, tokens)
    assert not torch.allclose(found[1], expected[1])


def test_only_distances_matter() -> None:
    attention, queries, tokens = attention_of(), random(3, 5, WIDTH), tokens_of()
    expected = attention(queries, QUERY_PLACES, tokens)
    shifted = tokens._replace(places=PLACES + 17)
    found = attention(queries, QUERY_PLACES + 17, shifted)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    for others in (shifted, tokens._replace(places=2 * PLACES)):
        changes = (attention(queries, QUERY_PLACES, others) - expected).abs()
        assert (changes[:2].amax(dim=(1, 2)) > 1e-3).all()
        # What is looked at alone has all attention, wherever it is.
        torch.testing.assert_close(changes[2], torch.zeros_like(changes[2]))


def test_the_order_of_tokens_matters_only_by_their_places() -> None:
    attention, queries, tokens = attention_of(), random(3, 5, WIDTH), tokens_of()
    expected = attention(queries, QUERY_PLACES, tokens)
    shuffled = Tokens(*(part[:, [2, 0, 3, 1]] for part in tokens))
    found = attention(queries, QUERY_PLACES, shuffled)
    torch.testing.assert_close(found, expected)
    found = attention(queries, QUERY_PLACES, shuffled._replace(places=PLACES))
    assert not torch.allclose(found[0], expected[0], atol=1e-3)


def test_places_may_be_shared_by_all_rows() -> None:
    attention, queries, tokens = attention_of(), random(3, 5, WIDTH), tokens_of()
    shared = tokens._replace(places=PLACES[:1])
    repeated = tokens._replace(places=PLACES[:1].expand(3, -1))
    torch.testing.assert_close(
        attention(queries, QUERY_PLACES[:1], shared),
        attention(queries, QUERY_PLACES[:1].expand(3, -1), repeated),
    )


@pytest.fixture(params=[1, 2])
def n_threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.usefixtures("n_threads")
@pytest.mark.parametrize("n_tokens", [5, 13, 32, 33])
@pytest.mark.parametrize("head_width", [2, 6, 8, 16])
def test_the_bits_of_a_row_do_not_depend_on_its_place_in_the_batch(
    head_width: int, n_tokens: int
) -> None:
    torch.manual_seed(0)
    for n_heads in (1, 2):
        attention = Attention(n_heads * head_width, n_heads)
        row = random(1, n_tokens, n_heads * head_width).float()
        places = torch.arange(n_tokens).unsqueeze(0)
        valid = torch.rand(1, n_tokens) < 0.6
        inputs = Tokens(row.repeat(64, 1, 1), places, valid.repeat(64, 1))
        with torch.inference_mode():
            outputs = attention(inputs.values, places, inputs)
        assert torch.equal(outputs, outputs[:1].expand_as(outputs))


@pytest.mark.parametrize("reads_context", [False, True])
def test_a_layer_has_its_norms_first_and_two_residuals(reads_context: bool) -> None:
    layer = layer_of(reads_context=reads_context)
    inputs = tokens_of(seed=0)
    context = None
    if reads_context:
        context = Tokens(random(3, 5, WIDTH, seed=1), QUERY_PLACES, None)
    outputs = layer(inputs, None, context)
    assert torch.equal(outputs.places, inputs.places)
    assert outputs.valid is inputs.valid
    found = outputs.values.detach().numpy()
    for row, tokens in enumerate(inputs.values.numpy()):
        places = PLACES[row].numpy()
        queries = plain_norm(layer.attention_norm, tokens)
        read = queries, places, VALID[row].numpy()
        if context is not None:
            normed = plain_norm(layer.context_norm, context.values[row].numpy())
            read = normed, QUERY_PLACES[row].numpy(), np.ones(5, dtype=bool)
        hidden = tokens + plain_attention(layer.attention, queries, places, *read)
        widen, _, narrow = layer.feed_forward
        for step, own in enumerate(hidden):
            normed = plain_norm(layer.feed_forward_norm, own)
            fed = plain_map(narrow, plain_gelu(plain_map(widen, normed)))
            np.testing.assert_allclose(found[row, step], own + fed, atol=1e-6)


def test_outputs_are_as_many_as_inputs_whatever_the_context() -> None:
    layer = layer_of(reads_context=True)
    for n_queries, n_keys in [(1, 7), (7, 1), (3, 3)]:
        inputs, context = (
            Tokens(random(2, n, WIDTH), torch.arange(n).unsqueeze(0), None)
            for n in (n_queries, n_keys)
        )
        assert layer(inputs, None, context).values.shape == (2, n_queries, WIDTH)


def test_dropout_draws_from_the_generator_given() -> None:
    layer, inputs = layer_of(dropout_share=0.5), tokens_of()
    state = torch.get_rng_state()
    first, second, third = (
        layer(inputs, torch.Generator().manual_seed(seed)).values for seed in (0, 0, 1)
    )
    without = layer(inputs).values
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    assert not torch.equal(first, without)
    torch.testing.assert_close(without, layer_of()(inputs).values)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("branch", ["attention.output", "feed_forward.2"])
def test_dropout_drops_entries_of_either_branch(branch: str) -> None:
    layer = layer_of(dropout_share=0.5)
    inputs = Tokens(random(50, 4, WIDTH), PLACES[:1], None)
    for name in {"attention.output", "feed_forward.2"} - {branch}:
        nn.init.zeros_(layer.get_submodule(name).weight)
        nn.init.zeros_(layer.get_submodule(name).bias)
    dropped = layer(inputs, torch.Generator().manual_seed(0)).values
    added, whole = dropped - inputs.values, layer(inputs).values - inputs.values
    is_kept = added != 0
    assert is_kept.double().mean().item() == pytest.approx(0.5, abs=0.08)
    torch.testing.assert_close(added[is_kept], 2 * whole[is_kept])
