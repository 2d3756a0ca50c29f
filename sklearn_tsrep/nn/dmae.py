"""The networks of DMAE: student, teacher, regressor of latents, decoder of values."""

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from sklearn_tsrep.data.batches import SeriesBatch
from sklearn_tsrep.data.masked import MaskedBatch
from sklearn_tsrep.nn.causal import LastStepsOfWindows
from sklearn_tsrep.nn.linear import RowwiseLinear
from sklearn_tsrep.nn.transformer import Tokens, TransformerLayer


class PatchEncoder(nn.Module):
    """A transformer over patches of a series, of values beside their indicators.

    Parameters
    ----------
    n_channels : int
        Channels of the series.

    n_latents : int
        Width of the transformer and of its outputs.

    n_layers : int
        Layers.

    n_heads : int
        Heads; twice as many must divide the width.

    patch_length : int
        Steps of a token.

    window_length : int
        Steps that are encoded at once; longer series are encoded in windows.

    dropout_share : float
        As in `TransformerLayer`.
    """

    def __init__(
        self,
        *,
        n_channels: int,
        n_latents: int,
        n_layers: int,
        n_heads: int,
        patch_length: int,
        window_length: int,
        dropout_share: float,
    ) -> None:
        super().__init__()
        self.patch_length = patch_length
        self.window_length = window_length
        self.embedding = RowwiseLinear(2 * n_channels * patch_length, n_latents)
        self.layers = nn.ModuleList(
            TransformerLayer(n_latents, n_heads, dropout_share) for _ in range(n_layers)
        )
        self.norm = nn.LayerNorm(n_latents)

    def tokens(self, values: Tensor, shown: Tensor) -> Tensor:
        """Return embedded patches (batch, n_tokens, n_latents).

        Parameters
        ----------
        values : Tensor of shape (batch, time, n_channels)
            Of whole patches.

        shown : Tensor of the same shape
            1 at values to see, 0 at those that are missing or hidden.
        """
        both = torch.cat([values * shown, shown], dim=-1)
        # (batch, time, 2 * n_channels) -> (batch, n_tokens, patch * 2 * n_channels)
        return self.embedding(both.unflatten(1, (-1, self.patch_length)).flatten(2))

    def layers_of(
        self, tokens: Tokens, generator: torch.Generator | None = None
    ) -> list[Tensor]:
        """Return the tokens (batch, n_tokens, n_latents) after each layer."""
        outputs = []
        for layer in self.layers:
            tokens = layer(tokens, generator)
            outputs.append(tokens.values)
        return outputs

    def latents(
        self, tokens: Tokens, generator: torch.Generator | None = None
    ) -> Tensor:
        """Return the latents (batch, n_tokens, n_latents) of tokens."""
        return self.norm(self.layers_of(tokens, generator)[-1])

    def seeing_all(self, batch: SeriesBatch) -> tuple[Tokens, Tensor]:
        """Return the tokens of whole series, and which of them have a value.

        The second has the shape (batch, n_tokens), bool.
        """
        missing = -batch.values.shape[1] % self.patch_length
        values, shown = (
            functional.pad(part, (0, 0, 0, missing))
            for part in (batch.values, shown_values(batch))
        )
        has_value = shown.unflatten(1, (-1, self.patch_length)).flatten(2).any(dim=-1)
        embedded = self.tokens(values, shown)
        return Tokens(embedded, all_places(embedded), with_a_key(has_value)), has_value

    def forward(self, batch: SeriesBatch) -> tuple[Tensor, None]:
        """Return the latents (batch, time, n_latents) of the steps of whole series.

        Patches without any value, which no training encodes, have those of the nearest
        patch with one.
        """
        tokens, has_value = self.seeing_all(batch)
        latents = gathered(self.latents(tokens), nearest_places(has_value))
        by_step = latents.repeat_interleave(self.patch_length, dim=1)
        return by_step[:, : batch.values.shape[1]], None

    def last_steps(self, batch: SeriesBatch, places: Tensor) -> Tensor:
        """Return what `forward` does of one step of each series (batch, n_latents).

        The last layer is computed for the patches of these steps alone.

        Parameters
        ----------
        batch : SeriesBatch
            Whole series.

        places : int64 Tensor of shape (batch,)
            The steps.
        """
        tokens, has_value = self.seeing_all(batch)
        patches = (places // self.patch_length).unsqueeze(1)
        asked_places = nearest_places(has_value).gather(1, patches)
        *layers, last = self.layers
        for layer in layers:
            tokens = layer(tokens)
        asked = Tokens(gathered(tokens.values, asked_places), asked_places, None)
        return self.norm(last(asked, context=tokens).values).squeeze(1)

    def causal(self, context: int | None) -> LastStepsOfWindows:
        """Return what encodes each step from itself and ``context`` steps before.

        Not more than are encoded at once, as in whole series.
        """
        if context is None:
            raise ValueError(
                "context must be a number of time points, got None: there is no causal "
                "network of DMAE."
            )
        return LastStepsOfWindows(self.last_steps, min(context, self.window_length - 1))


def shown_values(batch: SeriesBatch) -> Tensor:
    """Return 1 at values that are there (batch, time, n_channels), 0 elsewhere."""
    if batch.observed is not None:
        return batch.observed
    ones = torch.ones_like(batch.values)
    return ones if batch.valid is None else ones * batch.valid.unsqueeze(-1)


def all_places(tokens: Tensor) -> Tensor:
    """Return the places (1, n_tokens) of tokens that are all there."""
    return torch.arange(tokens.shape[1], device=tokens.device).unsqueeze(0)


def nearest_places(chosen: Tensor) -> Tensor:
    """Return the place of the nearest chosen token for each (batch, n_tokens).

    Of two that are as near it is the earlier one; where none is chosen, the last.
    """
    n_tokens = chosen.shape[1]
    places = all_places(chosen).expand_as(chosen)
    before = places.where(chosen, -3 * n_tokens).cummax(dim=1).values
    after = places.where(chosen, 2 * n_tokens).flip(1).cummin(dim=1).values.flip(1)
    nearest = before.where(places - before <= after - places, after)
    return nearest.clamp(0, n_tokens - 1)


def with_a_key(keys: Tensor) -> Tensor:
    """Let rows without any key look at all: a softmax over nothing is not finite."""
    return keys | ~keys.any(dim=1, keepdim=True)


class LatentRegressor(nn.Module):
    """Estimates the latents of hidden tokens from those of seen ones.

    Parameters
    ----------
    n_latents, n_heads, dropout_share
        As in `PatchEncoder`.

    n_layers : int
        Layers of cross-attention.
    """

    def __init__(
        self, *, n_latents: int, n_layers: int, n_heads: int, dropout_share: float
    ) -> None:
        super().__init__()
        self.query = nn.Parameter(0.02 * torch.randn(n_latents))
        self.layers = nn.ModuleList(
            TransformerLayer(n_latents, n_heads, dropout_share, reads_context=True)
            for _ in range(n_layers)
        )
        self.norm = nn.LayerNorm(n_latents)
        self.output = RowwiseLinear(n_latents, n_latents)

    def forward(
        self,
        places: Tensor,
        seen: Tokens,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return estimates (batch, n_hidden, n_latents).

        Parameters
        ----------
        places : int64 Tensor of shape (batch or 1, n_hidden)
            Of the hidden tokens.

        seen : Tokens
            Latents of the seen tokens.

        generator : torch.Generator or None, default=None
            Source of the dropout; None for none.
        """
        queries = self.query.expand(len(seen.values), places.shape[1], -1)
        estimates = Tokens(queries, places, None)
        for layer in self.layers:
            estimates = layer(estimates, generator, seen)
        return self.output(self.norm(estimates.values))


class Estimates(NamedTuple):
    """What the student makes of a masked batch, and what the teacher says.

    Attributes
    ----------
    values : Tensor of shape (batch, time, n_channels)
        Reconstructed.

    latents : Tensor of shape (batch, n_hidden, n_latents)
        Estimated, of the hidden tokens.

    targets : Tensor of shape (batch, n_hidden, n_latents)
        The teacher's latents of these tokens, normalised; without gradient. Empty
        where the teacher is not asked.

    teacher_latents : Tensor of shape (batch, n_tokens, n_latents)
        Those of all tokens, as the teacher encodes them; or empty.

    batch : MaskedBatch
        What was hidden.
    """

    values: Tensor
    latents: Tensor
    targets: Tensor
    teacher_latents: Tensor
    batch: MaskedBatch


class Reconstructor(nn.Module):
    """Values of all steps of whole series, from student, regressor and decoder."""

    def __init__(
        self, encoder: PatchEncoder, regressor: LatentRegressor, decoder: nn.Module
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.regressor = regressor
        self.decoder = decoder
        self.window_length = encoder.window_length

    def forward(self, batch: SeriesBatch) -> tuple[Tensor, None]:
        """Return values (batch, time, n_channels)."""
        tokens, has_value = self.encoder.seeing_all(batch)
        latents = self.encoder.latents(tokens)
        # As in training, tokens without any value are estimated from the others.
        estimated = self.regressor(tokens.places, tokens._replace(values=latents))
        chosen = torch.where(has_value.unsqueeze(-1), latents, estimated)
        values = steps_of_patches(self.decoder(chosen), self.encoder.patch_length)
        return values[:, : batch.values.shape[1]], None


def steps_of_patches(patches: Tensor, patch_length: int) -> Tensor:
    """Cut (batch, n_tokens, patch * n_channels) into (batch, time, n_channels)."""
    return patches.unflatten(-1, (patch_length, -1)).flatten(1, 2)


class DMAENetwork(nn.Module):
    """Student and teacher, with the heads that the student is trained by.

    Parameters
    ----------
    n_channels, n_latents, n_heads, patch_length, dropout_share, **encoder_parameters
        As in `PatchEncoder`.

    n_regressor_layers : int
        As in `LatentRegressor`.

    n_target_layers : int
        Layers of the teacher, from the last one down, whose mean is the target; 0 for
        no targets at all.
    """

    def __init__(
        self,
        *,
        n_channels: int,
        n_latents: int,
        n_heads: int,
        patch_length: int,
        dropout_share: float,
        n_regressor_layers: int,
        n_target_layers: int,
        **encoder_parameters: int,
    ) -> None:
        super().__init__()
        self.patch_length = patch_length
        self.n_target_layers = n_target_layers
        self.student = PatchEncoder(
            n_channels=n_channels,
            n_latents=n_latents,
            n_heads=n_heads,
            patch_length=patch_length,
            dropout_share=dropout_share,
            **encoder_parameters,
        )
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.regressor = LatentRegressor(
            n_latents=n_latents,
            n_layers=n_regressor_layers,
            n_heads=n_heads,
            dropout_share=dropout_share,
        )
        self.decoder = RowwiseLinear(n_latents, n_channels * patch_length)

    @property
    def reconstructor(self) -> Reconstructor:
        """What fills gaps: the student, with its heads."""
        return Reconstructor(self.student, self.regressor, self.decoder)

    def forward(
        self, batch: MaskedBatch, generator: torch.Generator | None = None
    ) -> Estimates:
        """Estimate what is hidden.

        Parameters
        ----------
        batch : MaskedBatch
            Series of whole patches, and what is hidden of them.

        generator : torch.Generator or None, default=None
            Source of the dropout; None for none.
        """
        seen = self.seen(batch, generator)
        hidden = self.regressor(batch.hidden_tokens, seen, generator)
        n_series, n_steps, _ = batch.series.values.shape
        patches = hidden.new_zeros(
            n_series, n_steps // self.patch_length, self.decoder.out_features
        )
        for latents, places, valid in (
            (seen.values, batch.seen_tokens, batch.seen_valid),
            (hidden, batch.hidden_tokens, batch.hidden_valid),
        ):
            patches = scattered(patches, places, valid, self.decoder(latents))
        targets, teacher_latents = self._teach(batch)
        return Estimates(
            values=steps_of_patches(patches, self.patch_length).float(),
            latents=hidden.float(),
            targets=targets.float(),
            teacher_latents=teacher_latents.float(),
            batch=batch,
        )

    def seen(
        self, batch: MaskedBatch, generator: torch.Generator | None = None
    ) -> Tokens:
        """Return the student's latents of the tokens that it sees, parameters as above.

        It computes nothing for those that are hidden but their embedding.
        """
        embedded = self.student.tokens(batch.series.values, batch.shown)
        tokens = Tokens(
            gathered(embedded, batch.seen_tokens), batch.seen_tokens, batch.seen_valid
        )
        return tokens._replace(values=self.student.latents(tokens, generator))

    @torch.no_grad()
    def _teach(self, batch: MaskedBatch) -> tuple[Tensor, Tensor]:
        """Return targets of the hidden tokens, and latents of all tokens."""
        if not self.n_target_layers:
            nothing = batch.series.values.new_empty(0)
            return nothing, nothing
        tokens, _ = self.teacher.seeing_all(batch.series)
        layers = self.teacher.layers_of(tokens)
        chosen = layers[-self.n_target_layers :]
        normalised = [functional.layer_norm(one, one.shape[-1:]) for one in chosen]
        targets = torch.stack(normalised).mean(dim=0)
        return gathered(targets, batch.hidden_tokens), self.teacher.norm(layers[-1])


def gathered(tokens: Tensor, places: Tensor) -> Tensor:
    """Return the tokens (batch, n_chosen, width) at places (batch, n_chosen)."""
    return tokens.gather(1, places.unsqueeze(-1).expand(-1, -1, tokens.shape[-1]))


def scattered(tokens: Tensor, places: Tensor, valid: Tensor, chosen: Tensor) -> Tensor:
    """Add tokens (batch, n_chosen, width) to others at their places, if valid."""
    index = places.unsqueeze(-1).expand_as(chosen)
    return tokens.scatter_add(1, index, (chosen * valid.unsqueeze(-1)).to(tokens.dtype))
