"""Tests of what a method brings with it and of what it needs."""

import csv
import json

import numpy as np
import pytest

from benchmarks import methods
from benchmarks.methods import (
    ENCODERS,
    METHODS,
    Encoder,
    Method,
    NotAvailableError,
    describe,
)

TINY = {
    "trep": {"n_latents": 4, "hidden_channels": 8, "n_blocks": 1, "max_steps": 2},
    "dmae": {"n_latents": 8, "n_heads": 2, "n_layers": 1, "max_steps": 2},
}
TINY_UNION = {
    f"{name}__{parameter}": value
    for name, tiny in TINY.items()
    for parameter, value in tiny.items()
}
OURS = [name for name in METHODS if isinstance(METHODS[name].build, Encoder)]


@pytest.fixture(name="X")
def series_of_unequal_length():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(2, length)) for length in (12, 20, 15, 9, 12, 17)]


@pytest.fixture
def ablation(tmp_path, monkeypatch):
    """Return a function that writes accuracies as an ablation's rows."""
    monkeypatch.setattr(methods, "RESULTS", tmp_path / "shipped")

    def write(folder="own", file_name="ablation.csv", **accuracies):
        file = tmp_path / folder / file_name
        file.parent.mkdir()
        columns = "dataset configuration seed pooling cv_accuracy error"
        with file.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(columns.split())
            for pooling, values in accuracies.items():
                for number, value in enumerate(values):
                    if value is not None:
                        row = f"Set{number} untrained 0 {pooling} {value}".split()
                        writer.writerow([*row, ""])
            writer.writerow(["Set0", "default", 0, "last", 1.0, ""])
            writer.writerow(["Set0", "untrained", 0, "last", "", "failed"])
        return file.parent

    return write


def test_untrained_best_takes_the_pooling_of_the_best_mean(ablation):
    folder = ablation(max=[0.9, 0.5], segments2=[0.7, 0.8])
    found = METHODS["untrained-best"].prepare(folder)
    assert found == {"pooling": "segments", "n_segments": 2}


def test_each_method_has_an_ablation_of_its_own(ablation):
    folder = ablation(file_name="ablation-dmae.csv", mean=[0.9], max=[0.8])
    assert METHODS["dmae-untrained-best"].prepare(folder) == {"pooling": "mean"}
    with pytest.raises(NotAvailableError, match=r"benchmarks ablation$"):
        METHODS["untrained-best"].prepare(folder)


def test_only_sets_with_all_poolings_count(ablation):
    folder = ablation(max=[0.9, None], mean=[0.7, 1.0])
    assert METHODS["untrained-best"].prepare(folder) == {"pooling": "max"}


def test_without_an_own_ablation_the_shipped_one_counts(ablation, tmp_path):
    ablation("shipped", mean=[0.9], max=[0.7])
    found = METHODS["untrained-best"].prepare(tmp_path / "own")
    assert found == {"pooling": "mean"}


def test_without_any_ablation_the_error_says_how_to_make_one(ablation, tmp_path):
    with pytest.raises(NotAvailableError, match="python -m benchmarks ablation"):
        METHODS["untrained-best"].prepare(tmp_path / "own")


def test_an_ablation_without_untrained_rows_is_named(ablation):
    with pytest.raises(NotAvailableError, match="no data set in"):
        METHODS["untrained-best"].prepare(ablation())


def test_a_missing_package_is_named_with_its_extra(tmp_path):
    method = Method(lambda seed, parameters: None, "", package="no_such", extra="peers")
    with pytest.raises(NotAvailableError, match=r'no_such.*"sklearn-tsrep\[peers\]"'):
        method.prepare(tmp_path)


@pytest.mark.parametrize("name", ["trep-paper", "trep-ts2vec"])
def test_settings_are_parameters_of_the_encoder(tmp_path, name):
    method = METHODS[name]
    parameters = method.prepare(tmp_path)
    model = method.build(3, parameters)
    assert parameters.items() <= model.get_params().items()
    assert model.random_state == 3


def test_the_paper_is_capped(tmp_path):
    assert METHODS["trep-paper"].prepare(tmp_path)["max_steps"] == 200


@pytest.mark.parametrize("name", ENCODERS)
class TestEncoder:
    def test_has_the_parameters_and_the_seed(self, name):
        model = Encoder(name)(3, {"n_latents": 16})
        assert type(model).__name__ == Encoder(name).class_name
        assert model.n_latents == 16
        assert model.random_state == 3

    def test_what_is_fixed_is_not_overridden(self, name):
        model = Encoder(name, {"max_epochs": 0})(0, {"max_epochs": 5, "lr": 0.1})
        assert model.max_epochs == 0
        assert model.lr == 0.1

    def test_an_unknown_parameter_is_named(self, name):
        with pytest.raises(ValueError, match="Invalid parameter 'depth'"):
            Encoder(name)(0, {"depth": 1})

    def test_its_pooling_has_a_name(self, name):
        pooling = {"pooling": ["mean", "segments"], "n_segments": 3}
        assert Encoder(name).pooling(pooling) == "mean+segments3"


class TestUnion:
    def test_has_the_features_of_both_side_by_side(self, X):
        union = METHODS["union"].build(3, TINY_UNION)
        alone = [METHODS[name].build(3, TINY[name]) for name in TINY]
        np.testing.assert_array_equal(
            union.fit(X).transform(X),
            np.hstack([model.fit(X).transform(X) for model in alone]),
        )

    def test_all_parameters_carry_the_name_of_their_encoder(self):
        recorded = json.loads(METHODS["union"].resolve({"dmae__lr": 0.5}))
        alone = [json.loads(METHODS[name].resolve({})) for name in TINY]
        assert recorded["dmae__lr"] == 0.5
        assert recorded["trep__lr"] == alone[0]["lr"]
        assert len(recorded) == sum(map(len, alone))


@pytest.mark.parametrize("name", OURS)
def test_what_rows_record_is_known_beforehand_and_without_the_seed(name):
    method = METHODS[name]
    recorded = method.resolve({})
    assert recorded == describe(method.build(3, {}))
    assert "random_state" not in recorded


@pytest.mark.parametrize("name", ["untrained", "dmae-untrained"])
def test_the_untrained_control_pools_as_the_trained(name):
    trained = METHODS[name.removesuffix("untrained").strip("-") or "trep"]
    expected = {**json.loads(trained.resolve({})), "max_epochs": 0}
    assert json.loads(METHODS[name].resolve({})) == expected


def test_quick_methods_are_expected_to_take_at_most_five_minutes_on_two_sets():
    quick = [method for method in METHODS.values() if method.is_quick]
    assert 0 < 2 * sum(method.expected_seconds for method in quick) <= 300
