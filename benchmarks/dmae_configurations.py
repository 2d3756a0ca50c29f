"""Configurations of DMAETransformer by name."""

from benchmarks.configurations import Configuration, Groups


def _weights(**weights: float) -> Configuration:
    return Configuration({"task_weights": weights})


def _aligned(**parameters: float) -> Configuration:
    return Configuration({**_weights(alignment=0.2).parameters, **parameters})


GROUPS: Groups = {
    "Control": {
        "default": Configuration(),
        "untrained": Configuration({"max_epochs": 0}),
    },
    "Objectives": {
        "alignment": _weights(alignment=0.2),
        "alignment-1": _weights(alignment=1.0),
        "alignment-only": _weights(value=0.0, alignment=0.2),
        "latent": _weights(latent=1.0),
        # As data2vec.
        "latent-only": _weights(value=0.0, latent=1.0),
        "all-three": _weights(latent=1.0, alignment=0.2),
        "alignment-decorrelation-0": _aligned(decorrelation_weight=0.0),
        "alignment-decorrelation-1": _aligned(decorrelation_weight=1.0),
    },
    "Features": {
        "student": Configuration({"encoder": "student"}),
        "teacher": Configuration({"encoder": "teacher"}),
        "target-layers-1": Configuration({"n_target_layers": 1}),
        "target-layers-2": Configuration({"n_target_layers": 2}),
    },
    "Masks": {
        "attribute-mask-0.15": Configuration({"attribute_mask_ratio": 0.15}),
        "attribute-mask-0.3": Configuration({"attribute_mask_ratio": 0.3}),
        "attribute-mask-0.5": Configuration({"attribute_mask_ratio": 0.5}),
        "token-mask-0.25": Configuration({"token_mask_ratio": 0.25}),
        "token-mask-0.5": Configuration({"token_mask_ratio": 0.5}),
        "token-mask-0.75": Configuration({"token_mask_ratio": 0.75}),
        "mask-length-1": Configuration({"mean_mask_length": 1.0}),
        "mask-length-3": Configuration({"mean_mask_length": 3.0}),
        "mask-length-10": Configuration({"mean_mask_length": 10.0}),
    },
    "Teacher": {
        "half-life-0.01": Configuration({"teacher_half_life": 0.01}),
        "half-life-0.05": Configuration({"teacher_half_life": 0.05}),
        "half-life-0.2": Configuration({"teacher_half_life": 0.2}),
    },
    "Widths": {
        "latents-64": Configuration({"n_latents": 64}),
        "layers-1": Configuration({"n_layers": 1}),
        "layers-2": Configuration({"n_layers": 2}),
        "layers-4": Configuration({"n_layers": 4}),
        "patch-1": Configuration({"patch_length": 1}),
        "patch-4": Configuration({"patch_length": 4}),
    },
    "Training": {
        "lr-0.0003": Configuration({"lr": 3e-4}),
        "lr-0.001": Configuration({"lr": 1e-3}),
        "lr-0.003": Configuration({"lr": 3e-3}),
        "batch-16": Configuration({"batch_size": 16}),
        "steps-50": Configuration({"max_steps": 50}),
        "steps-100": Configuration({"max_steps": 100}),
        "steps-200": Configuration({"max_steps": 200}),
    },
}
