"""Statements held against each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brains45k.sources.facts import FIELDS, Facts
from brains45k.sources.tables.register import Register


@pytest.mark.parametrize(
    ("one", "other", "known", "contradicting"),
    [
        (Facts(visit="BL"), Facts(visit="BL"), Facts(visit="BL"), []),
        (Facts(visit="BL"), Facts(model="Prisma"), Facts(visit="BL", model="Prisma"), []),
        (Facts(manufacturer="SIEMENS"), Facts(manufacturer="Siemens"), Facts(manufacturer="SIEMENS"), []),
        (Facts(echo_time_ms=2.98), Facts(echo_time_ms=2.976), Facts(echo_time_ms=2.98), []),
        (Facts(echo_time_ms=2.98), Facts(echo_time_ms=3.5), Facts(), ["echo_time_ms"]),
        (Facts(visit="BL", model="Prisma"), Facts(visit="SC"), Facts(model="Prisma"), ["visit"]),
    ],
)
def test_only_what_contradicts_is_lost(one: Facts, other: Facts, known: Facts, contradicting: list[str]) -> None:
    register = Register()
    assert register.add("a", one) == []
    assert register.add("a", other) == contradicting
    assert register.get("a") == known


def test_what_was_disputed_once_stays_out() -> None:
    register = Register()
    for visit in ("BL", "SC"):
        register.add("a", Facts(visit=visit))
    assert register.add("a", Facts(visit="BL", model="Prisma")) == ["visit"]
    assert register.get("a") == Facts(model="Prisma")


def test_keys_know_nothing_of_each_other() -> None:
    register = Register()
    register.add("a", Facts(visit="BL"))
    assert register.add("b", Facts(visit="SC")) == []
    assert (register.get("a").visit, register.get("b").visit, register.get("c")) == ("BL", "SC", Facts())


statements = st.lists(
    st.builds(
        Facts,
        visit=st.none() | st.sampled_from(["BL", "bl", "SC"]),
        echo_time_ms=st.none() | st.sampled_from([1.0, 9.0]),
    ),
    max_size=6,
)


@given(statements)
def test_what_is_kept_agrees_with_every_statement(stated: list[Facts]) -> None:
    register = Register()
    disputed = {name for facts in stated for name in register.add("a", facts)}
    known = register.get("a")
    for name in FIELDS:
        values = {str(value).lower() for facts in stated if (value := getattr(facts, name)) is not None}
        assert (getattr(known, name) is not None) == (len(values) == 1)
        assert (name in disputed) == (len(values) > 1)
