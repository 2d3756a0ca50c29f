"""The scales of a hierarchy: merged as plain loops do, and looked up alike."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sklearn_tsrep.losses.hierarchy import Hierarchy, build_hierarchy
from tests.losses.views import padding_of, views_of, with_garbage

LENGTHS = st.lists(st.integers(1, 11), min_size=1, max_size=4)

views64 = partial(views_of, dtype=torch.float64)


def scales_of(part: Tensor, hierarchy: Hierarchy) -> tuple[Tensor, ...]:
    return part.split(hierarchy.sizes)


def plain_spans(length: int) -> Iterator[list[tuple[int, int]]]:
    """Yield, for each scale, which base steps have come together."""
    width = 1
    while True:
        yield [(t, min(t + width, length)) for t in range(0, length, width)]
        if width >= length:
            return
        width *= 2


# Scales


@settings(deadline=None)
@given(lengths=LENGTHS)
def test_scales_are_halved_until_one_step_is_left(lengths: list[int]) -> None:
    hierarchy = build_hierarchy(views64(lengths))
    sizes = [len(spans) for spans in plain_spans(max(lengths))]
    assert hierarchy.sizes == sizes
    assert hierarchy.starts.tolist() == np.cumsum([0, *sizes[:-1]]).tolist()
    expected = [scale for scale, size in enumerate(sizes) for _ in range(size)]
    assert hierarchy.scales.tolist() == expected
    assert hierarchy.lengths.shape == (len(sizes), len(lengths))
    for scale, own_lengths in enumerate(hierarchy.lengths.tolist()):
        assert own_lengths == [-(-length // 2**scale) for length in lengths]
    if len(set(lengths)) == 1:
        assert hierarchy.valid is None
    else:
        assert hierarchy.valid is not None
        for valid, counts in zip(
            scales_of(hierarchy.valid, hierarchy), hierarchy.lengths, strict=True
        ):
            steps = torch.arange(len(valid)).unsqueeze(1)
            assert torch.equal(valid, steps < counts)


def merged_embedding(steps: np.ndarray, time_pooling: str) -> np.ndarray:
    merged = steps.mean(axis=0) if time_pooling == "mean" else steps.max(axis=0)
    return merged / merged.sum()


@pytest.mark.parametrize("time_pooling", ["mean", "max"])
@settings(deadline=None)
@given(lengths=LENGTHS, seed=st.integers(0, 1000))
def test_merging_agrees_with_plain_loops(
    time_pooling: str, lengths: list[int], seed: int
) -> None:
    views = views64(lengths, seed)
    hierarchy = build_hierarchy(with_garbage(views), time_pooling)
    assert views.embedding is not None
    assert hierarchy.embedding is not None
    contexts = scales_of(hierarchy.contexts, hierarchy)
    embeddings = scales_of(hierarchy.embedding, hierarchy)
    for row, length in enumerate(lengths):
        for scale, spans in enumerate(plain_spans(length)):
            for step, (start, stop) in enumerate(spans):
                for column in (row, row + len(lengths)):
                    expected = views.contexts[start:stop, column].amax(dim=0)
                    assert torch.equal(contexts[scale][step, column], expected)
                base_steps = views.embedding[start:stop, row].numpy()
                np.testing.assert_allclose(
                    embeddings[scale][step, row],
                    merged_embedding(base_steps, time_pooling),
                    atol=1e-12,
                )
        # A short series keeps its one step at all coarser scales.
        for later in range(scale + 1, len(contexts)):
            assert torch.equal(contexts[later][0, row], contexts[scale][0, row])
            torch.testing.assert_close(
                embeddings[later][0, row], embeddings[scale][0, row]
            )


@pytest.mark.parametrize("time_pooling", ["mean", "max"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@settings(deadline=None, max_examples=30)
@given(lengths=LENGTHS, seed=st.integers(0, 1000))
def test_embeddings_stay_distributions_at_every_scale(
    dtype: torch.dtype, time_pooling: str, lengths: list[int], seed: int
) -> None:
    views = with_garbage(views_of(lengths, seed, dtype))
    hierarchy = build_hierarchy(views, time_pooling)
    assert hierarchy.embedding is not None
    assert hierarchy.embedding.dtype == hierarchy.contexts.dtype == dtype
    sums = hierarchy.embedding.sum(dim=-1)
    if hierarchy.valid is not None:
        sums = sums[hierarchy.valid]
    torch.testing.assert_close(sums, torch.ones_like(sums))
    assert (hierarchy.embedding >= 0).all()


def test_padding_is_0_whatever_it_held() -> None:
    hierarchy = build_hierarchy(with_garbage(views64([9, 4, 1])))
    assert hierarchy.valid is not None
    padding = ~hierarchy.valid.repeat(1, 2)
    assert (hierarchy.contexts[padding] == 0).all()
    assert (hierarchy.contexts[~padding] != 0).all()


def test_a_hierarchy_without_embedding() -> None:
    views = views64([5, 3])
    hierarchy = build_hierarchy(views._replace(embedding=None))
    assert hierarchy.embedding is None
    assert torch.equal(hierarchy.contexts, build_hierarchy(views).contexts)


def test_one_step_is_one_scale() -> None:
    views = views64([1, 1])
    hierarchy = build_hierarchy(views)
    assert hierarchy.sizes == [1]
    assert torch.equal(hierarchy.contexts, views.contexts)


def test_the_views_stay_as_they_are() -> None:
    views, same = views64([9, 4, 1]), views64([9, 4, 1])
    build_hierarchy(views)
    assert torch.equal(views.contexts, same.contexts)
    assert views.embedding is not None
    assert same.embedding is not None
    assert torch.equal(views.embedding, same.embedding)


@pytest.mark.parametrize("time_pooling", ["mean", "max"])
@pytest.mark.parametrize("lengths", [[7, 7], [7, 3, 1]])
def test_merging_has_the_right_gradient(lengths: list[int], time_pooling: str) -> None:
    views = with_garbage(views64(lengths))

    def merged(contexts: Tensor, embedding: Tensor) -> tuple[Tensor, Tensor]:
        given = views._replace(contexts=contexts, embedding=embedding)
        hierarchy = build_hierarchy(given, time_pooling)
        assert hierarchy.embedding is not None
        return hierarchy.contexts, hierarchy.embedding

    assert views.embedding is not None
    leaves = views.contexts.requires_grad_(), views.embedding.requires_grad_()
    assert torch.autograd.gradcheck(merged, leaves)
    behind = padding_of(views).squeeze(2).repeat(1, 2)
    total = merged(*leaves)[0].square().sum()
    (gradient,) = torch.autograd.grad(total, leaves[:1])
    assert (gradient[behind] == 0).all()


# Looking up


def drawn_rows(hierarchy: Hierarchy, n_rows: int, n_columns: int) -> list[Tensor]:
    rng = np.random.default_rng(0)
    scales = rng.integers(len(hierarchy.sizes), size=n_rows)
    steps = rng.integers(np.array(hierarchy.sizes)[scales])
    columns = rng.integers(n_columns, size=n_rows)
    return [torch.from_numpy(part) for part in (scales, steps, columns)]


def test_rows_are_looked_up_by_scale_step_and_instance() -> None:
    hierarchy = build_hierarchy(views64([11, 11, 11]))
    assert hierarchy.embedding is not None
    for table, look_up, n_columns in (
        (hierarchy.contexts, hierarchy.representations_at, 6),
        (hierarchy.embedding, hierarchy.embeddings_at, 3),
    ):
        rows = drawn_rows(hierarchy, 50, n_columns)
        found = look_up(*rows)
        by_scale = scales_of(table, hierarchy)
        for result, scale, step, column in zip(found, *rows, strict=True):
            assert torch.equal(result, by_scale[scale][step, column])


def test_a_shape_of_rows_is_kept() -> None:
    hierarchy = build_hierarchy(views64([5, 5]))
    steps = torch.tensor([[0, 1, 2], [4, 3, 2]])
    scales = torch.zeros(3, dtype=torch.int64)
    found = hierarchy.representations_at(scales, steps, torch.tensor([[1], [3]]))
    assert found.shape == (2, 3, 3)
    assert torch.equal(found[1, 0], hierarchy.contexts[4, 3])


def test_looking_up_has_the_right_gradient() -> None:
    views = views64([5, 5])
    assert views.embedding is not None
    rows = drawn_rows(build_hierarchy(views), 12, 2)

    def looked_up(contexts: Tensor, embedding: Tensor) -> tuple[Tensor, Tensor]:
        given = views._replace(contexts=contexts, embedding=embedding)
        hierarchy = build_hierarchy(given)
        return hierarchy.representations_at(*rows), hierarchy.embeddings_at(*rows)

    leaves = views.contexts.requires_grad_(), views.embedding.requires_grad_()
    assert torch.autograd.gradcheck(looked_up, leaves)


@pytest.fixture
def several_threads() -> Iterator[None]:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(n_threads)


@pytest.mark.usefixtures("several_threads")
def test_gradients_have_the_same_bits_in_every_run_of_several_threads() -> None:
    views = views_of([4] * 8)
    rows = drawn_rows(build_hierarchy(views), 50_000, 8)
    weights = torch.randn(50_000, 3, generator=torch.Generator().manual_seed(1))
    contexts = views.contexts.requires_grad_()
    gradients = []
    for _ in range(10):
        hierarchy = build_hierarchy(views._replace(contexts=contexts))
        total = (hierarchy.representations_at(*rows) * weights).sum()
        gradients.append(torch.autograd.grad(total, contexts)[0])
    for gradient in gradients[1:]:
        assert torch.equal(gradient, gradients[0])
