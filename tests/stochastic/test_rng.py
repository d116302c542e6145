from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.stochastic import rng
from headwater.stochastic.rng import Purpose


def words(seed, purpose, a, b, c, n):
    return rng.raw_words(seed, Purpose(purpose), a, np.array([b]), c, n)[0]


@pytest.mark.parametrize(
    ("coordinates", "first_word", "normals"),
    [
        ((42, 1, 0, 0, 0), 8185685891515899014, (-0.14147610, 0.90170083, 0.02262722)),
        ((42, 1, 0, 1, 0), 3624417505671633602, (-0.85426147, -0.44358770, 0.51802522)),
        ((42, 3, 5, 7, 3), 4179020989937077332, (-0.75027290, -0.67510026, -0.50639815)),
    ],
)
def test_known_coordinates_give_known_normals(coordinates, first_word, normals):
    raw = words(*coordinates, 3)
    assert raw[0] == first_word
    np.testing.assert_allclose(rng.normals(raw), normals, atol=5e-9)


def test_the_second_and_third_word_continue_the_stream():
    assert words(42, 1, 0, 0, 0, 3).tolist() == [
        8185685891515899014,
        15059776042128308896,
        9389875783783897555,
    ]


def test_known_coordinates_give_a_known_index():
    raw = words(42, 2, 0, 0, 1, 1)
    assert raw[0] == 15823350586467578330
    assert rng.indices(raw, 5)[0] == 4


def test_known_coordinates_give_a_known_permutation():
    assert rng.permutation(words(42, 4, 0, 1, 0, 6)).tolist() == [3, 0, 4, 5, 1, 2]


@given(
    seed=st.integers(-(2**63), 2**64 - 1),
    purpose=st.sampled_from(Purpose),
    a=st.integers(0, 2**32),
    c=st.integers(0, 2**32),
    n_words=st.integers(1, 11),
    start=st.integers(0, 2**40),
)
def test_many_draws_at_once_equal_the_generator_of_numpy_one_by_one(
    seed, purpose, a, c, n_words, start
):
    coordinates = np.arange(start, start + 40)
    together = rng.raw_words(seed, purpose, a, coordinates, c, n_words)
    key = np.array([seed % 2**64, purpose], np.uint64)
    for row in (0, 17, 39):
        counter = np.array([0, a, coordinates[row], c], np.uint64)
        np.testing.assert_array_equal(
            together[row], np.random.Philox(key=key, counter=counter).random_raw(n_words)
        )
    np.testing.assert_array_equal(
        together[:7], rng.raw_words(seed, purpose, a, coordinates[:7], c, n_words)
    )
    groups = np.arange(a, a + 40)
    mixed = rng.raw_words(seed, purpose, groups, coordinates, c, n_words)
    for rows in (slice(0, 40), slice(31, 33)):
        np.testing.assert_array_equal(
            mixed[rows], rng.raw_words(seed, purpose, groups[rows], coordinates[rows], c, n_words)
        )
    np.testing.assert_array_equal(
        mixed[5], rng.raw_words(seed, purpose, a + 5, coordinates[5:6], c, n_words)[0]
    )


@given(word=st.integers(0, 2**64 - 1), n=st.integers(1, 2**32 - 1))
def test_the_index_is_the_high_word_of_the_product(word, n):
    assert rng.indices(np.array([word], np.uint64), n)[0] == word * n >> 64


def test_a_seed_and_its_negative_differ():
    assert words(1, 1, 0, 0, 0, 1) != words(-1, 1, 0, 0, 0, 1)


def test_uniforms_stay_inside_the_open_interval():
    extremes = rng.uniforms(np.array([0, 2**64 - 1], np.uint64))
    assert extremes[0] > 0.0
    assert extremes[1] < 1.0
    assert np.isfinite(rng.normals(np.array([0, 2**64 - 1], np.uint64))).all()
