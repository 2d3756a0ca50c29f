"""What notebooks show of estimators."""

import copy
import pickle
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from sklearn_tsrep import DMAEImputer
from sklearn_tsrep._html import DisplayedEstimator, sparkline, summary
from sklearn_tsrep.forecasting import RepresentationForecaster
from tests.conftest import (
    make_waves,
    tiny_amad,
    tiny_dmae,
    tiny_representation_detector,
    tiny_trep,
)

WAVES = make_waves()
ROWS = make_waves(n_instances=1, n_channels=2, n_steps=120)[0].T
CASES = {
    "trep": (tiny_trep, WAVES),
    "dmae": (tiny_dmae, WAVES),
    "amad": (tiny_amad, ROWS),
    "imputer": (lambda: DMAEImputer(tiny_dmae()), WAVES),
    "detector": (lambda: tiny_representation_detector(transformer=tiny_trep()), ROWS),
    "forecaster": (
        lambda: RepresentationForecaster(tiny_trep(), horizon=2, context=8),
        ROWS,
    ),
}
VOID = {"input", "br", "meta"}


def positions(points):
    """Return the numbers (n_values, 2) in the points of a line."""
    return np.array([pair.split(",") for pair in points.split()], float)


class Page(HTMLParser):
    """Reads a page, holds that tags close in order, and keeps rows and elements."""

    def __init__(self, page):
        super().__init__()
        self.open = []
        self.rows = {}
        self.elements = []
        self._cells = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self._cells = []
        if tag == "td":
            self._cells.append("")

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "tr" and len(self._cells) == 2:
            self.rows.setdefault(*self._cells)

    def handle_data(self, text):
        if "td" in self.open:
            self._cells[-1] += text

    def lines(self):
        """Return the points (n_values, 2) of each line that is drawn."""
        return [
            positions(attributes["points"])
            for tag, attributes in self.elements
            if tag == "polyline"
        ]


def shown(estimator):
    return Page(estimator._repr_html_())


@pytest.fixture(scope="module", params=CASES)
def fitted(request):
    make, X = CASES[request.param]
    return make().fit(X)


def network_of(estimator):
    for name in ("estimator_", "transformer_"):
        estimator = getattr(estimator, name, estimator)
    return estimator


def test_fitted_estimators_show_their_network_and_its_training(fitted):
    rows = shown(fitted).rows
    trained = network_of(fitted)
    n_weights = sum(weight.numel() for weight in trained.module_.parameters())
    assert rows["State"] == "trained"
    assert re.match(r"[\d,]+", rows["Network"])[0] == f"{n_weights:,}"
    assert (type(trained).__name__ in rows["Network"]) == (trained is not fitted)
    assert rows["Device"] == "cpu"
    assert rows["Length"].split()[0] == str(trained.n_iter_)
    assert rows["Loss"].endswith(f"{trained.loss_curve_[-1]:.4g}")


def test_estimators_show_nothing_of_a_training_before_it(fitted):
    page = shown(clone(fitted))
    assert "State" not in page.rows
    assert page.lines() == []


@pytest.mark.parametrize("make", [tiny_trep, tiny_dmae])
def test_untrained_networks_have_no_line(make):
    page = shown(make(max_epochs=0).fit(WAVES))
    assert page.rows["State"] == "untrained, random weights"
    assert "Loss" not in page.rows
    assert page.lines() == []


@pytest.mark.parametrize(
    "estimator",
    [
        RepresentationForecaster(horizon=2, n_lags=4),
        tiny_representation_detector(transformer=None),
    ],
    ids=["forecaster", "detector"],
)
def test_without_a_network_the_state_is_shown(estimator):
    page = shown(estimator.fit(ROWS))
    assert page.rows["State"] == "fitted, without a network"
    assert page.lines() == []


def test_random_weights_of_a_detector_are_named():
    rows = shown(tiny_representation_detector().fit(ROWS)).rows
    assert rows["State"] == "untrained, random weights"
    assert "TRepTransformer" in rows["Network"]


def test_a_frozen_transformer_is_seen():
    dmae = tiny_dmae().fit(WAVES)
    imputer = DMAEImputer(FrozenEstimator(dmae)).fit(WAVES)
    assert summary(imputer)["Loss"] == summary(dmae)["Loss"]


# The line


