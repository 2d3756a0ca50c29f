"""The kinds of evidence by name, and what the parameters of a detector make of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any

from sklearn.base import clone

from sklearn_tsrep.detection._memory import require_faiss
from sklearn_tsrep.detection._scorers import (
    HiddenStep,
    NearestNormal,
    PrincipalComponents,
    Reconstruction,
    Scorer,
)

_SCORERS: dict[str, type[Scorer]] = {
    kind.__name__: kind
    for kind in (NearestNormal, PrincipalComponents, Reconstruction, HiddenStep)
}

Given = Mapping[str, Any]


def check_kinds(given: Given) -> None:
    """Check parameters of a detector that do not stand by themselves.

    Raises
    ------
    ImportError
        If an index is asked for that is not installed.

    ValueError
        If parameters do not fit together.
    """
    names, lengths = listed(given["scores"]), listed(given["window_length"])
    if not names or set(names) - set(SCORES) or len(set(names)) < len(names):
        raise ValueError(
            f"scores must be one or several of {list(SCORES)}, each at most once, got "
            f"{given['scores']!r}."
        )
    if not lengths or not all(map(_is_length, lengths)):
        raise ValueError(
            "window_length must be a number of time points of at least 1, or several, "
            f"got {given['window_length']!r}."
        )
    if given["transformer"] is None and "masked" in names:
        raise ValueError(
            "scores='masked' needs a transformer to hide time points from, got "
            "transformer=None."
        )
    if given["causal"] and _reconstructs(given):
        raise ValueError(
            "causal=True needs scores that see no later time points, and the "
            f"reconstruction of {type(given['transformer']).__name__} does."
        )
    if given["search"] == "approximate":
        require_faiss()


def _is_length(value: Any) -> bool:
    return isinstance(value, Integral) and int(value) >= 1


def resolved(given: Given, n_channels: int) -> Given:
    """Return the parameters with what the transformer "auto" stands for."""
    if given["transformer"] != "auto":
        return given
    is_needed = n_channels > 1 or "masked" in listed(given["scores"])
    return {**given, "transformer": "random" if is_needed else None}


def new_transformer(given: Given, seed: int) -> Any:
    """Return what is to represent time points; None where no kind looks at it."""
    transformer = given["transformer"]
    kinds = set(listed(given["scores"]))
    # Components are taken of the values; all else may ask it.
    is_asked = bool(kinds - {"reconstruction"}) or _reconstructs(given)
    if transformer is None or not is_asked:
        return None
    if isinstance(transformer, str):
        return _random_transformer(seed)
    return clone(transformer)


def new_scorers(given: Given, seed: int) -> list[Scorer]:
    """Return the scorers of the kinds that are asked for, in the order of SCORES."""
    names = listed(given["scores"])
    return [
        scorer
        for kind, made_of in SCORES.items()
        if kind in names
        for scorer in made_of({**given, "seed": seed})
    ]


def scorer_of(kind: str, state: Mapping[str, Any]) -> Scorer:
    """Return the scorer with this state, as `learned_by` gives it."""
    return _SCORERS[kind](**state)


def learned_by(scorer: Scorer) -> tuple[str, dict[str, Any]]:
    """Return the class of a scorer, and its state."""
    return type(scorer).__name__, scorer.state


def _reconstructs(given: Given) -> bool:
    """Tell whether the transformer makes the reconstruction."""
    is_asked = "reconstruction" in listed(given["scores"])
    return is_asked and hasattr(given["transformer"], "reconstruct")


def _random_transformer(seed: int) -> Any:
    """Return a small T-Rep that keeps its random weights."""
    from sklearn_tsrep._trep import TRepTransformer

    return TRepTransformer(
        n_latents=64,
        hidden_channels=32,
        n_blocks=4,
        time_embedding=None,
        max_epochs=0,
        random_state=seed,
    )


def listed(given: Any) -> list[Any]:
    """Return one thing, or several, as a list."""
    return list(given) if isinstance(given, list | tuple) else [given]


def _nearest(given: Given) -> list[Scorer]:
    return [
        NearestNormal(
            length=int(length),
            n_kept=int(given["memory_size"]),
            causal=bool(given["causal"]),
            n_neighbors=int(given["n_neighbors"]),
            local_scale=bool(given["local_scale"]),
            selection=given["selection"],
            is_exact=given["search"] == "exact",
            of_latents=given["transformer"] is not None,
            seed=given["seed"],
        )
        for length in listed(given["window_length"])
    ]


def _reconstruction(given: Given) -> list[Scorer]:
    if _reconstructs(given):
        return [Reconstruction()]
    return [
        PrincipalComponents(
            length=int(given["reconstruction_length"]),
            n_kept=int(given["memory_size"]),
            causal=bool(given["causal"]),
            n_components=int(given["n_components"]),
        )
    ]


def _masked(given: Given) -> list[Scorer]:
    n_before = given["n_before"]
    usual = None if n_before is None else int(n_before)
    return [HiddenStep(usual, int(given["context"]))]


# What makes the scorers of a kind, from the parameters of a detector and a seed.
SCORES: dict[str, Callable[[Given], list[Scorer]]] = {
    "nearest": _nearest,
    "reconstruction": _reconstruction,
    "masked": _masked,
}
