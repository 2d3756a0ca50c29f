"""The forecaster of T-Rep's paper."""

from __future__ import annotations

from typing import Any

from sklearn_tsrep._trep import TRepTransformer
from sklearn_tsrep.forecasting._forecaster import RepresentationForecaster


def paper_forecaster(
    horizon: int = 24, transformer_parameters: dict[str, Any] | None = None
) -> RepresentationForecaster:
    """Return the forecaster of T-Rep's paper, not yet fitted.

    A ridge regression goes from the representation of the last time point, of all
    channels together, to the values themselves. Its strength is chosen on the
    validation part, on which it is not fitted once more.

    Parameters
    ----------
    horizon : int, default=24
        Time points to forecast.

    transformer_parameters : dict or None, default=None
        Parameters of `TRepTransformer`, in place of the paper's or beside them.

    Returns
    -------
    forecaster : RepresentationForecaster
        To be fitted.

    Notes
    -----
    The paper gives time points beyond the training part the indices of that part of
    it to which the whole test part is most alike. That looks ahead: here they go on.
    Training takes 200 steps, the paper's up to 200 epochs. Strengths are those of
    `RepresentationForecaster`, chosen as it does; the paper's are a part of that range.

    References
    ----------
    Fraikin, Bennetot, Allassonnière (2024). "T-Rep: Representation Learning for Time
    Series using Time-Embeddings". ICLR. The procedure is in the appendix.

    Examples
    --------
    >>> from sklearn_tsrep.forecasting import paper_forecaster
    >>> paper_forecaster(horizon=48).transformer.n_latents
    128
    """
    parameters = {
        "n_latents": 128,
        "hidden_channels": 128,
        "n_time_latents": 64,
        "time_embedding": "time2vec",
        "lr": 1e-3,
        "batch_size": 16,
        "max_steps": 200,
        "max_train_length": 800,
        **(transformer_parameters or {}),
    }
    return RepresentationForecaster(
        TRepTransformer(**parameters),
        horizon=horizon,
        n_lags=0,
        context=200,
        encode_channels="together",
        normalize=False,
        difference=None,
        refit=False,
    )
