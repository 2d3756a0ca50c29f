"""Configurations of TRepTransformer among which defaults are chosen, by name."""

from typing import Any

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "untrained": {"max_epochs": 0},
    "steps-100": {"max_steps": 100},
    "steps-200": {"max_steps": 200},
    "steps-300": {"max_steps": 300},
    "steps-600": {"max_steps": 600},
    "time2vec": {"time_embedding": "time2vec"},
    "mlp": {"time_embedding": "mlp"},
    "rbf": {"time_embedding": "rbf"},
    "no-time": {"time_embedding": None},
    "hidden-32": {"hidden_channels": 32},
    "hidden-64": {"hidden_channels": 64},
    "hidden-128": {"hidden_channels": 128},
    "latents-64": {"n_latents": 64},
    "latents-128": {"n_latents": 128},
    "latents-320": {"n_latents": 320},
    "last-weights": {"weight_averaging": None},
    "lr-0.001": {"lr": 1e-3},
    "lr-0.003": {"lr": 3e-3},
    "detached": {"detach_targets": True},
}

POOLINGS = (
    "max",
    "max+mean",
    "multiscale",
    "segments10",
    "segments2",
    "max+segments2",
    "max+segments3",
)