def test_the_line_follows_the_loss():
    fitted = tiny_trep(max_epochs=6).fit(WAVES)
    (points,) = shown(fitted).lines()
    losses = np.array(fitted.loss_curve_)
    assert len(points) == len(losses) == 6
    assert (np.diff(points[:, 0]) > 0).all()
    height = points[losses.argmin(), 1] - points[losses.argmax(), 1]
    expected = (losses - losses.min()) / np.ptp(losses)
    actual = (points[:, 1].max() - points[:, 1]) / height
    np.testing.assert_allclose(actual, expected, atol=0.01)


def points_of(values):
    (points,) = Page(sparkline(values)).lines()
    return points


def test_a_long_line_has_its_ends_and_few_points():
    points = points_of(np.r_[np.full(4999, 1.0), 0.0])
    assert len(points) == 100
    assert points[-1, 1] == points[:, 1].max() > points[-2, 1]


@pytest.mark.parametrize("values", [[], [1.0], [np.nan, 1.0], [np.inf, np.nan]])
def test_there_is_no_line_through_fewer_than_two_values(values):
    assert sparkline(values) == ""


@pytest.mark.parametrize(
    "values", [[2, 2, 2], [1e-300, 2e-300], [-1e300, 1e300], [3, np.nan, 2, np.inf, 1]]
)
def test_the_line_stays_inside_its_picture(values):
    points = points_of(values)
    assert ((points >= 0) & (points <= [160, 32])).all()


# In the company of others


def test_a_pipeline_shows_what_its_steps_show():
    pipeline = make_pipeline(tiny_trep(), SVC())
    assert shown(pipeline).lines() == []
    page = shown(pipeline.fit(WAVES, [0, 1] * 5))
    assert page.rows["State"] == "trained"
    assert len(page.lines()) == 1


def test_an_estimator_that_was_not_fitted_does_not_break_a_fitted_pipeline():
    pipeline = make_pipeline(tiny_trep(), SVC()).fit(WAVES, [0, 1] * 5)
    pipeline.steps[0] = ("treptransformer", tiny_trep())
    assert "State" not in shown(pipeline).rows


def test_there_is_no_link_without_an_address(fitted):
    assert "sk-estimator-doc-link" not in [
        attributes.get("class", "").split(" ")[0]
        for tag, attributes in shown(fitted).elements
        if tag == "a"
    ]


def test_links_go_to_our_pages(monkeypatch, fitted):
    address = "../generated/{estimator_module}.{estimator_name}.html"
    monkeypatch.setattr(DisplayedEstimator, "_doc_link_template", address)
    page = type(fitted).__name__ + ".html"
    links = [
        attributes["href"]
        for tag, attributes in shown(fitted).elements
        if tag == "a" and "sk-estimator-doc-link" in attributes.get("class", "")
    ]
    assert links[0].startswith("../generated/sklearn_tsrep.")
    assert links[0].endswith(page)
    assert "._" not in links[0]


# What must not go wrong


def test_values_are_escaped():
    fitted = tiny_trep(max_epochs=0).fit(WAVES)
    fitted = pickle.loads(pickle.dumps(fitted))
    fitted.device = "<script>&\"'"
    page = fitted._repr_html_()
    assert "<script>&" not in page
    assert Page(page).rows["Device"] == "<script>&\"'"


def test_a_device_of_another_machine_is_no_error():
    fitted = pickle.loads(pickle.dumps(tiny_trep().fit(WAVES)))
    fitted.device = "cuda:77"
    rows = shown(fitted).rows
    assert rows["Device"] == "cuda:77"
    assert rows["State"] == "trained"


def test_html_changes_nothing(fitted):
    before = pickle.dumps(copy.deepcopy(fitted))
    fitted._repr_html_()
    assert pickle.dumps(copy.deepcopy(fitted)) == before


def test_text_is_scikit_learns(fitted):
    text = repr(fitted)
    assert text == repr(clone(fitted))
    assert text.startswith(f"{type(fitted).__name__}(")
    assert fitted._repr_mimebundle_()["text/plain"] == text


def test_the_display_of_text_is_respected(fitted):
    with sklearn.config_context(display="text"):
        assert not hasattr(fitted, "_repr_html_")
        assert set(fitted._repr_mimebundle_()) == {"text/plain"}
    assert "<table" in fitted._repr_mimebundle_()["text/html"]
