"""Every card can be cited."""

import pytest

from analogsim import cards
from analogsim.cards.citations import bibtex, entries
from analogsim.errors import InputError


@pytest.mark.parametrize("name", cards.names("device"))
def test_all_that_a_card_cites_has_a_bibtex_entry(name):
    cited = cards.read("device", name).cite
    text = bibtex(cited)
    assert text.count("\n@") + text.startswith("@") == len(cited)
    for key in cited:
        assert key.removeprefix("arXiv:") in text


def test_entries_are_whole_and_asked_for_once():
    known = entries()
    assert len(known) >= 20
    for key, entry in known.items():
        assert entry.count("{") == entry.count("}"), key
        assert all(f"{field} = " in entry for field in ("author", "title", "year"))
    one = next(iter(known))
    assert bibtex([one, one]) == known[one]
    with pytest.raises(InputError, match="unknown reference"):
        bibtex(["10.1000/nothing"])
