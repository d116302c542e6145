"""The file of one stage."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import PolicyError
from headwater.policy import decode, encode
from headwater.policy.stage_file import to_pool
from headwater.sddp import CutPool

FIELDS = (
    "coefficients",
    "intercepts",
    "active",
    "born_at",
    "forward_pass",
    "times_binding",
    "last_binding",
)


def a_pool(seed: int, n_state: int, n_cuts: int, active_share: float = 0.6) -> CutPool:
    rng = np.random.default_rng(seed)
    pool = CutPool(n_state, n_cuts + 3)
    pool.append(
        rng.normal(size=n_cuts),
        rng.normal(size=(n_cuts, n_state)),
        iteration=4,
        forward_pass=np.arange(n_cuts),
    )
    pool.active[:n_cuts] = rng.random(n_cuts) < active_share
    pool.times_binding[:n_cuts] = rng.integers(0, 2**40, n_cuts)
    return pool


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(0, 9), st.integers(0, 40), st.sampled_from([0.0, 0.5, 1.0])
)
def test_a_pool_comes_back_bit_for_bit(seed: int, n_state: int, n_cuts: int, active_share: float):
    pool = a_pool(seed, n_state, n_cuts, active_share)
    cuts = decode(encode(17, pool), "x")
    again = to_pool(cuts)
    assert cuts.stage_id == 17
    assert again.n_populated == n_cuts
    for field in FIELDS:
        before, after = getattr(pool, field)[:n_cuts], getattr(again, field)[:n_cuts]
        assert after.dtype == before.dtype
        assert after.tobytes() == before.tobytes(), field


@pytest.mark.parametrize(("n_state", "n_cuts"), [(1, 1), (3, 5), (7, 64), (160, 11)])
def test_active_cuts_are_one_aligned_view_of_the_mapped_file(
    tmp_path: Path, n_state: int, n_cuts: int
):
    pool = a_pool(n_state, n_state, n_cuts)
    pool.active[0] = n_cuts > 1
    path = tmp_path / "stage.hwp"
    path.write_bytes(encode(3, pool))
    with path.open("rb") as handle:
        mapped = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
    start_of_file = np.frombuffer(mapped, np.uint8).ctypes.data
    cuts = decode(memoryview(mapped), "x")
    for name in (
        "coefficients",
        "intercepts",
        "slot",
        "born_at",
        "forward_pass",
        "times_binding",
        "last_binding",
    ):
        vector = cuts.coefficients if name == "coefficients" else cuts.vectors[name]
        assert (vector.ctypes.data - start_of_file) % 64 == 0, name
    view = cuts.active_coefficients
    assert view.ctypes.data % 64 == 0
    assert view.flags.c_contiguous
    assert not view.flags.owndata
    assert 0 <= view.ctypes.data - start_of_file <= path.stat().st_size
    np.testing.assert_array_equal(view, pool.coefficients[pool.active_slots()])
    np.testing.assert_array_equal(cuts.slot[: cuts.n_active], pool.active_slots())


def test_the_file_names_its_format():
    assert encode(0, a_pool(0, 2, 2))[4:8] == b"HWP1"


def test_a_foreign_file_is_refused_by_its_identifier():
    with pytest.raises(
        PolicyError, match=r"stage_0000\.hwp.*expected the identifier b'HWP1', got b'1234'"
    ):
        decode(b"\0\0\0\x001234" + bytes(100), "stage_0000.hwp")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_cut_that_is_not_a_number_is_not_written(value: float):
    pool = a_pool(0, 2, 3)
    pool.coefficients[1, 1] = value
    with pytest.raises(PolicyError, match="stage 8: a cut is not a finite number"):
        encode(8, pool)


def test_whatever_the_bytes_nothing_but_a_policy_error_is_raised():
    content = encode(5, a_pool(1, 3, 9))
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(2_000):
        damaged = bytearray(content)
        for _ in range(rng.integers(1, 4)):
            damaged[rng.integers(0, 160) if rng.random() < 0.7 else rng.integers(len(damaged))] = (
                rng.integers(256)
            )
        if rng.random() < 0.3:
            damaged = damaged[: rng.integers(len(damaged))]
        try:
            cuts = decode(bytes(damaged), "x")
        except PolicyError:
            refused += 1
            continue
        assert np.isfinite(cuts.coefficients).all()
        assert len(cuts.slot) == len(cuts.vectors["intercepts"]) == len(cuts.coefficients)
    assert refused > 500
