"""Compare T-Rep with plain methods on BasicMotions, and draw its latents.

BasicMotions comes with sktime: 40 training and 40 test series of four movements,
recorded by six channels of a watch, 100 time points each.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sktime.datasets import load_basic_motions
from sktime.transformations.panel.rocket import MiniRocketMultivariate

from sklearn_tsrep import TRepTransformer

N_FOLDS = 3
N_LATENTS_DRAWN = 15
PICTURE = Path("trep_latents.png")

console = Console()


class Part(NamedTuple):
    """Series of shape (n_instances, n_channels, n_timepoints) and their labels."""

    X: np.ndarray
    y: np.ndarray


class Result(NamedTuple):
    """Accuracies of one method, its model fitted on the whole training part."""

    name: str
    validation: list[float]
    test: float
    seconds: float
    model: Any


def load(split: str) -> Part:
    """Load one part of BasicMotions."""
    return Part(*load_basic_motions(split=split, return_type="numpy3D"))


# The methods ----------------------------------------------------------------


def svm_on(features: Any) -> Any:
    """Put standardised features into an RBF SVM, its C chosen by cross-validation."""
    C_grid = {"C": 10.0 ** np.arange(-4, 5)}
    return make_pipeline(
        features, StandardScaler(), GridSearchCV(SVC(), C_grid, cv=N_FOLDS)
    )


def trained() -> Any:
    """Take T-Rep as it comes."""
    return svm_on(TRepTransformer(random_state=0, verbose=console.is_terminal))


def untrained() -> Any:
    """Leave the same encoder its random weights: what learning must beat."""
    return svm_on(TRepTransformer(random_state=0, max_epochs=0))


def raw() -> Any:
    """Take all values of a series, side by side."""
    return svm_on(FunctionTransformer(lambda X: X.reshape(len(X), -1)))


def minirocket() -> Any:
    """Put random kernels before a ridge classifier: fast, and hard to beat."""
    ridge = RidgeClassifierCV(alphas=np.logspace(-3, 3, 10))
    scaled_ridge = make_pipeline(StandardScaler(with_mean=False), ridge)
    return MiniRocketMultivariate(random_state=0) * scaled_ridge


METHODS = {
    "T-Rep": trained,
    "T-Rep, untrained": untrained,
    "raw values, SVM": raw,
    "MiniRocket, ridge": minirocket,
}


# What is measured -----------------------------------------------------------


def evaluate(
    name: str, make_model: Callable[[], Any], train: Part, test: Part
) -> Result:
    """Cross-validate on the training part, then fit on it and score the test part."""
    began = time.perf_counter()
    validation = []
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    for i, (fitting, held_out) in enumerate(folds.split(train.X, train.y), start=1):
        console.print(f"[bold]{name}[/bold]: fold {i} of {N_FOLDS}")
        model = make_model().fit(train.X[fitting], train.y[fitting])
        validation.append(model.score(train.X[held_out], train.y[held_out]))
    console.print(f"[bold]{name}[/bold]: the whole training part")
    model = make_model().fit(train.X, train.y)
    score = model.score(test.X, test.y)
    return Result(name, validation, score, time.perf_counter() - began, model)


def print_results(results: list[Result]) -> None:
    """Print one row a method."""
    table = Table(title="Accuracy on BasicMotions")
    table.add_column("method")
    table.add_column(f"cross-validated ({N_FOLDS} folds)", justify="right")
    table.add_column("test", justify="right")
    table.add_column("seconds, all fits", justify="right")
    for result in results:
        mean, spread = np.mean(result.validation), np.std(result.validation)
        table.add_row(
            result.name,
            f"{mean:.3f} ± {spread:.3f}",
            f"{result.test:.3f}",
            f"{result.seconds:.1f}",
        )
    console.print(table)


# The picture ----------------------------------------------------------------


def draw_latents(encoder: TRepTransformer, series: np.ndarray, label: str) -> None:
    """Draw a series (n_channels, n_timepoints) above its most varying latents."""
    latents = standardised(most_varying(encoder.encode(series[np.newaxis])[0]))
    figure = Figure(figsize=(9, 6), layout="constrained")
    figure.suptitle(f"A test series of BasicMotions ({label}) and its latents")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2, 3])
    draw_signal(top, series)
    draw_heat_map(bottom, latents)
    figure.legend(loc="outside lower center", ncols=len(series), frameon=False)
    figure.savefig(PICTURE, dpi=150)


def draw_signal(axes: Axes, series: np.ndarray) -> None:
    """Draw one line a channel."""
    for i, channel in enumerate(series):
        axes.plot(channel, linewidth=1, label=f"channel {i}")
    axes.set_ylabel("signal")


def draw_heat_map(axes: Axes, latents: np.ndarray) -> None:
    """Draw one row a latent (n_latents, n_timepoints), with its scale."""
    image = axes.imshow(
        latents, aspect="auto", interpolation="nearest", cmap="RdBu_r", vmin=-3, vmax=3
    )
    axes.set(xlabel="time point", ylabel=f"the {len(latents)} most varying latents")
    axes.set_yticks([])
    axes.figure.colorbar(image, ax=axes, label="standard deviations from its mean")


def most_varying(latents: np.ndarray) -> np.ndarray:
    """Pick the latents with the largest variance over time, the largest first."""
    order = np.argsort(latents.var(axis=1))[::-1]
    return latents[order[:N_LATENTS_DRAWN]]


def standardised(latents: np.ndarray) -> np.ndarray:
    """Give each latent mean 0 and standard deviation 1 over time."""
    centred = latents - latents.mean(axis=1, keepdims=True)
    return centred / centred.std(axis=1, keepdims=True)


def main() -> None:
    """Run the comparison, print it, and save the picture."""
    train, test = load("train"), load("test")
    console.print(
        f"BasicMotions: {len(train.X)} training and {len(test.X)} test series of "
        f"{len(np.unique(train.y))} classes, each {train.X.shape[1]} channels of "
        f"{train.X.shape[2]} time points",
        soft_wrap=True,
    )
    results = [evaluate(name, make, train, test) for name, make in METHODS.items()]
    print_results(results)
    walking = test.X[test.y == "walking"][0]
    draw_latents(results[0].model[0], walking, "walking")
    console.print(f"Latents of a test series: {PICTURE.resolve()}")


if __name__ == "__main__":
    main()
