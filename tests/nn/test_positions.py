import math

import pytest
import torch

from sklearn_tsrep.nn.positions import positions, rotary_angles, turned


def test_positions_are_sines_and_cosines() -> None:
    table = positions(5, 7).double()
    assert table.shape == (5, 7)
    for step in range(5):
        for component in range(7):
            angle = step * 10_000.0 ** (-(component // 2 * 2) / 7)
            expected = math.cos(angle) if component % 2 else math.sin(angle)
            assert table[step, component].item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("width", [2, 4, 16])
def test_rotary_angles_are_powers_of_10000(width: int) -> None:
    angles = rotary_angles(width)
    assert angles.dtype == torch.float32
    expected = [10_000.0 ** (-2 * pair / width) for pair in range(width // 2)]
    assert angles.tolist() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "shape", [(3, 2, 5, 2), (3, 1, 5, 2), (1, 1, 5, 2), (2, 5, 2)], ids=str
)
def test_neighbouring_components_are_turned_by_their_angle(
    shape: tuple[int, ...],
) -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(3, 2, 5, 4, generator=generator, dtype=torch.float64)
    angles = 3 * torch.randn(*shape, generator=generator, dtype=torch.float64)
    found = turned(vectors, angles)
    angles = angles.expand(3, 2, 5, 2)
    for pair in range(2):
        x, y = vectors[..., 2 * pair], vectors[..., 2 * pair + 1]
        cos, sin = angles[..., pair].cos(), angles[..., pair].sin()
        torch.testing.assert_close(found[..., 2 * pair], x * cos - y * sin)
        torch.testing.assert_close(found[..., 2 * pair + 1], x * sin + y * cos)


def test_vectors_keep_their_precision_when_turned() -> None:
    vectors = torch.ones(1, 1, 3, 2, dtype=torch.bfloat16)
    found = turned(vectors, torch.tensor([0.0, 0.5, 1.0]).reshape(1, 3, 1))
    assert found.dtype == torch.bfloat16
    assert torch.equal(found[:, :, 0], vectors[:, :, 0])
