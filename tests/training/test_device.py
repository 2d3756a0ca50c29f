"""Names of devices."""

from __future__ import annotations

import pytest
import torch

from sklearn_tsrep.training.device import resolve_device


@pytest.mark.parametrize("device", ["cpu", "cpu:0", "meta"])
def test_a_device_that_is_there_is_taken(device: str) -> None:
    assert resolve_device(device) == device


@pytest.mark.parametrize("device", ["toaster", "", "cpu:x", "cuda:99", "xpu:99"])
def test_a_device_that_is_not_there_is_an_error(device: str) -> None:
    with pytest.raises(ValueError, match=rf"device='{device}' cannot be used here"):
        resolve_device(device)


@pytest.mark.parametrize(
    ("has_cuda", "has_mps", "expected"),
    [
        (True, False, "cuda"),
        (True, True, "cuda"),
        (False, True, "mps"),
        (False, False, "cpu"),
    ],
)
def test_auto_prefers_an_accelerator(
    monkeypatch: pytest.MonkeyPatch, has_cuda: bool, has_mps: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: has_mps)
    assert resolve_device("auto") == expected
