"""The same random_state gives the same bits, and leaves the world as it was."""

import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier

import joblib
import numpy as np
import pytest
import torch
from joblib import Parallel, delayed

import sklearn_tsrep
from tests.conftest import TINY, make_waves

ROOT = Path(sklearn_tsrep.__file__).parents[1]
VARIANTS = {
    "default": {},
    "early stopping": {"early_stopping": True, "max_epochs": 3},
    "bfloat16": {"precision": "bfloat16"},
    "long series": {"max_train_length": 8},
}


def fitted_features(make, waves, **parameters):
    return make(max_steps=6, **parameters).fit_transform(waves)


@pytest.fixture
def features_of(tiny):
    return partial(fitted_features, tiny)


@pytest.mark.parametrize("variant", VARIANTS)
def test_two_fits_give_the_same_bits(waves, features_of, variant):
    first, second = (features_of(waves, **VARIANTS[variant]) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_another_seed_gives_other_features(waves, features_of):
    assert not np.array_equal(features_of(waves), features_of(waves, random_state=1))


def test_no_seed_gives_other_features_each_time(waves, features_of):
    first, second = (features_of(waves, random_state=None) for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    "small",
    ["TRepTransformer(n_blocks=3, ", "DMAETransformer(n_layers=1, "],
    ids=["trep", "dmae"],
)
def test_fits_of_several_threads_give_the_same_bits(small):
    code = (
        "import numpy as np; from sklearn_tsrep import *\n"
        "X = np.random.default_rng(0).normal(size=(24, 3, 60))\n"
        f"transformer = {small} max_steps=10, device='cpu', random_state=0)\n"
        "fits = [transformer.fit_transform(X) for _ in range(4)]\n"
        "assert all(np.array_equal(fit, fits[0]) for fit in fits)\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)


def test_another_process_gives_the_same_bits(waves, tmp_path):
    transformers = [make(max_steps=6) for make in TINY.values()]
    joblib.dump((transformers, waves), tmp_path / "before.joblib")
    code = (
        "import sys, joblib\n"
        "folder = sys.argv[1]\n"
        "transformers, X = joblib.load(folder + '/before.joblib')\n"
        "features = [each.fit_transform(X) for each in transformers]\n"
        "joblib.dump(features, folder + '/features.joblib')\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        env=environment,
        check=True,
    )
    features = joblib.load(tmp_path / "features.joblib")
    for theirs, ours in zip(features, transformers, strict=True):
        np.testing.assert_array_equal(theirs, ours.fit_transform(waves))


def test_two_runs_under_joblib_give_the_same_bits(waves, features_of):
    # Workers have fewer torch threads than the parent may have, so that they are
    # compared with one another.
    first, second = (
        Parallel(n_jobs=2)(
            delayed(features_of)(waves, random_state=seed) for seed in (0, 1, 0)
        )
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first[0], first[2])
    assert not np.array_equal(first[0], first[1])
    np.testing.assert_allclose(first[0], features_of(waves), atol=1e-4)


def test_fits_in_threads_at_once_give_the_bits_of_fits_alone(waves, features_of):
    seeds = [0, 1, 0, 1]
    barrier = Barrier(len(seeds))

    def fit(seed):
        barrier.wait()
        return features_of(waves, random_state=seed, dropout=0.3)

    with ThreadPoolExecutor(len(seeds)) as threads:
        together = list(threads.map(fit, seeds))
    for seed, features in zip(seeds, together, strict=True):
        alone = features_of(waves, random_state=seed, dropout=0.3)
        np.testing.assert_array_equal(features, alone)


def test_transform_in_threads_at_once_gives_the_same_bits(tiny):
    waves = make_waves(70)
    transformer = tiny().fit(waves)
    expected, encoded = transformer.transform(waves), transformer.encode(waves)
    # As after loading, so that the threads rebuild the network at once too.
    del transformer._module
    barrier = Barrier(4)

    def both(_):
        barrier.wait()
        return transformer.transform(waves), transformer.encode(waves)

    with ThreadPoolExecutor(4) as threads:
        for features, representation in threads.map(both, range(4)):
            np.testing.assert_array_equal(features, expected)
            np.testing.assert_array_equal(representation, encoded)


def test_transform_beside_a_fit_gives_the_same_bits(waves, tiny, features_of):
    transformer = tiny().fit(waves)
    expected = transformer.transform(waves)
    with ThreadPoolExecutor(2) as threads:
        fit = threads.submit(features_of, waves, max_epochs=30)
        while not fit.done():
            np.testing.assert_array_equal(transformer.transform(waves), expected)
    np.testing.assert_array_equal(fit.result(), features_of(waves, max_epochs=30))


def global_states():
    _, keys, position, *_ = np.random.get_state()  # noqa: NPY002
    return random.getstate(), keys.tolist(), position, torch.get_rng_state().tolist()


@pytest.mark.parametrize("random_state", [0, None])
@pytest.mark.parametrize("variant", VARIANTS)
def test_global_generators_are_left_as_they_were(waves, tiny, variant, random_state):
    if random_state is None:
        # scikit-learn's meaning of None is NumPy's global generator.
        random_state = np.random.RandomState(3)
    transformer = tiny(random_state=random_state, dropout=0.1, **VARIANTS[variant])
    before = global_states()
    transformer.fit(waves).transform(waves)
    transformer.encode(waves)
    transformer.partial_fit(waves)
    del transformer._module
    transformer.transform(waves)
    assert global_states() == before


def test_global_generators_do_not_matter(waves, features_of):
    first = features_of(waves)
    torch.rand(7), np.random.rand(7), random.random()  # noqa: NPY002
    np.testing.assert_array_equal(features_of(waves), first)


def test_global_settings_of_torch_are_left_as_they_were(waves, tiny):
    def settings():
        return (
            torch.get_num_threads(),
            torch.get_num_interop_threads(),
            torch.is_grad_enabled(),
            torch.get_default_dtype(),
            torch.are_deterministic_algorithms_enabled(),
        )

    before = settings()
    tiny(precision="bfloat16").fit(waves).transform(waves)
    assert settings() == before


def test_thread_counts_agree_to_four_digits(waves, features_of):
    n_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = features_of(waves)
        torch.set_num_threads(2)
        two = features_of(waves)
    finally:
        torch.set_num_threads(n_threads)
    np.testing.assert_allclose(one, two, atol=1e-4)


def test_a_random_state_instance_is_drawn_from(waves, tiny):
    generator = np.random.RandomState(0)
    transformer = tiny(random_state=generator)
    first = transformer.fit_transform(waves)
    second = transformer.fit_transform(waves)
    assert not np.array_equal(first, second)
    assert transformer.random_state is generator
    again = tiny(random_state=np.random.RandomState(0))
    np.testing.assert_array_equal(again.fit_transform(waves), first)
    np.testing.assert_array_equal(again.fit_transform(waves), second)


def test_grad_mode_of_the_caller_does_not_matter(waves, features_of):
    expected = features_of(waves)
    with torch.no_grad():
        np.testing.assert_array_equal(features_of(waves), expected)
