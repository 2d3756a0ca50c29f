"""Where a step is: as a vector to add, or as an angle by which vectors are turned."""

import torch
from torch import Tensor

# Longest period of the sines, and base of the angles.
_BASE = 10_000.0


def positions(n_steps: int, width: int) -> Tensor:
    """Return sines and cosines of the steps (time, width), as transformers add them."""
    steps = torch.arange(n_steps).unsqueeze(1)
    components = torch.arange(0, width, 2)
    angles = steps * _BASE ** (-components / width)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]


def rotary_angles(width: int) -> Tensor:
    """Return the angle (width / 2) by which a step turns each pair of components."""
    return _BASE ** -(torch.arange(0, width, 2) / width)


def turned(vectors: Tensor, angles: Tensor) -> Tensor:
    """Turn each pair of neighbouring components by an angle.

    Parameters
    ----------
    vectors : Tensor of shape (batch, n_heads, time, head_width)
        Of even width.

    angles : Tensor of shape ([batch,] n_heads or 1, time, head_width / 2)
        In radians.
    """
    pairs = torch.view_as_complex(vectors.to(angles.dtype).unflatten(-1, (-1, 2)))
    turns = torch.polar(torch.ones_like(angles), angles)
    return torch.view_as_real(pairs * turns).flatten(-2).to(vectors.dtype)
