"""The objective of AMAD: reconstruction, divergence of the maps, and their contrast."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from sklearn_tsrep.losses.divergence import divergence_of_logarithms
from sklearn_tsrep.nn.amad import AMADNetwork, Reconstruction
from sklearn_tsrep.nn.attention import AttentionMaps


class AMADObjective(nn.Module):
    """Reconstruction error, divergence of the attention maps, and their contrast.

    Parameters
    ----------
    divergence_weight : float, default=3.0
        Weight of the divergence in each phase (lambda).

    min_phase : bool, default=True
        Whether AutoMask learns to come near the global map.

    max_phase : bool, default=True
        Whether the global map learns to go away from AutoMask.

    contrast : bool, default=True
        Whether the two maps of a window shall find one another in the batch.

    contrast_temperature : float, default=0.07
        Logits are multiplied by the exponential of it (tau).

    reduction : {"mean", "sum"}, default="mean"
        Whether the error of a step is the mean over channels, or their sum.

    References
    ----------
    Huang and Li. AMAD: AutoMasked Attention for Unsupervised Multivariate Time Series
    Anomaly Detection, equations 6, 17 and 18, figure 5.

    Notes
    -----
    Each phase counts the reconstruction once. Both are one backward pass here, with
    the gradients of two accumulated ones.
    """

    def __init__(
        self,
        divergence_weight: float = 3.0,
        min_phase: bool = True,
        max_phase: bool = True,
        contrast: bool = True,
        contrast_temperature: float = 0.07,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.min_phase = min_phase
        self.max_phase = max_phase
        self.contrast = contrast
        self.contrast_temperature = contrast_temperature
        self.reduction = reduction
        self.task_weights = {
            "reconstruction": float(max(min_phase + max_phase, 1)),
            "divergence": divergence_weight,
            "contrast": 1.0,
        }
        self.validation_weights = {"reconstruction": 1.0}

    def forward(
        self,
        network: AMADNetwork,
        outputs: Reconstruction,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """Return the terms of the loss by name.

        Parameters
        ----------
        network : AMADNetwork
            Not used.

        outputs : Reconstruction
            What it made of a batch.

        generator : torch.Generator
            Not used.
        """
        terms = {"reconstruction": self._reconstruction(outputs)}
        if outputs.maps[0].automask is None:
            return terms
        if self.min_phase or self.max_phase:
            terms["divergence"] = self._phases(outputs)
        if self.contrast:
            terms["contrast"] = sum(
                (
                    window_contrast(maps, self.contrast_temperature)
                    for maps in outputs.maps
                ),
                outputs.values.new_zeros(()),
            )
        return terms

    def monitors(self, outputs: Reconstruction) -> dict[str, Tensor]:
        """Return nothing to watch beside the terms."""
        return {}

    def _reconstruction(self, outputs: Reconstruction) -> Tensor:
        errors = _mean_of_steps(step_errors(outputs), outputs)
        n_channels = outputs.values.shape[-1]
        return errors * n_channels if self.reduction == "sum" else errors

    def _phases(self, outputs: Reconstruction) -> Tensor:
        """Return the divergence, to descend by AutoMask and to ascend by the other.

        The losses of the two phases are this and its negative, so that their values
        say nothing; both gradients come from the one divergence, turned round on
        their way to the global map.
        """
        maps = [self._with_directed_gradients(own) for own in outputs.maps]
        return _mean_of_steps(cross_attention_divergence(maps), outputs)

    def _with_directed_gradients(self, maps: AttentionMaps) -> AttentionMaps:
        own, other = maps.self_attention, maps.automask
        assert other is not None
        return AttentionMaps(
            _reversed(own) if self.max_phase else own.detach(),
            other if self.min_phase else other.detach(),
        )


def _reversed(tensor: Tensor) -> Tensor:
    """Return the same values, whose gradient changes its sign on the way back."""
    return 2 * tensor.detach() - tensor


def cross_attention_divergence(maps: list[AttentionMaps]) -> Tensor:
    """Return the divergence of the two maps at each step, mean over layers and heads.

    Parameters
    ----------
    maps : list of AttentionMaps
        Of each layer, with AutoMask.

    Returns
    -------
    divergence : Tensor of shape (batch, time)
        In nats, from 0 to ``log(2)``.

    References
    ----------
    Huang and Li. AMAD, equation 6.
    """
    return torch.stack(layer_divergences(maps)).mean(dim=0)


def layer_divergences(maps: list[AttentionMaps]) -> list[Tensor]:
    """Return the divergence (batch, time) in each layer, mean over heads."""
    return [
        divergence_of_logarithms(own.automask, own.self_attention).mean(dim=1)
        for own in maps
        if own.automask is not None
    ]


def window_contrast(maps: AttentionMaps, temperature: float) -> Tensor:
    """Return the cross-entropy of finding a window's AutoMask by its global map.

    Parameters
    ----------
    maps : AttentionMaps
        Of one layer, with AutoMask.

    temperature : float
        Products of the maps are multiplied by ``exp(temperature)``.
    """
    assert maps.automask is not None
    own, other = maps.self_attention.exp().flatten(1), maps.automask.exp().flatten(1)
    logits = own @ other.t() * math.exp(temperature)
    return functional.cross_entropy(logits, torch.arange(len(own), device=own.device))


def channel_errors(outputs: Reconstruction) -> Tensor:
    """Return squared errors (batch, time, n_channels), 0 at missing values."""
    errors = (outputs.values - outputs.batch.values).square()
    observed = outputs.batch.observed
    return errors if observed is None else errors * observed


def step_errors(outputs: Reconstruction) -> Tensor:
    """Return the mean squared error of each step (batch, time) over what is observed.

    It is 0 at steps without a value.
    """
    return mean_of_channels(channel_errors(outputs), outputs)


def mean_of_channels(errors: Tensor, outputs: Reconstruction) -> Tensor:
    """Return the mean (batch, time) of errors, 0 at missing values, over the others."""
    return errors.sum(dim=-1) / n_observed(outputs)


def n_observed(outputs: Reconstruction) -> Tensor:
    """Return how many channels have a value at each step (batch, time), 1 at least."""
    observed = outputs.batch.observed
    if observed is None:
        n_channels = float(outputs.values.shape[-1])
        return outputs.values.new_full(outputs.values.shape[:2], n_channels)
    return observed.sum(dim=-1).clamp(min=1)


def divergence_weights(outputs: Reconstruction, temperature: float) -> Tensor:
    """Return the softmax over each window of the negative divergence, times its steps.

    Parameters
    ----------
    outputs : Reconstruction
        With AutoMask.

    temperature : float
        Factor of the divergence. At 1 the weights are those of the paper, times the
        length of a window, so that a shorter one does not raise them.

    Returns
    -------
    weights : Tensor of shape (batch, time)
        With mean 1 over the steps of a window; 0 at padding.

    References
    ----------
    Huang and Li. AMAD: AutoMasked Attention for Unsupervised Multivariate Time Series
    Anomaly Detection, section 3.
    """
    logits = -temperature * cross_attention_divergence(outputs.maps)
    valid = outputs.batch.valid
    if valid is None:
        return logits.softmax(dim=-1) * logits.shape[1]
    logits = logits.masked_fill(valid == 0, -torch.inf)
    return logits.softmax(dim=-1) * valid.sum(dim=-1, keepdim=True)


def _mean_of_steps(values: Tensor, outputs: Reconstruction) -> Tensor:
    """Return the mean over steps with a value (batch, time)."""
    batch = outputs.batch
    seen = batch.valid if batch.visible is None else batch.visible
    if seen is None:
        return values.mean()
    return (values * seen).sum() / seen.sum().clamp(min=1)
