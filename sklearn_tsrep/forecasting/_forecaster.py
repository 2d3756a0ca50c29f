"""Forecasts from the last values of a series and from its representation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import clone

from sklearn_tsrep._panels import unchanged_if_refused
from sklearn_tsrep._sklearn import HasMethods, Interval, StrOptions, fit_context
from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.data.scaling import ChannelScaler
from sklearn_tsrep.forecasting._design import Design, Map, Recipe
from sklearn_tsrep.forecasting._latents import encoded, panel_of
from sklearn_tsrep.forecasting._ridge import LinearMaps
from sklearn_tsrep.forecasting._rolling import RollingForecaster, error_quantiles
from sklearn_tsrep.forecasting._stages import (
    Origins,
    RegressorMap,
    fit_regressor,
    fit_stages,
    thinned,
)
from sklearn_tsrep.forecasting._windows import History, find_season

# With infinity nothing is added to what forecasts are relative to.
_ALPHAS = (*(10.0 ** (power / 2) for power in range(-12, 5)), np.inf)
_USUAL_LAGS = 336
_USUAL_LAGS_WITHOUT_SEASON = 96


class RepresentationForecaster(RollingForecaster):
    """Forecasts a series from its last values and from its representation.

    A ridge regression goes from the last values of a channel to all steps of the
    horizon at once. Values are relative to what needs no learning (the last value, the
    last seasons), so that a series that drifts is forecast as well as one that does
    not. A second regression goes from the representation of the last time point to what
    the first leaves over. The strength of each is chosen on a validation part.

    Parameters
    ----------
    transformer : TRepTransformer, DMAETransformer or None, default=None
        What represents the time points, cloned before it is fitted to the training
        part. One that is fitted already stays as it is in a
        `sklearn.frozen.FrozenEstimator`. None for no representation; see the user
        guide for what it is worth.

    horizon : int, default=24
        Time points to forecast.

    n_lags : int or "auto", default="auto"
        Last values of a channel that its forecast is made of; 0 for the representation
        alone. "auto" for whole seasons, two at least and 336 time points about, or 96
        where there is no season; a fifth of the training part at most.

    latent_lags : sequence of int, default=(0,)
        How many time points before the last the representations lie that a forecast
        is made of.

    context : int, default=200
        Time points before a time point that its representation depends on.

    encode_channels : {"apart", "together"}, default="apart"
        Whether each channel is a series of its own to the transformer, or all are one.

    normalize : bool, default=True
        Whether each value loses level and spread of the ``n_lags`` time points up to
        it before it is represented, so that a series that drifts looks as it did.

    difference : {"last", "season", "both"} or None, default="both"
        What forecasts are relative to: the last value; the mean of the last seasons,
        as many as ``n_lags`` holds; the mean of these two, or the last value where
        there is no season. With None forecasts are of the values themselves.

    season : int, "auto" or None, default="auto"
        Time points of a season, where forecasts are relative to one. "auto" for the
        period at which the autocorrelation is the highest, if it is above 0.3.

    time_index : {"continue", "clamp", "wrap"}, default="continue"
        Index of time points behind the training part, which no embedding of time has
        learned: it goes on, stays that of the last one, or starts at 0 again.

    sharing : float, default=0.5
        How much channels learn from each other: with 0 each has a regression of its
        own, with 1 all have the same one.

    regressor : regressor or None, default=None
        Fitted to lags and representation at once, rows of all channels below each
        other, in place of the ridge regressions. It has to predict several outputs; one
        that cannot goes into a `sklearn.multioutput.MultiOutputRegressor`.

    alphas : sequence of float or None, default=None
        Strengths of the ridge regression to choose from, for a row and in units of the
        mean variance of the features. None for half-decades from 1e-6 to 100 and
        infinity, with which nothing is learned. The largest is taken whose error (root
        mean square plus mean absolute) is not above the lowest by more than one
        standard error of the difference, over parts of the validation part that are as
        long as the horizon.

    validation_fraction : float, default=0.25
        Share of the rows, at the end, that strengths and intervals are taken from.

    refit : bool, default=True
        Whether the regressions, not the transformer, are fitted once more to all rows
        when their strengths are chosen.

    Attributes
    ----------
    transformer_ : transformer or None
        The fitted one.

    regressor_ : regressor or None
        The fitted one, if there is one.

    alphas_ : dict of str to float
        Chosen strengths, of ``"lags"`` and ``"latents"``; empty with a regressor. With
        infinity the representation adds nothing, and is not computed in `predict`.

    season_ : int or None
        Time points of a season, where forecasts are relative to one.

    n_lags_ : int
        Number of lags.

    mean_, scale_ : ndarray of shape (n_channels,), float64
        What each channel is standardised with, of the training part.

    n_seen_ : int
        Time points seen by `fit` and `update`.

    n_features_in_ : int
        Number of channels.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if `X` was a DataFrame.

    See Also
    --------
    paper_forecaster : The setting of T-Rep's paper.
    sklearn_tsrep.plotting.ForecastDisplay : Draws forecasts.

    Notes
    -----
    Gaps are filled for the lags by the value before them, 0 (the training mean) where
    there is none among the last ``n_lags``; for training targets by straight lines. The
    representation sees them as gaps.

    In fit, the representation of all rows is in memory: 1 kB a time point, and channel
    with ``encode_channels="apart"``, for 128 latents; with a ``regressor`` all features
    are.

    References
    ----------
    Fraikin, Bennetot, Allassonnière (2024). "T-Rep: Representation Learning for Time
    Series using Time-Embeddings". ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep.forecasting import RepresentationForecaster
    >>> noise = np.random.default_rng(0).normal(size=(300, 2))
    >>> days = np.sin(np.arange(300) * 2 * np.pi / 24)[:, None] + 0.1 * noise
    >>> forecaster = RepresentationForecaster(horizon=12).fit(days[:250])
    >>> forecaster.season_
    24
    >>> forecaster.predict().shape
    (12, 2)
    >>> lower, upper = forecaster.predict_interval(days[250:280], coverage=0.8)
    >>> forecaster.update(days[250:]).n_seen_
    300
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "transformer": [HasMethods(["fit", "encode_causal"]), None],
        "horizon": [Interval(Integral, 1, None, closed="left")],
        "n_lags": [StrOptions({"auto"}), Interval(Integral, 0, None, closed="left")],
        "latent_lags": ["array-like"],
        "context": [Interval(Integral, 0, None, closed="left")],
        "encode_channels": [StrOptions({"apart", "together"})],
        "normalize": ["boolean"],
        "difference": [StrOptions({"last", "season", "both"}), None],
        "season": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
        "time_index": [StrOptions({"continue", "clamp", "wrap"})],
        "sharing": [Interval(Real, 0, 1, closed="both")],
        "regressor": [HasMethods(["fit", "predict"]), None],
        "alphas": ["array-like", None],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "refit": ["boolean"],
    }

    def __init__(
        self,
        transformer: Any = None,
        *,
        horizon: int = 24,
        n_lags: int | str = "auto",
        latent_lags: Sequence[int] = (0,),
        context: int = 200,
        encode_channels: str = "apart",
        normalize: bool = True,
        difference: str | None = "both",
        season: int | str | None = "auto",
        time_index: str = "continue",
        sharing: float = 0.5,
        regressor: Any = None,
        alphas: Sequence[float] | None = None,
        validation_fraction: float = 0.25,
        refit: bool = True,
    ) -> None:
        self.transformer = transformer
        self.horizon = horizon
        self.n_lags = n_lags
        self.latent_lags = latent_lags
        self.context = context
        self.encode_channels = encode_channels
        self.normalize = normalize
        self.difference = difference
        self.season = season
        self.time_index = time_index
        self.sharing = sharing
        self.regressor = regressor
        self.alphas = alphas
        self.validation_fraction = validation_fraction
        self.refit = refit

    # The transformer and the regressor validate their own parameters.
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn to forecast a series.

        Parameters
        ----------
        X : array-like of shape (n_timepoints, n_channels)
            The series, rows are time points; NaN is missing.

        y : None
            Ignored; for searches over parameters.

        Returns
        -------
        self : object
            The fitted forecaster, which has seen X.

        Raises
        ------
        ValueError
            If a parameter or X is not valid, X is too short, or has a channel without
            a value in the training part.
        """
        self._check_parameters()
        with unchanged_if_refused(self):
            rows = self._read(X, reset=True)
            n_train = len(rows) - round(self.validation_fraction * len(rows))
            if n_train < 2:
                raise ValueError(
                    f"validation_fraction={self.validation_fraction} leaves {n_train} "
                    f"of {len(rows)} rows of X to learn from."
                )
            self._remember(rows[:n_train])
            origins = self._origins(len(rows))
            if np.isnan(rows[n_train:]).all():
                raise ValueError(
                    f"X has no value in its last {len(rows) - n_train} rows, the part "
                    "to choose by."
                )
            self._fit_transformer(rows[:n_train])
            self._fit_maps(self._design(rows, 0, 0), origins)
        self._keep(rows, len(rows))
        return self

    def _check_parameters(self) -> None:
        if self.transformer is None and self.n_lags == 0:
            raise ValueError(
                "n_lags=0 leaves nothing to forecast from without a transformer."
            )
        if self.transformer is not None and self.normalize and self.n_lags == 0:
            raise ValueError(
                "normalize=True takes level and spread from the last n_lags time "
                "points, got n_lags=0. Set normalize=False, or give lags."
            )
        if not _all_are(Integral, self.latent_lags, lambda lag: lag >= 0):
            raise ValueError(
                "latent_lags must be a sequence of whole numbers of at least 0, got "
                f"{self.latent_lags!r}."
            )
        if self.alphas is not None and not _all_are(
            Real, self.alphas, lambda alpha: alpha > 0
        ):
            raise ValueError(
                f"alphas must be a sequence of numbers above 0, got {self.alphas!r}."
            )

    def _remember(self, rows: np.ndarray) -> None:
        """Take from the training part what stays as it is."""
        empty = np.flatnonzero(np.isnan(rows).all(axis=0))
        if len(empty):
            raise ValueError(
                f"X has no value of channel {empty[0]} in its first {len(rows)} rows, "
                "the part to learn from."
            )
        scaler = ChannelScaler.fit(Panel.from_series(rows.T[np.newaxis]))
        self.mean_, self.scale_ = scaler.mean, scaler.scale
        self.season_ = self._find_season(rows)
        self.n_lags_ = self._number_of_lags(len(rows))
        encodes = self.transformer is not None
        recipe = Recipe(
            horizon=int(self.horizon),
            n_lags=self.n_lags_,
            latent_lags=tuple(map(int, self.latent_lags)) if encodes else (0,),
            context=int(self.context) if encodes else 0,
            difference=self.difference,
            normalize=bool(self.normalize),
            time_index=self.time_index,
            season=self.season_,
            encodes_apart=self.encode_channels == "apart",
            is_joined=self.regressor is not None,
            n_train=len(rows),
        )
        # The fitted state is plain values.
        self._recipe_parameters = asdict(recipe)

    def _find_season(self, rows: np.ndarray) -> int | None:
        if self.difference not in ("season", "both"):
            return None
        season = self.season
        if season == "auto":
            season = find_season(History(self._standardized(rows), 1).without_gaps)
        if season is None and self.difference == "season":
            raise ValueError(
                "difference='season' needs a season, and none was found in X. Give "
                "its number of time points, or another difference."
            )
        return None if season is None else int(season)

    def _number_of_lags(self, n_train: int) -> int:
        if self.n_lags != "auto":
            return int(self.n_lags)
        wanted = _USUAL_LAGS_WITHOUT_SEASON
        if self.season_ is not None:
            wanted = self.season_ * max(2, round(_USUAL_LAGS / self.season_))
        possible = max(min(wanted, n_train // 5), 1)
        season = self.season_ or 1
        return possible // season * season or possible

    def _origins(self, n_rows: int) -> Origins:
        recipe = self._recipe
        training = self._origins_to_fit_to(recipe.n_train)
        validation = np.arange(recipe.n_train - 1, n_rows - recipe.horizon)
        if not len(training) or not len(validation):
            raise ValueError(
                f"Found {n_rows} rows in X, {recipe.n_train} to learn from and "
                f"{n_rows - recipe.n_train} to validate on (validation_fraction="
                f"{self.validation_fraction}), while {type(self).__name__} needs "
                f"{recipe.n_before + recipe.horizon} (lags or seasons, and horizon) "
                f"and {recipe.horizon}."
            )
        later = np.arange(training[-1] + 1, n_rows - recipe.horizon)
        return Origins(training, validation, later)

    def _origins_to_fit_to(self, n_rows: int) -> np.ndarray:
        stop = n_rows - self._recipe.horizon
        first = self._recipe.n_before - 1
        if not self.n_lags_:
            # Representations from fewer time points are of another kind.
            first = max(first, min(self._recipe.n_encoded_before, stop // 2))
        return np.arange(first, stop)

    def _fit_transformer(self, rows: np.ndarray) -> None:
        self.transformer_ = None
        self._reads_latents = self.transformer is not None
        if self._reads_latents:
            history = History(self._standardized(rows), self._recipe.window)
            panel = panel_of(history, self._recipe)
            self.transformer_ = clone(self.transformer).fit(panel, None)

    def _fit_maps(self, design: Design, origins: Origins) -> None:
        """Fit to the training part, then, where wanted, to all rows."""
        judged = thinned(origins.validation)
        if self.regressor is None:
            alphas = _ALPHAS if self.alphas is None else [*map(float, self.alphas)]
            sharing = self._sharing()
            chosen, validated, maps = fit_stages(
                design, origins, alphas, list(sharing.values()), self.refit
            )
            self.alphas_ = dict(zip(sharing, chosen, strict=True))
            self.regressor_ = None
            self._quantiles, self._n_errors = error_quantiles(design, validated, judged)
            if self.alphas_.get("latents") == np.inf and design.recipe.is_relative:
                self._reads_latents = False
                maps = maps[:-1]
            self._coefficients = [(own.coefficients, own.intercepts) for own in maps]
        else:
            self.alphas_ = {}
            self.regressor_ = fit_regressor(self.regressor, design, origins.training)
            self._quantiles, self._n_errors = error_quantiles(
                design, self._maps, judged
            )
            if self.refit:
                self.regressor_ = fit_regressor(self.regressor, design, origins.all)

    def _sharing(self) -> dict[str, float]:
        """Return how much channels share of the map of each part of the features."""
        sharing = {}
        if self.n_lags_:
            sharing["lags"] = float(self.sharing)
        if self.transformer_ is not None:
            # The same latents say something else of each channel.
            apart = self.encode_channels == "apart"
            sharing["latents"] = float(self.sharing) if apart else 0.0
        return sharing

    @property
    def _recipe(self) -> Recipe:
        return Recipe(**self._recipe_parameters)

    @property
    def _maps(self) -> list[Map]:
        if self._recipe.is_joined:
            return [RegressorMap(self.regressor_)]
        return [LinearMaps(*own) for own in self._coefficients]

    def _design(self, rows: np.ndarray, n_before: int, first: int) -> Design:
        recipe = self._recipe
        history = History(self._standardized(rows), recipe.window)
        if not self._reads_latents:
            return Design(recipe, history, None)
        first_encoded = first - max(recipe.latent_lags)
        latents = encoded(self.transformer_, history, recipe, first_encoded, n_before)
        return Design(recipe, history, latents)

    def _standardized(self, rows: np.ndarray) -> np.ndarray:
        return (rows - self.mean_) / self.scale_


def _all_are(kind: type, values: Any, is_valid: Callable[[Any], bool]) -> bool:
    """Tell whether there are values, all of them valid numbers of a kind."""
    listed = list(values)
    return bool(listed) and all(isinstance(v, kind) and is_valid(v) for v in listed)
