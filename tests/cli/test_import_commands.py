"""The commands that make cases of studies of other programs."""

from __future__ import annotations

import pytest

from headwater.cli.app import _run, app
from newave_decks import small_deck, write_deck

pytest.importorskip("inewave")


@pytest.fixture
def command(capsys, monkeypatch):
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)

    def call(*arguments):
        capsys.readouterr()
        code = _run(lambda: app([str(a) for a in arguments], standalone_mode=False))
        return code, *capsys.readouterr()

    return call


def test_a_deck_is_imported_and_every_file_is_accounted_for(command, tmp_path):
    deck = write_deck(tmp_path / "deck")
    code, out, err = command("import", "newave", deck, tmp_path / "case", "--iterations", 2)
    assert (code, err) == (0, "")
    assert all(path.name in out for path in deck.iterdir())
    assert "4 hydro plants" in out
    assert command("validate", tmp_path / "case")[0] == 0


def test_a_deck_with_an_error_ends_with_the_code_of_a_bad_case_and_no_traceback(command, tmp_path):
    lines = [line.replace(" 200.", " 2oo.") for line in small_deck()["term.dat"]]
    deck = write_deck(tmp_path / "deck", {**small_deck(), "term.dat": lines})
    code, _, err = command("import", "newave", deck, tmp_path / "case")
    assert code == 1
    assert err.startswith("error: term.dat line 3")
    assert "Traceback" not in err
    assert not (tmp_path / "case").exists()
