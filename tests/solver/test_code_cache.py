"""Compiled code on disk: found again by its content, never half written, discarded when damaged."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headwater.solver import code_cache
from headwater.solver.code_cache import KEPT_KEYS, CodeCache, user_folder, wanted_folder

KEY = "0" * 32

PROGRAM = """
import sys
from headwater.solver.compiled import compiled
from headwater.solver.numba_private import watched

@compiled
def inner(x):
    return x * x

@compiled
def squares(n):
    total = 0
    for i in range(n):
        total += inner(i)
    return total

told = []
with watched(lambda function, whole: told.append(whole)):
    print(squares(5), "compiled" if told else "read")
"""


def run(folder: Path | None, program: Path, **environment: str) -> tuple[str, str]:
    """What the small program says, and what is said on standard error."""
    dropped = {"HEADWATER_CACHE_DIR", "NUMBA_CACHE_DIR"}
    inherited = {name: value for name, value in os.environ.items() if name not in dropped}
    chosen = {} if folder is None else {"HEADWATER_CACHE_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, str(program)],
        capture_output=True,
        text=True,
        check=False,
        env={**inherited, **chosen, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr.strip()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "squares.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return path


def test_another_process_reads_what_one_has_compiled(tmp_path: Path, program: Path):
    assert run(tmp_path / "cache", program) == ("30 compiled", "")
    assert run(tmp_path / "cache", program) == ("30 read", "")


def test_another_source_is_compiled_anew(tmp_path: Path, program: Path):
    run(tmp_path / "cache", program)
    program.write_text(PROGRAM.replace("return x * x", "return x * x * x"), encoding="utf-8")
    assert run(tmp_path / "cache", program) == ("100 compiled", "")


@pytest.mark.parametrize(
    "flag", [{"NUMBA_OPT": "1"}, {"NUMBA_BOUNDSCHECK": "1"}, {"NUMBA_CPU_NAME": "generic"}]
)
def test_other_flags_have_code_of_their_own(tmp_path: Path, program: Path, flag: dict[str, str]):
    run(tmp_path / "cache", program)
    assert run(tmp_path / "cache", program, **flag)[0] == "30 compiled"
    assert run(tmp_path / "cache", program)[0] == "30 read"


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def overwritten(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def one_bit_changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def directory_in_its_place(path: Path) -> None:
    path.unlink()
    (path / "inside").mkdir(parents=True)


def nothing_but_a_good_digest(path: Path) -> None:
    """What was written is whole, but no compiled code that this compiler can load."""
    CodeCache(path.parent.name, path.parent.parent).write(path.stem, b"not a pickle")


DAMAGE = [
    cut_off,
    emptied,
    overwritten,
    one_bit_changed,
    directory_in_its_place,
    nothing_but_a_good_digest,
]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_a_damaged_file_is_compiled_again_with_one_line(
    tmp_path: Path, program: Path, damage: Callable[[Path], None]
):
    run(tmp_path / "cache", program)
    (file,) = (tmp_path / "cache").glob("*/*.squares-*.code")
    damage(file)
    answer, said = run(tmp_path / "cache", program)
    assert answer == "30 compiled"
    assert len(said.splitlines()) == 1
    assert said.startswith(f"compiled code at {file} is damaged (")
    assert said.endswith("it is discarded and compiled again")
    assert run(tmp_path / "cache", program) == ("30 read", "")


def test_processes_that_compile_at_once_leave_sound_code(tmp_path: Path, program: Path):
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: run(tmp_path / "cache", program), range(3)))
    assert {answer.split()[0] for answer, _ in answers} == {"30"}
    assert {said for _, said in answers} == {""}
    assert not list((tmp_path / "cache").glob("*/.writing-*"))
    assert run(tmp_path / "cache", program) == ("30 read", "")


def test_without_a_writable_home_code_goes_to_a_private_folder_and_that_is_said_once(
    tmp_path: Path, program: Path
):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    elsewhere = {
        "HOME": "/dev/null/home",
        "XDG_CACHE_HOME": "",
        "TMPDIR": str(temporary),
        "LOCALAPPDATA": "",
    }
    answer, said = run(None, program, **elsewhere)
    assert answer == "30 compiled"
    assert len(said.splitlines()) == 1
    assert said.startswith("compiled code cannot be kept where it belongs (")
    (folder,) = temporary.glob("headwater-code*")
    assert str(folder) in said
    assert folder.stat().st_mode & 0o077 == 0
    assert run(None, program, **elsewhere)[0] == "30 read"


def test_a_temporary_folder_that_others_can_write_to_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog
):
    monkeypatch.setattr(code_cache.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(code_cache.tempfile, "tempdir", str(tmp_path))
    open_to_all = tmp_path / f"headwater-code-{os.getuid()}"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    with caplog.at_level(logging.WARNING):
        root = CodeCache(KEY, Path("/dev/null/nowhere")).root
    assert root is not None
    assert root != open_to_all
    assert root.parent == tmp_path
    assert str(root) in caplog.text


def test_code_is_read_from_where_it_was_wanted_though_nothing_can_be_written_there(
    tmp_path: Path, monkeypatch
):
    CodeCache(KEY, tmp_path / "site").write("one", b"code")

    def refuse(root: Path) -> None:
        if root == tmp_path / "site":
            raise PermissionError("read-only")

    monkeypatch.setattr(code_cache, "_try_writing", refuse)
    monkeypatch.setattr(code_cache, "_temporary_root", lambda: tmp_path / "temporary")
    cache = CodeCache(KEY, tmp_path / "site")
    assert cache.read("one") == b"code"
    assert cache.write("two", b"more")
    assert (tmp_path / "temporary" / KEY / "two.code").is_file()
    assert cache.read("two") == b"more"


def test_where_nothing_can_be_written_at_all_nothing_is_kept(
    monkeypatch: pytest.MonkeyPatch, caplog
):
    monkeypatch.setattr(code_cache, "_temporary_root", lambda: None)
    cache = CodeCache(KEY, None)
    assert cache.root is None
    assert not cache.write("one", b"code")
    assert cache.read("one") is None
    cache.complete()
    with cache.compiling() as given:
        assert given
    assert caplog.text.count("every run compiles") == 1


def test_code_is_complete_while_every_file_has_its_size(tmp_path: Path):
    cache = CodeCache(KEY, tmp_path)
    assert not cache.is_complete
    cache.write("one", b"code")
    cache.write("two", b"more code")
    assert not cache.is_complete
    cache.complete()
    assert cache.is_complete
    cut_off(tmp_path / KEY / "one.code")
    assert not cache.is_complete
    cache.write("one", b"code")
    assert cache.is_complete
    (tmp_path / KEY / "two.code").unlink()
    assert not cache.is_complete
    (tmp_path / KEY / "complete.json").write_text('{"bytes": [', encoding="utf-8")
    assert not cache.is_complete


def test_the_last_used_keys_are_kept(tmp_path: Path):
    old = [f"{number:032x}" for number in range(1, KEPT_KEYS + 4)]
    for age, key in enumerate(reversed(old)):
        CodeCache(key, tmp_path).write("one", b"code")
        os.utime(tmp_path / key, (1e9 - age, 1e9 - age))
    (tmp_path / "notes").mkdir()
    used = CodeCache(old[0], tmp_path)
    assert used.root == tmp_path
    used.used()
    cache = CodeCache(KEY, tmp_path)
    cache.write("one", b"code")
    cache.complete()
    assert {path.name for path in tmp_path.iterdir()} == {
        KEY,
        old[0],
        *old[-KEPT_KEYS + 1 :],
        "notes",
    }


def test_only_one_process_compiles_at_a_time(tmp_path: Path):
    first, second = CodeCache(KEY, tmp_path), CodeCache(KEY, tmp_path)
    with first.compiling() as given:
        assert given
        with second.compiling() as other:
            assert not other
    with second.compiling() as other:
        assert other


def test_folders_follow_the_environment_and_the_customs_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("HEADWATER_CACHE_DIR", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert wanted_folder() == tmp_path / ".cache" / "headwater"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert wanted_folder() == tmp_path / ".cache" / "headwater"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert wanted_folder() == tmp_path / "xdg" / "headwater"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert user_folder() == tmp_path / "Library" / "Caches" / "headwater"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert user_folder() == tmp_path / "local" / "headwater" / "Cache"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    assert wanted_folder() == tmp_path / "numba" / "headwater"
    monkeypatch.setenv("HEADWATER_CACHE_DIR", str(tmp_path / "own"))
    assert wanted_folder() == tmp_path / "own"
