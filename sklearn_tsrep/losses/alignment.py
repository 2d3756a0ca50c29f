"""Agreement of features over samples, instead of samples over features."""

from torch import Tensor

# Added to variances, which may be 0.
_SMALLEST_VARIANCE = 1e-6


def feature_alignment(
    estimates: Tensor, targets: Tensor, decorrelation_weight: float = 0.0
) -> Tensor:
    r"""Return how far features are from agreeing with those of a target.

    Each feature is standardised over the samples. With the correlations
    :math:`C_{ij}` of feature ``i`` of the estimates and feature ``j`` of the targets,
    the loss is

    .. math:: \frac{1}{F} \sum_i (1 - C_{ii})^2
        + \frac{\mu}{F (F - 1)} \sum_{i \ne j} C_{ij}^2.

    Parameters
    ----------
    estimates, targets : Tensor of shape (n_samples, n_features)
        Only the estimates need a gradient.

    decorrelation_weight : float, default=0
        Weight of the second part, which keeps different features apart.

    Returns
    -------
    loss : Tensor of shape ()
        0 where there are less than two samples.

    References
    ----------
    The first part is the feature-level alignment of MTS-DMAE (arXiv:2509.16078) as
    read here; the second is that of Zbontar et al. (2021), Barlow Twins, equation 1.
    """
    n_samples, n_features = estimates.shape
    if n_samples < 2:
        return (0 * estimates).sum()
    correlations = _standardised(estimates).t() @ _standardised(targets) / n_samples
    own = correlations.diagonal()
    loss = (1 - own).square().mean()
    if decorrelation_weight and n_features > 1:
        others = correlations.square().sum() - own.square().sum()
        loss = loss + decorrelation_weight * others / (n_features * (n_features - 1))
    return loss


def _standardised(samples: Tensor) -> Tensor:
    centred = samples - samples.mean(dim=0)
    variance = centred.square().mean(dim=0)
    return centred * (variance + _SMALLEST_VARIANCE).rsqrt()
