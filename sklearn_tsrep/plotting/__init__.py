"""Displays of what estimators found, in the style of scikit-learn.

They need matplotlib, which is imported when the first is drawn.
"""

from sklearn_tsrep.plotting.anomaly import AnomalyDisplay
from sklearn_tsrep.plotting.attention import AttentionDisplay
from sklearn_tsrep.plotting.forecast import ForecastDisplay

__all__ = ["AnomalyDisplay", "AttentionDisplay", "ForecastDisplay"]
