"""The two tasks of T-Rep that use the time-embedding.

References
----------
Fraikin et al. (2024). T-Rep. ICLR, section 4.2.
"""

from torch import Tensor

from sklearn_tsrep.losses.divergence import jensen_shannon_divergence


def divergence_prediction(predicted: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return the squared errors of predicted divergences of time-embeddings.

    Parameters
    ----------
    predicted : Tensor of shape (n_pairs,)
        Prediction from the difference of two representations.

    first, second : Tensor of shape (n_pairs, n_components)
        Time-embeddings of the two steps.

    Returns
    -------
    errors : Tensor of shape (n_pairs,)
    """
    return (predicted - jensen_shannon_divergence(first, second)).square()


def conditioned_forecasting(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the squared errors of representations predicted for another step.

    Parameters
    ----------
    predicted, target : Tensor of shape (n_pairs, n_latents)
        Prediction from a representation and the time-embedding of the other step,
        and the representation of that step.

    Returns
    -------
    errors : Tensor of shape (n_pairs,)
        Mean over latents.
    """
    return (predicted - target).square().mean(dim=-1)
