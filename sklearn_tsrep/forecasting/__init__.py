"""Forecasts on top of representations."""

from sklearn_tsrep.forecasting._forecaster import RepresentationForecaster
from sklearn_tsrep.forecasting._paper import paper_forecaster

__all__ = ["RepresentationForecaster", "paper_forecaster"]
