"""Temporary aliases and exemptions: what is refused, what counts when, and how a boundary judges by them."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm import (
    INVESTMENT_STAGES,
    Boundary,
    Endpoint,
    FixedModes,
    JsonField,
    Mode,
    ModeState,
    ModeView,
    QueryField,
    Term,
    Vocabulary,
)
from stagenorm.boundary.request import Pass, Reject, Request, Rewrite
from stagenorm.core.folding import fold
from stagenorm.core.overlays import Exemption, Overlays, TemporaryAlias, exemption, temporary_alias
from stagenorm.errors import OverlayError
from stagenorm.events import FindingKind
from stagenorm.testing import aliases as known_forms
from stagenorm.testing import canonical, hostile_values, unknowns

WHY = {"author": "ada", "reason": "an import", "now": 100.0}


def alias(written, value="series-a", *, expires_at=200.0, **options):
    return temporary_alias(INVESTMENT_STAGES, written, value, expires_at=expires_at, **{**WHY, **options})


def test_an_alias_is_kept_folded():
    assert alias("  Serie_A ") == TemporaryAlias("investment-stages", "serie-a", "series-a", 200.0, "ada", "an import")


@pytest.mark.parametrize(
    ("written", "value", "complaint"),
    [
        (
            "Serie A",
            "series-d",
            (
                r"^alias 'Serie A': 'series-d' is not a canonical value of 'investment-stages' "
                r"\(pre-seed, seed, series-a, series-b, series-c, series-c\+\): name one of these$"
            ),
        ),
        ("Serie A", "Series A", "is not a canonical value"),
        ("Serie A", None, "is not a canonical value"),
        ("Series B", "series-a", "already takes it for 'series-b': nothing to add"),
        ("SERIES_A round", "series-a", "already takes it for 'series-a': nothing to add"),
        ("", "series-a", "^alias '' is refused as empty: write it with plain, visible letters$"),
        (" - ", "series-a", "is refused as"),
        ("N/A", "seed", "^alias 'N/A' is refused as null-like: it says that there is no value, so it can mean none$"),
        ("Unknown", "seed", "is refused as null-like"),
        ("Serie\u200b A", "series-a", r"is refused as .* \(U\+200B ZERO WIDTH SPACE\)"),
        ("S\u0435rie A", "series-a", "is refused as"),  # a Cyrillic letter
        ("x" * 257, "series-a", "is refused as"),
    ],
)
def test_an_alias_that_contradicts_its_vocabulary_is_refused(written, value, complaint):
    with pytest.raises(OverlayError, match=complaint):
        alias(written, value)


@pytest.mark.parametrize("expires_at", [99.0, 100.0, math.inf, math.nan, -math.inf])
def test_an_expiry_lies_ahead_and_comes(expires_at):
    with pytest.raises(OverlayError, match="must expire later than now, and not never"):
        alias("Serie A", expires_at=expires_at)
    with pytest.raises(OverlayError, match="must expire later than now, and not never"):
        exemption("partner", None, expires_at=expires_at, **WHY)


def test_a_reason_and_a_consumer_are_needed():
    with pytest.raises(OverlayError, match="alias 'Serie A' needs a reason"):
        alias("Serie A", reason=" ")
    with pytest.raises(OverlayError, match="exemption of 'partner' needs a reason"):
        exemption("partner", None, expires_at=200.0, author="ada", reason="", now=1.0)
    with pytest.raises(OverlayError, match=r"^an exemption needs the key of a consumer$"):
        exemption("", None, expires_at=200.0, **WHY)


def test_an_exemption_keeps_who_granted_it_and_why():
    granted = exemption("partner", "companies", expires_at=200.0, **WHY)
    assert granted == Exemption("partner", "companies", 200.0, "ada", "an import")


@given(
    st.one_of(canonical(INVESTMENT_STAGES), known_forms(INVESTMENT_STAGES)), st.sampled_from(INVESTMENT_STAGES.values)
)
def test_no_form_that_a_term_owns_becomes_an_alias(form, value):
    with pytest.raises(OverlayError, match="already takes it"):
        alias(form, value)


@given(
    st.one_of(unknowns(INVESTMENT_STAGES), hostile_values(INVESTMENT_STAGES), st.text()),
    st.sampled_from(INVESTMENT_STAGES.values),
)
def test_an_alias_that_is_taken_is_folded_and_new(written, value):
    if not isinstance(written, str):
        return
    try:
        taken = alias(written, value)
    except OverlayError:
        return
    assert taken.form == fold(written) == fold(taken.form)
    assert taken.form not in INVESTMENT_STAGES.table
    assert taken.value in INVESTMENT_STAGES


times = st.integers(0, 20).map(float)
some_aliases = st.builds(
    TemporaryAlias,
    st.sampled_from(["a", "b"]),
    st.sampled_from(["x", "y", "z"]),
    st.sampled_from(["1", "2"]),
    times,
    st.just("ada"),
    st.just("r"),
    st.sampled_from([None, "e", "f"]),
)
some_exemptions = st.builds(
    Exemption, st.sampled_from(["p", "q"]), st.sampled_from([None, "e", "f"]), times, st.just("ada"), st.just("r")
)


@given(st.lists(some_aliases), st.lists(some_exemptions), times)
def test_what_was_added_last_counts_until_its_moment(added, exempted, now):
    overlays = Overlays()
    for each in added:
        overlays = overlays.with_alias(each)
    for each in exempted:
        overlays = overlays.with_exemption(each)
    assert [*overlays] == [*overlays.aliases, *overlays.exemptions]
    last = {(each.vocabulary, each.form, each.endpoint): each for each in added}
    for endpoint in ("e", "f"):
        wanted = {
            (vocabulary, form): each.value
            for place in (None, endpoint)  # what is said of one endpoint alone goes before
            for (vocabulary, form, where), each in last.items()
            if where == place and now < each.expires_at
        }
        assert overlays.forms(endpoint, now) == wanted
    granted = {(each.consumer, each.endpoint): each for each in exempted}
    for consumer in ("p", "q", "stranger", None):
        for endpoint in ("e", "f"):
            expected = any(
                (consumer, scope) in granted and now < granted[consumer, scope].expires_at for scope in (None, endpoint)
            )
            assert overlays.is_exempt(consumer, endpoint, now) is expected
    assert bool(overlays) == bool(last or granted)


@given(st.lists(some_aliases), st.lists(some_exemptions))
def test_the_same_overlays_hold_each_other(added, exempted):
    one, other = Overlays(tuple(added), tuple(exempted)), Overlays(tuple(added[::-1]), tuple(exempted[::-1]))
    assert one <= other


@given(st.lists(some_aliases), st.lists(some_exemptions))
def test_what_is_removed_is_gone_and_nothing_else(added, exempted):
    overlays = Overlays()
    for each in (*added, *exempted):
        overlays = overlays.with_alias(each) if isinstance(each, TemporaryAlias) else overlays.with_exemption(each)
    for each in overlays.aliases:
        fewer = overlays.without_alias(each.vocabulary, each.form, each.endpoint)
        assert {*fewer.aliases, each} == {*overlays.aliases}
        assert fewer.exemptions == overlays.exemptions
        assert fewer <= overlays
        assert not overlays <= fewer
    for each in overlays.exemptions:
        fewer = overlays.without_exemption(each.consumer, each.endpoint)
        assert {*fewer.exemptions, each} == {*overlays.exemptions}
        assert fewer.aliases == overlays.aliases
        assert fewer <= overlays
        assert not overlays <= fewer


class Service:
    """A boundary over one endpoint, with a clock that the test holds in its hands."""

    def __init__(self, mode, overlays, vocabulary=INVESTMENT_STAGES):
        self.now = 100.0
        self.events = []
        fields = [JsonField("$.stage"), QueryField("stage")]
        self.boundary = Boundary(
            vocabulary,
            [Endpoint("companies", "POST", "/companies", fields)],
            FixedModes(ModeView(ModeState(mode), overlays=overlays)),
            clock=lambda: self.now,
            hooks=[self.events.append],
        )

    def ask(self, value, consumer="stranger"):
        guard = self.boundary.open("POST", "/companies")
        body = b'{"stage":"%s"}' % value.encode()
        query = b"stage=" + value.replace(" ", "%20").encode()
        headers = ((b"content-type", b"application/json"),)
        announced = guard.announced(headers)
        request = Request(guard, announced, "POST", "/companies", None, query, headers, consumer, body)
        return self.boundary.inspect(request)


def test_a_temporary_alias_is_rewritten_until_its_very_moment():
    workers = [Service(mode, Overlays((alias("Serie A"),))) for mode in (Mode.ENFORCE, Mode.WARN) for _ in range(3)]
    for worker in workers:
        worker.now = 199.999
        verdict = worker.ask("SERIE  a")
        assert isinstance(verdict, Rewrite)
        assert (verdict.query, verdict.body) == (b"stage=series-a", b'{"stage":"series-a"}')
        worker.now = 200.0
        expected = Reject if worker.boundary.modes.view.state("companies").mode is Mode.ENFORCE else Pass
        assert isinstance(worker.ask("SERIE  a"), expected)


@pytest.mark.parametrize("written", ["Serie" + " " * 300 + "A", "Serie\u200b A", "\ud800Serie A", "S\u0435rie A", ""])
def test_what_is_unfit_as_a_form_is_no_temporary_alias(written):
    overlays = Overlays((alias("Serie A"), TemporaryAlias("investment-stages", "", "seed", 200.0, "ada", "by hand")))
    service = Service(Mode.ENFORCE, overlays)
    guard = service.boundary.open("POST", "/companies")
    body = json.dumps({"stage": written}).encode("utf-8", "surrogatepass")
    headers = ((b"content-type", b"application/json"),)
    assert isinstance(
        service.boundary.inspect(
            Request(guard, guard.announced(headers), "POST", "/companies", None, b"", headers, None, body)
        ),
        Reject,
    )


def test_a_temporary_alias_never_goes_before_the_vocabulary():
    contrary = TemporaryAlias("investment-stages", "series-b", "series-a", 200.0, "ada", "by hand")
    assert Service(Mode.ENFORCE, Overlays((contrary,))).ask("Series B").query == b"stage=series-b"


def test_a_stored_alias_to_a_value_that_the_vocabulary_does_not_hold_means_nothing():
    """The store may be older or newer than this service's vocabulary."""
    odd = TemporaryAlias("investment-stages", "series-d", "series-d", 200.0, "ada", "another version")
    for written in ("Series D", "series-d"):
        service = Service(Mode.ENFORCE, Overlays((odd,)))
        assert isinstance(service.ask(written), Reject)
        assert service.events[0].counts[FindingKind.UNKNOWN] == 2


