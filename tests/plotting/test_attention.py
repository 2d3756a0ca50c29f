"""What is drawn of the attention inside a window."""

import sys
from typing import NamedTuple

import numpy as np
import pytest

from sklearn_tsrep.plotting import AttentionDisplay

N_LAYERS, N_HEADS, N_TIMEPOINTS = 3, 2, 12


class Attention(NamedTuple):
    global_attention: np.ndarray
    automask_attention: np.ndarray
    divergence: np.ndarray


def make_attention(dtype=np.float64) -> Attention:
    rng = np.random.default_rng(0)
    size = (N_LAYERS, N_HEADS, N_TIMEPOINTS)
    maps = rng.dirichlet(np.ones(N_TIMEPOINTS), size=(2, *size)).astype(dtype)
    return Attention(*maps, rng.uniform(size=(N_LAYERS, N_TIMEPOINTS)).astype(dtype))


class Detector:
    """Pays attention by chance."""

    def attention(self, X):
        assert len(X) == N_TIMEPOINTS
        return make_attention()


def draw(**parameters) -> AttentionDisplay:
    window = np.zeros((N_TIMEPOINTS, 2))
    return AttentionDisplay.from_estimator(Detector(), window, **parameters)


def images(display):
    return [panel.images[0].get_array() for panel in display.axes_[:2]]


def curve(display):
    return display.axes_[2].lines[0].get_ydata()


def test_means_over_layers_and_heads_are_drawn():
    display, attention = draw(), make_attention()
    maps = [attention.global_attention, attention.automask_attention]
    for image, one in zip(images(display), maps, strict=True):
        np.testing.assert_allclose(image, one.mean(axis=(0, 1)))
    np.testing.assert_allclose(curve(display), attention.divergence.mean(axis=0))
    titles = [panel.get_title() for panel in display.axes_[:2]]
    assert titles == ["global attention", "AutoMask attention"]


@pytest.mark.parametrize("layer", [None, 0, 2])
@pytest.mark.parametrize("head", [None, 1])
def test_a_layer_or_a_head_can_be_chosen(layer, head):
    def chosen(values, index):
        return values.mean(axis=0) if index is None else values[index]

    display, attention = draw(layer=layer, head=head), make_attention()
    maps = [attention.global_attention, attention.automask_attention]
    for image, one in zip(images(display), maps, strict=True):
        np.testing.assert_allclose(image, chosen(chosen(one, layer), head))
    np.testing.assert_allclose(curve(display), chosen(attention.divergence, layer))


def test_both_maps_have_the_same_colours():
    display = draw()
    left, right = (panel.images[0] for panel in display.axes_[:2])
    assert left.get_clim() == right.get_clim()
    assert left.get_clim()[1] == max(image.max() for image in images(display))


def test_a_display_can_be_drawn_again_and_in_float32():
    display = AttentionDisplay.from_predictions(*make_attention(np.float32))
    first = display.figure_
    assert display.plot().figure_ is not first
    display.figure_.canvas.draw()


def test_axes_may_be_given():
    plt = pytest.importorskip("matplotlib.pyplot")
    figure, axes = plt.subplots(1, 3)
    assert list(draw(ax=axes).axes_) == list(axes)
    figure, ax = plt.subplots()
    assert draw(ax=ax).figure_ is figure
    with pytest.raises(ValueError, match="ax must hold 3 axes, got 2"):
        draw(ax=axes[:2])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"layer": 3}, "layer must be from 0 to 2 or None, got 3"),
        ({"head": -1}, "head must be from 0 to 1 or None, got -1"),
    ],
)
def test_a_layer_or_a_head_that_is_not_there_is_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        draw(**parameters)


@pytest.mark.parametrize(
    ("field", "shape"),
    [
        ("global_attention", (2, 12, 12)),
        ("global_attention", (3, 2, 12, 11)),
        ("automask_attention", (3, 1, 12, 12)),
        ("divergence", (12,)),
    ],
)
def test_shapes_are_checked(field, shape):
    attention = make_attention()._replace(**{field: np.ones(shape)})
    with pytest.raises(ValueError, match=f"{field} must have the shape"):
        AttentionDisplay.from_predictions(*attention)


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="from_estimator needs matplotlib"):
        draw()
