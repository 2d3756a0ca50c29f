"""The rows of a regression from windows to what follows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sklearn_tsrep.forecasting._windows import History

# Of the arrays for a block of origins: about 64 MB.
_VALUES_AT_ONCE = 2**23

# Makes (n_channels, n_rows, horizon) of features (n_channels, n_rows, n_features).
Map = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Recipe:
    """How a series becomes features, and responses become forecasts.

    Attributes
    ----------
    horizon, n_lags, latent_lags, context, difference, normalize, time_index
        Parameters of `RepresentationForecaster`.

    season : int or None
        Time points of a season.

    encodes_apart : bool
        Whether each channel has a representation of its own.

    is_joined : bool
        Whether lags and latents are features of one map, instead of one each.

    n_train : int
        Time points from which the transformer learns.
    """

    horizon: int
    n_lags: int
    latent_lags: tuple[int, ...]
    context: int
    difference: str | None
    normalize: bool
    time_index: str
    season: int | None
    encodes_apart: bool
    is_joined: bool
    n_train: int

    @property
    def window(self) -> int:
        """Time points by whose mean and spread values are normalised."""
        return max(self.n_lags, 2)

    @property
    def is_relative(self) -> bool:
        """Whether responses are relative to what needs no learning."""
        return self.difference is not None

    @property
    def n_seasons(self) -> int:
        """Seasons whose mean the next one is compared with."""
        return max(self.n_lags // self.season, 1) if self.season else 0

    @property
    def n_before(self) -> int:
        """Time points up to an origin, itself included, that features are made of."""
        n_seasonal = self.n_seasons * (self.season or 0)
        return max(self.n_lags, n_seasonal, max(self.latent_lags) + 1)

    @property
    def n_encoded_before(self) -> int:
        """Time points before an origin that its latents depend on."""
        return self.context + max(self.latent_lags)

    @property
    def n_kept(self) -> int:
        """Time points up to an origin that its forecast depends on."""
        return max(self.n_before, self.n_encoded_before + 1) + self.window


@dataclass(frozen=True)
class Design:
    """Features, responses and forecasts at origins, the last time points known.

    Attributes
    ----------
    recipe : Recipe
        What they are made of.

    history : History
        The series.

    latents : ndarray of shape (n_channels or 1, n_timepoints, n_latents) or None
        Its representation, where that belongs to the features.
    """

    recipe: Recipe
    history: History
    latents: np.ndarray | None

    def blocks(self, origins: np.ndarray) -> Iterator[np.ndarray]:
        """Cut origins into as many as are worked on at once."""
        n_channels = self.history.values.shape[1]
        width = (self.recipe.n_lags + 3 * self.recipe.horizon) * n_channels
        if self.latents is not None:
            width += self.latents[:, 0].size * len(self.recipe.latent_lags)
        n_at_once = max(_VALUES_AT_ONCE // width, 1)
        return iter(np.split(origins, range(n_at_once, len(origins), n_at_once)))

    def features(self, origins: np.ndarray) -> list[np.ndarray]:
        """Return lags and latents, each (n_channels or 1, n_origins, n_features)."""
        parts = []
        if self.recipe.n_lags:
            parts.append(self._lags(origins))
        if self.latents is not None:
            lagged = [self.latents[:, origins - lag] for lag in self.recipe.latent_lags]
            parts.append(np.concatenate(lagged, axis=2, dtype=np.float64))
        return [_joined(parts)] if self.recipe.is_joined else parts

    def responses(
        self, origins: np.ndarray, *, without_gaps: bool = True
    ) -> np.ndarray:
        """Return what features are to predict (n_channels, n_origins, horizon).

        NaN where missing, or without gaps.
        """
        ahead = self.history.ahead(
            origins, self.recipe.horizon, without_gaps=without_gaps
        )
        return ahead - self._reference(origins)

    def forecasts(self, origins: np.ndarray, maps: Sequence[Map]) -> np.ndarray:
        """Return standardised values (n_channels, n_origins, horizon)."""
        forecasts = self._reference(origins) + sum_of(maps, self.features(origins))
        n_channels = self.history.values.shape[1]
        return np.broadcast_to(
            forecasts, (n_channels, len(origins), self.recipe.horizon)
        )

    def _lags(self, origins: np.ndarray) -> np.ndarray:
        lags = self.history.lags(origins, self.recipe.n_lags)
        if self.recipe.is_relative:
            return lags - lags[..., -1:]
        return lags

    def _reference(self, origins: np.ndarray) -> np.ndarray | float:
        """Return what responses are relative to (n_channels, n_origins, horizon)."""
        recipe, references = self.recipe, []
        if recipe.difference in ("last", "both"):
            references.append(self.history.last(origins))
        if recipe.difference in ("season", "both") and recipe.season:
            references.append(
                self.history.seasonal(
                    origins, recipe.season, recipe.n_seasons, recipe.horizon
                )
            )
        return sum(references) / len(references) if references else 0.0


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    shape = max(len(part) for part in parts), parts[0].shape[1]
    return np.concatenate(
        [np.broadcast_to(part, (*shape, part.shape[2])) for part in parts], axis=2
    )


def sum_of(maps: Sequence[Map], features: Sequence[np.ndarray]) -> np.ndarray | float:
    """Return the sum of what maps make of the features of each; 0 of none."""
    return sum((own(part) for own, part in zip(maps, features, strict=True)), start=0.0)
