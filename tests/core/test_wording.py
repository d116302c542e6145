"""Words of counts, and of how a training ended."""

from __future__ import annotations

from headwater.core.choices import STOPPING_RULES
from headwater.core.wording import COST_CATEGORIES, ending, numbered
from headwater.lp.readout import CATEGORIES


def test_one_is_counted_in_the_singular() -> None:
    assert [numbered(n, "bus", "buses") for n in (0, 1, 1200)] == [
        "0 buses",
        "1 bus",
        "1,200 buses",
    ]
    assert numbered(2, "stage") == "2 stages"


def test_every_way_a_training_ends_is_said_in_words_that_people_use() -> None:
    assert ending("shutdown") == "interrupted"
    assert ending("iteration_limit") == "stopped at the iteration limit"
    assert ending("mine") == "stopped by the rule 'mine'"
    for name in STOPPING_RULES.names():
        assert ending(name).startswith("stopped "), name


def test_every_category_of_costs_has_words() -> None:
    assert set(COST_CATEGORIES) == set(CATEGORIES)
