"""The file of one stage: bit for bit, without copies, and never trusted."""

from __future__ import annotations

import mmap
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from headwater.errors import PolicyError
from headwater.policy import decode, encode, stage_file
from headwater.policy.flat_vectors import ALIGNMENT, LARGEST_FILE
from headwater.policy.stage_file import _VECTORS, schema_text, to_pool
from headwater.sddp import CutPool
from headwater.sddp.cuts.fields import ALL_OPENINGS
from headwater.solver import Basis
from trained_policies import POOL_ARRAYS, random_pool

SIZES = [(0, 0), (0, 3), (1, 0), (1, 1), (3, 7), (5, 64), (13, 1)]


@pytest.mark.parametrize(("n_state", "n_cuts"), SIZES)
@pytest.mark.parametrize("spare", [0, 5])
def test_a_pool_comes_back_bit_for_bit(n_state: int, n_cuts: int, spare: int):
    pool = random_pool(n_state + 100 * n_cuts, n_state, n_cuts, n_cuts + spare)
    cuts = decode(encode(-3, pool), "x")
    back = to_pool(cuts)
    assert (cuts.stage_id, cuts.basis, back.n_populated, back.n_state) == (
        -3,
        None,
        n_cuts,
        n_state,
    )
    for name in POOL_ARRAYS:
        expected, got = getattr(pool, name)[:n_cuts], getattr(back, name)[:n_cuts]
        assert got.dtype == expected.dtype
        assert got.tobytes() == expected.tobytes(), name


def test_a_basis_comes_back_and_an_absent_one_stays_absent():
    basis = Basis(np.array([0, 1, 2, 3, 4], np.int32), np.array([1, 1, 0], np.int32))
    back = decode(encode(0, random_pool(1, 2, 3), basis), "x").basis
    assert back is not None
    assert (back.columns.tolist(), back.rows.tolist()) == ([0, 1, 2, 3, 4], [1, 1, 0])


@pytest.mark.parametrize(("n_state", "n_cuts"), SIZES)
def test_every_vector_starts_on_a_boundary(n_state: int, n_cuts: int):
    content = encode(
        0, random_pool(9, n_state, n_cuts), Basis(np.ones(7, np.int32), np.ones(n_cuts, np.int32))
    )
    base = np.frombuffer(content, np.uint8).ctypes.data
    cuts = decode(content, "x")
    for name, vector in {"coefficients": cuts.coefficients, **cuts.vectors}.items():
        if vector.size:
            assert (vector.ctypes.data - base) % ALIGNMENT == 0, name


def test_the_active_coefficients_of_a_mapped_file_are_one_aligned_view(tmp_path: Path):
    pool = random_pool(4, 5, 40)
    path = tmp_path / "stage.hwp"
    path.write_bytes(encode(2, pool))
    with (
        path.open("rb") as handle,
        mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        whole = np.frombuffer(mapped, np.uint8)
        cuts = decode(memoryview(mapped), path.name)
        view = cuts.active_coefficients
        assert np.shares_memory(view, whole)
        assert not view.flags.owndata
        assert view.flags.c_contiguous
        assert view.ctypes.data % 64 == 0
        slots = cuts.slot[: cuts.n_active].astype(int)
        assert slots.tolist() == pool.active_slots().tolist()
        assert view.tobytes() == pool.coefficients[pool.active_slots()].tobytes()
        del cuts, view, whole


def test_the_schema_file_is_made_from_the_declared_fields():
    """``scripts/make-reference`` writes it."""
    text = (resources.files("headwater.policy") / "policy.fbs").read_text()
    assert text == schema_text()


def test_the_vectors_of_written_files_keep_their_places():
    assert [vector.name for vector in _VECTORS][:12] == [
        "coefficients",
        "intercepts",
        "slot",
        "born_at",
        "forward_pass",
        "times_binding",
        "last_binding",
        "column_status",
        "row_status",
        "opening",
        "relaxed",
        "unproven",
    ]


def test_fields_that_older_files_lack_have_what_they_meant_then(monkeypatch: pytest.MonkeyPatch):
    pool = random_pool(3, 2, 5)
    pool.opening[:5], pool.unproven[:5] = 3, True
    with monkeypatch.context() as before:
        before.setattr(stage_file, "_VECTORS", _VECTORS[:9])
        content = encode(1, pool)
    back = to_pool(decode(content, "x"))
    assert back.opening.tolist() == [ALL_OPENINGS] * 5
    assert not back.relaxed.any()
    assert not back.unproven.any()
    assert back.times_binding.tolist() == pool.times_binding[:5].tolist()


def test_a_damaged_file_is_a_policy_error_or_cuts_of_sound_shape():
    """Whatever the bytes.

    Digests catch damage before this, so here it is enough that nothing else is raised.
    """
    sound = encode(1, random_pool(2, 3, 6), Basis(np.ones(4, np.int32), np.ones(6, np.int32)))
    rng = np.random.default_rng(0)
    refused = 0
    for trial in range(1500):
        damaged = bytearray(sound)
        if trial % 5 == 0:
            del damaged[int(rng.integers(0, len(damaged))) :]
        for _ in range(int(rng.integers(1, 4))):
            if damaged:
                # the structure is at both ends: hit it more often than the numbers
                place = (
                    int(rng.integers(0, len(damaged)))
                    if trial % 3
                    else int(rng.integers(0, min(160, len(damaged))))
                )
                damaged[place] = int(rng.integers(0, 256))
        try:
            cuts = decode(bytes(damaged), "x")
        except PolicyError:
            refused += 1
        else:
            assert cuts.coefficients.shape[0] == len(cuts.vectors["intercepts"]) == len(cuts.slot)
            assert cuts.n_active <= len(cuts.slot)
            to_pool(cuts)
    assert refused > 300


@pytest.mark.parametrize(
    "content",
    [b"", b"abc", b"\0" * 64, b"\x10\0\0\0HWP2" + b"\0" * 60, b"\xff\xff\xff\x7fHWP1" + b"\0" * 60],
)
def test_a_foreign_file_is_refused(content: bytes):
    with pytest.raises(PolicyError, match=r"HW808 stage_0000\.hwp"):
        decode(content, "stage_0000.hwp")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_cut_that_is_no_number_is_refused(value: float):
    pool = random_pool(1, 2, 3)
    pool.coefficients[2, 1] = value
    with pytest.raises(PolicyError, match="not a finite number"):
        decode(encode(0, pool), "x")


def test_a_pool_too_large_for_a_file_is_refused_before_memory_is_spent(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("headwater.policy.stage_file.LARGEST_FILE", 2000)
    assert LARGEST_FILE > 2**30
    with pytest.raises(PolicyError, match="HW809 stage 4: 100 cuts"):
        encode(4, random_pool(1, 5, 100))
    encode(4, CutPool(5, 100))
