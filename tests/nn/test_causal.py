"""Last steps of windows: as windows encoded one by one, whatever is left out."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from sklearn_tsrep.data.batches import SeriesBatch
from sklearn_tsrep.nn import causal
from sklearn_tsrep.nn import trep as nn_trep
from sklearn_tsrep.nn.causal import (
    CausalConvolutions,
    LastStepsOfWindows,
    last_steps_of_whole,
)
from sklearn_tsrep.nn.convolution import ActivatedConvolution, DilatedConvolutionStack
from sklearn_tsrep.nn.dmae import PatchEncoder
from tests.nn.small_dmae import shake
from tests.nn.test_trep import encoder_of, select, series_batch

WIDTH = 4


def stack_of(n_blocks: int, kernel_size: int, is_causal: bool) -> Any:
    """Return convolutions in double precision whose taps and biases all matter."""
    torch.manual_seed(0)
    stack = DilatedConvolutionStack(WIDTH, 3, n_blocks, kernel_size, is_causal)
    shake(stack)
    return stack.double()


def hidden_of(n_steps: int, n_series: int) -> Tensor:
    generator = torch.Generator().manual_seed(n_steps)
    shape = n_steps, n_series, WIDTH
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def plain_convolution(layer: ActivatedConvolution, window: Tensor) -> Tensor:
    """Return torch's convolution (time, batch, width) of a window and zeros around."""
    series = functional.pad(functional.gelu(window).permute(1, 2, 0), layer.reach)
    outputs = functional.conv1d(
        series, layer.weight, layer.bias, dilation=layer.dilation
    )
    return outputs.permute(2, 0, 1)


def plain_last_step(stack: DilatedConvolutionStack, window: Tensor) -> Tensor:
    for block in stack.blocks:
        hidden = plain_convolution(block.first, window)
        window = plain_convolution(block.second, hidden) + block.shortcut(window)
    return window[-1]


def plain_last_steps(
    stack: DilatedConvolutionStack, hidden: Tensor, context: int
) -> Tensor:
    windows = [hidden[max(end - context, 0) : end + 1] for end in range(len(hidden))]
    return torch.stack([plain_last_step(stack, window) for window in windows])


# Convolutions


