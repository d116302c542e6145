"""Messages list a few things and count or leave out the rest."""

from headwater.core.wording import counted, listed, opened


def test_a_few_are_listed_and_the_rest_is_counted():
    assert listed([1, 2]) == "1, 2"
    assert listed(range(6)) == "0, 1, 2, 3, 4, 5"
    assert listed(range(8)) == "0, 1, 2, 3, 4, 5 and 2 more"
    assert listed(("a", "b", "c"), 2) == "a, b and 1 more"
    assert listed(()) == ""


def test_a_few_are_listed_and_dots_stand_for_the_rest():
    assert opened([3, 4], 2) == "3, 4"
    assert opened([3, 4, 5], 2) == "3, 4, ..."


def test_many_are_counted_and_a_few_of_them_listed():
    assert counted((7, 9)) == "2 (7, 9)"
    assert counted(range(9), 3) == "9 (0, 1, 2, ...)"
    assert counted(()) == "none"
