"""The names of poolings, and of the features that they give."""

from collections.abc import Callable, Sequence

# Names of what a pooling makes of one latent, for numbers of segments and scales.
POOLINGS: dict[str, Callable[[int, int], list[str]]] = {
    "max": lambda n_segments, n_scales: ["max"],
    "mean": lambda n_segments, n_scales: ["mean"],
    "last": lambda n_segments, n_scales: ["last"],
    "segments": lambda n_segments, n_scales: _numbered("segment", n_segments),
    "multiscale": lambda n_segments, n_scales: _numbered("scale", n_scales),
}


def listed(pooling: str | Sequence[str]) -> list[str]:
    """Return one or several names of poolings as a list."""
    return [pooling] if isinstance(pooling, str) else list(pooling)


def feature_names(
    pooling: str | Sequence[str], n_latents: int, n_segments: int, n_scales: int
) -> list[str]:
    """Return the name of each feature, in the order of `pool`."""
    return [
        f"{part}_latent{latent}"
        for name in listed(pooling)
        for part in POOLINGS[name](n_segments, n_scales)
        for latent in range(n_latents)
    ]


def _numbered(part: str, n_parts: int) -> list[str]:
    return [f"{part}{index}" for index in range(n_parts)]