def test_an_alias_is_for_its_own_vocabulary():
    colours = Vocabulary("colours", [Term("red", "Red")])
    assert isinstance(Service(Mode.ENFORCE, Overlays((alias("Serie A"),)), colours).ask("Serie A"), Reject)


def test_an_exempt_consumer_is_judged_and_counted_but_never_rejected():
    exempt = exemption("partner", None, expires_at=200.0, **WHY)
    service = Service(Mode.ENFORCE, Overlays(exemptions=(exempt,)))
    assert isinstance(service.ask("nonsense"), Reject)
    assert isinstance(service.ask("nonsense", "partner"), Pass)
    assert isinstance(service.ask("Series A", "partner"), Rewrite)
    service.now = 200.0
    assert isinstance(service.ask("nonsense", "partner"), Reject)
    stranger, partner, _, late = service.events
    assert (stranger.in_share, stranger.would_reject) == (True, False)
    assert (partner.in_share, partner.would_reject, partner.counts[FindingKind.UNKNOWN]) == (False, True, 2)
    assert late.in_share


def test_an_exemption_may_be_for_one_endpoint():
    exempt = exemption("partner", "companies", expires_at=200.0, **WHY)
    assert isinstance(Service(Mode.ENFORCE, Overlays(exemptions=(exempt,))).ask("nonsense", "partner"), Pass)


def test_an_exemption_may_be_for_another_endpoint():
    exempt = exemption("partner", "strategies", expires_at=200.0, **WHY)
    assert isinstance(Service(Mode.ENFORCE, Overlays(exemptions=(exempt,))).ask("nonsense", "partner"), Reject)


def test_nobody_without_a_key_is_exempt():
    exempt = Exemption("", None, 200.0, "ada", "by hand")
    assert isinstance(Service(Mode.ENFORCE, Overlays(exemptions=(exempt,))).ask("nonsense", None), Reject)
