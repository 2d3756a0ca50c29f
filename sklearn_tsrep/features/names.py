"""The names of poolings, and of the features that they give."""

from collections.abc import Sequence

POOLINGS = ("max", "mean", "last", "segments", "multiscale")


def listed(pooling: str | Sequence[str]) -> list[str]:
    """Return one or several names of poolings as a list."""
    return [pooling] if isinstance(pooling, str) else list(pooling)


def feature_names(
    pooling: str | Sequence[str], n_latents: int, n_segments: int, n_scales: int
) -> list[str]:
    """Return the name of each feature, in the order of `pool`."""
    parts = {
        "segments": [f"segment{index}" for index in range(n_segments)],
        "multiscale": [f"scale{index}" for index in range(n_scales)],
    }
    return [
        f"{part}_latent{latent}"
        for name in listed(pooling)
        for part in parts.get(name, [name])
        for latent in range(n_latents)
    ]
