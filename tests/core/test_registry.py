"""A registry finds what the project, installed packages and scripts add, and refuses
two owners of one thing.
"""

from __future__ import annotations

import sys
import textwrap

import pytest

from headwater.core.registry import Origin, Registry
from headwater.errors import UsageError


class Kind:
    def __init__(self, name, code=0):
        self.name, self.code = name, code


def test_what_is_added_is_found_by_name_and_listed_by_name():
    registry = Registry("kinds")
    b, a = registry.add(Kind("b")), registry.add(Kind("a"))
    assert registry["a"] is a
    assert list(registry) == [a, b]
    assert registry.names() == ("a", "b")
    assert "a" in registry
    assert "c" not in registry
    assert len(registry) == 2


def test_a_class_is_added_by_its_type_as_a_decorator():
    registry = Registry("rules")

    @registry.add
    class Rule:
        type = "patience"

    assert registry["patience"] is Rule


def test_an_order_of_their_own_comes_before_names():
    registry = Registry("kinds", order=lambda kind: (kind.code, kind.name))
    for kind in (Kind("a", 2), Kind("c", 1), Kind("b", 1)):
        registry.add(kind)
    assert registry.names() == ("b", "c", "a")


def test_a_second_owner_of_a_name_is_refused_and_both_are_named():
    registry = Registry("kinds")
    registry.add(Kind("a"))
    with pytest.raises(
        UsageError,
        match=r"kinds: 'a' of .*test_registry cannot be added, because 'a' of .* the name 'a'",
    ):
        registry.add(Kind("a"))


def test_adding_the_same_thing_again_changes_nothing():
    registry = Registry("kinds")
    one = Kind("a")
    registry.add(one)
    assert registry.add(one) is one
    assert len(registry) == 1


def test_a_second_owner_of_anything_else_is_refused_until_the_first_is_removed():
    registry = Registry("kinds", claims=lambda kind: [("code", kind.code)])
    registry.add(Kind("a", 8))
    with pytest.raises(UsageError, match=r"'b' of .* has the code 8 already"):
        registry.add(Kind("b", 8))
    assert registry.names() == ("a",)
    registry.remove("a")
    registry.add(Kind("b", 8))
    assert registry.names() == ("b",)


def test_what_is_not_known_is_refused_with_what_is():
    registry = Registry("kinds")
    registry.add(Kind("a"))
    for ask in (lambda: registry["z"], lambda: registry.remove("z"), lambda: registry.origin("z")):
        with pytest.raises(UsageError, match="kinds: there is no 'z'; known are a"):
            ask()


def test_a_thing_without_a_name_is_refused():
    with pytest.raises(UsageError, match="has no name"):
        Registry("kinds").add(object())


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Write an installed package with one entry point."""

    def install(entry, source):
        (tmp_path / "my_kinds.py").write_text(textwrap.dedent(source), encoding="utf-8")
        meta = tmp_path / "my_kinds-1.2.dist-info"
        meta.mkdir()
        (meta / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: my-kinds\nVersion: 1.2\n", encoding="utf-8"
        )
        (meta / "entry_points.txt").write_text(
            f"[headwater.kinds]\nmine = {entry}\n", encoding="utf-8"
        )
        monkeypatch.syspath_prepend(str(tmp_path))

    yield install
    sys.modules.pop("my_kinds", None)


def test_an_installed_package_adds_through_an_entry_point_when_first_asked(installed):
    registry = Registry("kinds")
    installed("my_kinds:MINE", "class Mine:\n    type = 'mine'\nMINE = Mine\n")
    assert "my_kinds" not in sys.modules
    assert registry.names() == ("mine",)
    assert registry.origin("mine") == Origin("my-kinds", "1.2")
    assert not registry.origin("mine").is_own


def test_a_script_cannot_take_the_name_of_an_installed_package_before_or_after_it_is_loaded(
    installed,
):
    installed("my_kinds:Mine", "class Mine:\n    type = 'mine'\n")
    late = Registry("kinds")
    assert "mine" in late
    with pytest.raises(
        UsageError,
        match=r"'mine' of .*test_registry cannot .* 'mine' of my-kinds 1\.2 has the name",
    ):
        late.add(Kind("mine"))
    early = Registry("kinds")
    mine = early.add(Kind("mine"))
    with pytest.warns(
        UserWarning,
        match=r"'mine' of my-kinds 1\.2 cannot .* 'mine' of .*test_registry has the name",
    ):
        assert early.names() == ("mine",)
    assert early["mine"] is mine


def test_a_package_that_cannot_be_loaded_is_told_once_and_stops_only_who_needs_it(installed):
    installed("my_kinds:Mine", "raise ValueError('broken inside')\n")
    registry = Registry("kinds")
    registry.add(Kind("a"))
    why = r"'mine' of the installed package my-kinds 1\.2 .*ValueError: broken inside"
    with pytest.warns(UserWarning, match=why):
        assert registry.names() == ("a",)
    assert registry["a"].name == "a"
    assert "mine" not in registry
    with pytest.raises(UsageError, match=why):
        registry["mine"]
    with pytest.raises(UsageError, match=r"there is no 'z'; known are a; .*broken inside"):
        registry["z"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A package that holds a registry and two modules that add to it."""
    package = tmp_path / "own_kinds"
    package.mkdir()
    registry = (
        "from headwater.core.registry import Registry\nKINDS = Registry('kinds', 'own_kinds')\n"
    )
    (package / "__init__.py").write_text(registry, encoding="utf-8")
    for name in ("first", "second"):
        source = f"from own_kinds import KINDS\n@KINDS.add\nclass Own:\n    type = '{name}'\n"
        (package / f"{name}.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in ("own_kinds", "own_kinds.first", "own_kinds.second"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("folder")
def test_modules_of_the_folder_add_theirs_when_first_asked():
    from own_kinds import KINDS

    assert "own_kinds.first" not in sys.modules
    assert KINDS.names() == ("first", "second")
    assert KINDS.origin("first").is_own


@pytest.mark.usefixtures("folder")
def test_a_module_of_the_folder_that_is_imported_first_is_added_once():
    from own_kinds.second import KINDS, Own

    assert "own_kinds.first" not in sys.modules
    assert KINDS["second"] is Own
    assert KINDS.names() == ("first", "second")
