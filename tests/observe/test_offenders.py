"""OffendersHook keeps the most frequent unknown values with who sent them, in bounded memory."""

import sys

import pytest

from stagenorm.core.modes import Mode
from stagenorm.events import Finding, FindingKind, Inspected, Outcome, StoreRead
from stagenorm.observe import OffendersHook
from stagenorm.observe.offenders import Offender, Offenders


def event(value, consumer="ada", endpoint="companies", kind=FindingKind.UNKNOWN):
    finding = Finding(kind, "stage", "stage", value, "why")
    return Inspected(endpoint, Mode.WARN, False, Outcome.PASS, {kind: 1}, consumer, 1e-5, True, True, (finding,))


def test_the_most_frequent_come_first_with_their_consumers():
    hook = OffendersHook()
    for value, consumer, times in [("angel", "ada", 3), ("Seies A", "ada", 1), ("angel", "bob", 5), ("angel", None, 1)]:
        for _ in range(times):
            hook(event(value, consumer))
    for _ in range(2):
        hook(event("angel", endpoint="simulate"))
    top = [
        Offender("companies", "angel", 9, ("bob", "ada")),
        Offender("simulate", "angel", 2, ("ada",)),
        Offender("companies", "Seies A", 1, ("ada",)),
    ]
    assert hook.top(100) == top
    assert hook.top(1) == top[:2]


@pytest.mark.parametrize("kind", [kind for kind in FindingKind if kind is not FindingKind.UNKNOWN])
def test_only_unknown_values_count(kind):
    hook = OffendersHook()
    hook(event("x", kind=kind))
    hook(StoreRead(0.1, None, 0.0))
    assert hook.top(9) == []


def test_endless_values_and_consumers_stay_in_bounded_memory_and_frequent_ones_are_kept():
    hook = OffendersHook(capacity=50)
    sizes = set()
    for number in range(20_000):
        hook(event(f"v{number}" + "x" * 1000, f"c{number}" + "y" * 1000))
        if number % 4 == 0:
            hook(event("angel", "ada"))
        if number in (10_000, 19_999):
            top = hook.top(1000)
            sizes.add((len(top), max(sys.getsizeof(each.value) for each in top)))
    assert len(sizes) == 1
    assert max(len(each.value) for each in top) == 257
    assert (top[0].value, top[0].consumers[0]) == ("angel", "ada")
    assert 5000 <= top[0].count <= 5000 + 25_000 / 50


def test_what_cannot_be_written_as_text_is_kept_escaped():
    offenders = Offenders()
    offenders.add("e", "\udcff", "\ud800")
    (found,) = offenders.top(1)
    assert (found.value, found.consumers) == ("\\udcff", ("\\ud800",))
