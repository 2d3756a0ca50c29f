"""The history as columns of one length."""

from __future__ import annotations

from typing import Any

import numpy as np
from skorch.callbacks import Callback

from sklearn_tsrep.training.history import appended, history_columns
from tests.training.toy import PointBatches, toy_net

NAN = np.nan


class SecondEpoch(Callback):
    def on_epoch_end(self, net: Any, **parameters: Any) -> None:
        if len(net.history) == 2:
            net.history.record("rare", 7.0)


def test_each_column_has_an_entry_an_epoch() -> None:
    net = toy_net(callbacks=[SecondEpoch()]).train(PointBatches(), PointBatches((3,)))
    columns = history_columns(net)
    assert set(columns) == {
        "epoch",
        *("train_loss", "swap_loss", "shrink_loss", "spread"),
        *("valid_loss", "valid_swap_loss", "valid_shrink_loss", "valid_spread"),
        "rare",
    }
    assert {column.shape for column in columns.values()} == {(3,)}
    np.testing.assert_array_equal(columns["rare"], [NAN, 7, NAN])


def test_equal_trainings_have_equal_histories() -> None:
    one, other = (history_columns(toy_net().train(PointBatches())) for _ in range(2))
    for name, column in one.items():
        np.testing.assert_array_equal(column, other[name])


def test_an_untrained_net_has_no_columns() -> None:
    assert history_columns(toy_net().initialize()) == {}


def test_an_epoch_cut_short_is_left_out() -> None:
    net = toy_net().train(PointBatches())
    net.history.new_epoch()
    net.history.record("epoch", 4)
    assert {len(column) for column in history_columns(net).values()} == {3}


def test_columns_of_one_part_alone_are_nan_in_the_other() -> None:
    before = {"epoch": np.array([1, 2]), "a": np.array([1.0, 2.0])}
    after = {"epoch": np.array([1]), "b": np.array([3.0])}
    columns = appended(before, after)
    np.testing.assert_array_equal(columns["epoch"], [1, 2, 3])
    np.testing.assert_array_equal(columns["a"], [1, 2, NAN])
    np.testing.assert_array_equal(columns["b"], [NAN, NAN, 3])


def test_nothing_appends_to_nothing() -> None:
    columns = {"epoch": np.array([1, 2]), "a": np.array([1.0, 2.0])}
    assert appended({}, {}) == {}
    for whole in (appended({}, columns), appended(columns, {})):
        for name, column in columns.items():
            np.testing.assert_array_equal(whole[name], column)