@settings(deadline=None)
@given(
    n_blocks=st.integers(0, 4),
    kernel_size=st.integers(1, 5),
    is_causal=st.booleans(),
    context=st.integers(0, 70),
    n_steps=st.integers(1, 40),
    n_series=st.sampled_from([1, 2, 9]),
    share_of_new=st.floats(0, 1),
    n_at_once=st.sampled_from([1, 7, 50, 2**13]),
)
def test_last_steps_are_those_of_windows_by_themselves(
    n_blocks: int,
    kernel_size: int,
    is_causal: bool,
    context: int,
    n_steps: int,
    n_series: int,
    share_of_new: float,
    n_at_once: int,
) -> None:
    stack, hidden = (
        stack_of(n_blocks, kernel_size, is_causal),
        hidden_of(n_steps, n_series),
    )
    n_new = max(round(share_of_new * n_steps), 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(causal, "_STEPS_AT_ONCE", n_at_once)
        outputs = CausalConvolutions(stack, context)(hidden, n_new)
    expected = plain_last_steps(stack, hidden, context)[-n_new:]
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("context", [0, 1, 2, 6, 7, 29, 30, 31, 60, 61, 200])
def test_windows_may_be_shorter_and_longer_than_the_reach(
    context: int, is_causal: bool
) -> None:
    stack, hidden = stack_of(3, 3, is_causal), hidden_of(130, 2)
    assert stack.reach == ((60, 0) if is_causal else (30, 30))
    outputs = CausalConvolutions(stack, context)(hidden, 130)
    expected = plain_last_steps(stack, hidden, context)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("context", [0, 5, 12])
def test_new_steps_need_no_more_than_their_context(context: int) -> None:
    stack, hidden = stack_of(2, 3, False), hidden_of(50, 2)
    convolutions = CausalConvolutions(stack, context)
    expected = convolutions(hidden, 50)
    for n_new in (1, 3, 30):
        outputs = convolutions(hidden[50 - n_new - context :], n_new)
        torch.testing.assert_close(outputs, expected[-n_new:], rtol=0, atol=1e-12)


def test_a_series_depends_on_no_other_of_its_batch() -> None:
    stack, hidden = stack_of(2, 3, False), hidden_of(30, 3)
    convolutions = CausalConvolutions(stack, 9)
    together = convolutions(hidden, 30)
    for series in range(3):
        alone = convolutions(hidden[:, [series]], 30)
        torch.testing.assert_close(together[:, [series]], alone, rtol=0, atol=1e-12)


def test_no_more_steps_than_fit_are_convolved_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    n_convolved = []
    convolve = ActivatedConvolution.convolve

    def counted(convolution: ActivatedConvolution, series: Tensor) -> Tensor:
        n_convolved.append(series.shape[:2].numel())
        return convolve(convolution, series)

    monkeypatch.setattr(ActivatedConvolution, "convolve", counted)
    monkeypatch.setattr(causal, "_STEPS_AT_ONCE", 100)
    CausalConvolutions(stack_of(2, 3, False), 9)(hidden_of(400, 5), 390)
    assert n_convolved
    assert max(n_convolved) <= 100 + 5 * 9


def test_inputs_stay_as_they_are() -> None:
    hidden = hidden_of(20, 2)
    before = hidden.clone()
    CausalConvolutions(stack_of(2, 3, False), 7)(hidden, 20)
    assert torch.equal(hidden, before)


def n_combined(context: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many steps of a window are convolved for this window alone."""
    n_calls = 0
    combine = ActivatedConvolution.combine

    def counted(*arguments: Any) -> Tensor:
        nonlocal n_calls
        n_calls += 1
        return combine(*arguments)

    monkeypatch.setattr(ActivatedConvolution, "combine", counted)
    CausalConvolutions(stack_of(12, 3, False), context)(hidden_of(3, 1), 1)
    monkeypatch.undo()
    return n_calls


def test_work_grows_with_the_logarithm_of_the_context(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts = [n_combined(2**n, monkeypatch) for n in range(5, 12)]
    assert {after - before for before, after in pairwise(counts)} == {8}


# Encoders


def last_steps_of(encoder: Any, batch: SeriesBatch, context: int) -> Tensor:
    """Return the last steps of windows that are encoded one by one."""
    n_steps = batch.values.shape[1]
    windows = [
        select(batch, slice(None), slice(max(end - context, 0), end + 1))
        for end in range(n_steps)
    ]
    return torch.stack([encoder(window)[0][:, -1] for window in windows], dim=1)


def patch_encoder(**changes: Any) -> PatchEncoder:
    torch.manual_seed(0)
    parameters: dict[str, Any] = {
        "n_channels": 2,
        "n_latents": 8,
        "n_layers": 2,
        "n_heads": 2,
        "patch_length": 3,
        "window_length": 100,
        "dropout_share": 0.0,
    }
    encoder = PatchEncoder(**{**parameters, **changes})
    shake(encoder)
    return encoder.eval()


def batch_with_gaps(n_series: int = 3, n_steps: int = 25) -> SeriesBatch:
    """Return series with missing values and gaps that do not begin at 0."""
    generator = torch.Generator().manual_seed(1)
    batch = series_batch(n_series, n_steps, 2)
    observed = (torch.rand(batch.values.shape, generator=generator) > 0.3).float()
    observed[0, 6:13] = observed[-1, 20:] = 0
    return replace(
        batch,
        values=batch.values * observed,
        observed=observed,
        visible=observed.amax(dim=2),
        time=batch.time + 11,
    )


ENCODERS: dict[str, Any] = {
    "trep": encoder_of(),
    "trep, causal": encoder_of(causal=True),
    "trep, four taps": encoder_of(kernel_size=4),
    "trep, one tap": encoder_of(kernel_size=1),
    "trep, one block": encoder_of(n_blocks=0),
    "trep, far": encoder_of(n_blocks=5),
    "ts2vec": encoder_of(time_embedding=None),
    "dmae": patch_encoder(),
    "dmae, steps": patch_encoder(patch_length=1),
}


@pytest.fixture(params=ENCODERS)
def encoder(request: pytest.FixtureRequest) -> Any:
    return ENCODERS[request.param]


@pytest.fixture(params=[False, True], ids=["complete", "with gaps"])
def batch(request: pytest.FixtureRequest) -> SeriesBatch:
    return batch_with_gaps() if request.param else series_batch(3, 25, 2)


@pytest.mark.parametrize("context", [0, 1, 4, 14, 40])
@torch.inference_mode()
def test_encoders_give_the_last_steps_of_windows(
    encoder: Any, batch: SeriesBatch, context: int
) -> None:
    expected = last_steps_of(encoder, batch, context)
    in_windows = LastStepsOfWindows(partial(last_steps_of_whole, encoder), context)
    for causally in (encoder.causal(context), in_windows):
        latents, embedding = causally(batch)
        torch.testing.assert_close(latents, expected, rtol=0, atol=1e-5)
        assert embedding is None
        for n_new in (1, 4, 25):
            latest = causally.latest(batch, n_new)
            torch.testing.assert_close(latest, latents[:, -n_new:], rtol=0, atol=1e-5)


@torch.inference_mode()
def test_few_new_steps_are_encoded_in_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    batch, encoder = batch_with_gaps(), ENCODERS["trep"]
    expected, _ = encoder.causal(6)(batch)
    for n_few in (0, 3, 25):
        monkeypatch.setattr(nn_trep, "_FEW_STEPS", n_few)
        found = encoder.causal(6).latest(batch, 3)
        torch.testing.assert_close(found, expected[:, -3:], rtol=0, atol=1e-5)


@torch.inference_mode()
def test_only_as_many_windows_as_fit_are_encoded_at_once(
    batch: SeriesBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_encoded = []

    def encoder(windows: SeriesBatch) -> Any:
        n_encoded.append(windows.values.shape[:2].numel())
        return ENCODERS["dmae"](windows)

    in_windows = LastStepsOfWindows(partial(last_steps_of_whole, encoder), 7)
    expected, _ = in_windows(batch)
    assert n_encoded == [3 * 25 * 8]
    monkeypatch.setattr(causal, "_STEPS_AT_ONCE", 100)
    n_encoded.clear()
    found, _ = in_windows(batch)
    assert max(n_encoded) <= 100
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@torch.inference_mode()
def test_padding_behind_a_series_changes_nothing(encoder: Any) -> None:
    batch = batch_with_gaps()
    valid = torch.ones(3, 25)
    valid[1, 10:] = valid[2, 24:] = 0
    garbage = batch.values.where(valid.unsqueeze(2) == 1, torch.tensor(77.0))
    padded = replace(batch, values=garbage, valid=valid)
    causally = encoder.causal(6)
    expected, found = (causally(one)[0] for one in (batch, padded))
    torch.testing.assert_close(found[valid == 1], expected[valid == 1])


def test_reach_is_the_context_and_nothing_after(encoder: Any) -> None:
    assert encoder.causal(0).reach == (0, 0)
    assert LastStepsOfWindows(partial(last_steps_of_whole, encoder), 5).reach == (5, 0)


def test_no_more_context_is_kept_than_matters() -> None:
    trep, dmae = ENCODERS["trep"], patch_encoder(window_length=9)
    assert trep.reach == (14, 14)
    assert trep.causal(13).reach == (13, 0)
    assert trep.causal(10**9).reach == (14, 0)
    assert dmae.causal(7).reach == (7, 0)
    assert dmae.causal(10**9).reach == (8, 0)


# Causal networks


@torch.inference_mode()
def test_a_causal_network_sees_all_that_it_reaches_in_one_pass(
    batch: SeriesBatch,
) -> None:
    encoder = ENCODERS["trep, causal"]
    in_one_pass = encoder.causal(None)
    assert in_one_pass.reach == encoder.reach == (28, 0)
    expected, _ = encoder(batch)
    assert torch.equal(in_one_pass(batch)[0], expected)
    in_windows, _ = encoder.causal(24)(batch)
    torch.testing.assert_close(in_windows, expected, rtol=0, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("bounds", [(0, 25), (0, 1, 2, 3, 25), (0, 20, 24, 25)])
def test_a_causal_network_goes_on_from_what_it_keeps(
    batch: SeriesBatch, bounds: tuple[int, ...]
) -> None:
    encoder = ENCODERS["trep, causal"]
    parts, before = [], []
    for start, stop in pairwise(bounds):
        steps = slice(start, stop)
        rows = {
            field.name: part[:, steps]
            for field in fields(batch)
            if (part := getattr(batch, field.name)) is not None
        }
        latents, before = encoder.follow(replace(batch, **rows), before)
        parts.append(latents)
        assert [len(kept) for kept in before] == [
            one.reach[0] for one in encoder.convolutions.convolutions
        ]
    expected, _ = encoder(batch)
    torch.testing.assert_close(torch.cat(parts, 1), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("trep", "context=None needs a causal network.*fit with causal=True"),
        ("dmae", "context must be a number.*no causal network of DMAE"),
    ],
)
def test_other_networks_need_a_context(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ENCODERS[name].causal(None)


def test_a_network_that_looks_nowhere_is_causal() -> None:
    assert ENCODERS["trep, one tap"].causal(None).reach == (0, 0)
