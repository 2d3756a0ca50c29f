"""Configurations of TRepTransformer by name, and the names of poolings.

Those of DMAETransformer are in benchmarks/dmae_configurations.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Whole ways of doing it, each with its own pooling, for tables that compare them.
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    # The paper's widths and what it takes for classification. The width of the
    # time-embedding is that of its published code.
    "paper": {
        "n_latents": 128,
        "hidden_channels": 128,
        "n_time_latents": 64,
        "time_embedding": "mlp",
        "identity_share": 0.0,
        "lr": 1e-3,
        "batch_size": 16,
        "pooling": "segments",
        "n_segments": 10,
        "max_steps": 200,  # published: up to 200 epochs
    },
    # TS2Vec as published, for panels of less than 100,000 values.
    "ts2vec": {
        "n_latents": 320,
        "hidden_channels": 64,
        "time_embedding": None,
        "lr": 1e-3,
        "batch_size": 16,
        "pooling": "max",
        "max_steps": 200,
    },
}


# That of the defaults, in which settings with other poolings are compared too.
COMMON_POOLING = "max+segments2"


@dataclass(frozen=True)
class Configuration:
    """What differs from the defaults: parameters of the encoder, and its data.

    ``removed_values`` is the share of single values of each series that are taken
    away before anything else.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    removed_values: float = 0.0

    def described(self) -> dict[str, Any]:
        """Return all of it as one flat mapping."""
        removed = {"removed_values": self.removed_values} if self.removed_values else {}
        return {**self.parameters, **removed}

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> "Configuration":
        """Return what `described` has flattened."""
        parameters = dict(described)
        removed_values = parameters.pop("removed_values", 0.0)
        return cls(parameters, removed_values)


Groups = Mapping[str, Mapping[str, Configuration]]


def by_name(groups: Groups) -> dict[str, Configuration]:
    """Return the configurations of all groups."""
    return {name: one for group in groups.values() for name, one in group.items()}


def without(*tasks: str) -> Configuration:
    """Return the configuration in which these tasks of the objective are off."""
    return Configuration({"task_weights": dict.fromkeys(tasks, 0)})


GROUPS: Groups = {
    "Control": {
        "default": Configuration(),
        "untrained": Configuration({"max_epochs": 0}),
    },
    "Rows of the paper": {
        "no-forecast": without("forecast"),
        "no-divergence": without("divergence"),
        "no-time-tasks": without("forecast", "divergence"),
        "rbf": Configuration({"time_embedding": "rbf"}),
        "mlp": Configuration({"time_embedding": "mlp"}),
        "ts2vec": Configuration({"time_embedding": None}),
    },
    "Contrastive tasks": {
        "no-instance": without("instance"),
        "no-temporal": without("temporal"),
    },
    "Objective": {
        "detached": Configuration({"detach_targets": True}),
        "untrained-heads": Configuration({"train_heads": False}),
        "identity-half": Configuration({"identity_share": 0.5}),
        "embedding-maxima": Configuration({"time_pooling": "max"}),
    },
    "Widths": {
        "hidden-32": Configuration({"hidden_channels": 32}),
        "hidden-128": Configuration({"hidden_channels": 128}),
        "latents-64": Configuration({"n_latents": 64}),
        "latents-320": Configuration({"n_latents": 320}),
        "time-latents-64": Configuration({"n_time_latents": 64}),
    },
    "Training": {
        "last-weights": Configuration({"weight_averaging": None}),
        "ema": Configuration({"weight_averaging": "ema"}),
        "lr-0.001": Configuration({"lr": 1e-3}),
        "lr-0.01": Configuration({"lr": 1e-2}),
        "cosine": Configuration({"lr_schedule": "cosine"}),
        "bfloat16": Configuration({"precision": "bfloat16"}),
        "causal": Configuration({"causal": True}),
        "mask-0.25": Configuration({"mask_ratio": 0.25}),
        "temporal-unit-2": Configuration({"temporal_unit": 2}),
    },
    "Gaps": {
        "gaps-all": Configuration({"missing": "all"}, removed_values=0.3),
        "gaps-any": Configuration({"missing": "any"}, removed_values=0.3),
        "gaps-untrained": Configuration({"max_epochs": 0}, removed_values=0.3),
    },
}

POOLINGS = (
    "max",
    "mean",
    "segments10",
    "segments2",
    "max+segments2",
    "max+mean+segments2",
    "multiscale",
)


def pooling_parameters(pooling: str) -> dict[str, Any]:
    """Read a name such as "max+segments2": poolings by '+', the segments' number.

    >>> pooling_parameters("max+segments2")
    {'pooling': ['max', 'segments'], 'n_segments': 2}
    """
    names, n_segments = pooling.split("+"), None
    for place, name in enumerate(names):
        count = name.removeprefix("segments")
        if name != count and count:
            names[place], n_segments = "segments", int(count)
    parameters: dict[str, Any] = {"pooling": names if len(names) > 1 else names[0]}
    return parameters if n_segments is None else parameters | {"n_segments": n_segments}


def pooling_name(parameters: Mapping[str, Any]) -> str:
    """Return the name under which these parameters of an encoder pool.

    >>> pooling_name({"pooling": ("max", "segments"), "n_segments": 2})
    'max+segments2'
    """
    pooling = parameters["pooling"]
    names = [pooling] if isinstance(pooling, str) else pooling
    counts = {"segments": str(parameters["n_segments"])}
    return "+".join(name + counts.get(name, "") for name in names)
