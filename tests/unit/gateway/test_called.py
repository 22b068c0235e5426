"""What a reader may call people: by its own agency's ids alone, never by a number that one has for life."""

from typing import Any

from hub.events import Envelope, Event
from hub.partnership import load
from hub.settings import ROOT
from services.gateway.called import names, own_schemes

V, P = "c3533b08-ea05-89d6-8316-97a06d77387b", "237a7833-a22f-8508-bd03-c48243d1d624"
ADDED, CHANGED = "wraparound.family.member_added.v1", "wraparound.family.member_changed.v1"


def row(person: str, kind: str | None = "adult", **ids: str) -> dict[str, Any]:
    given = [{"scheme": name.replace("_", "-"), "value": value} for name, value in ids.items()]
    return {"person": {"scheme": "hub", "value": person}, "kind": kind, "identifiers": given or None}


def event(source: str, *rows: dict[str, Any], retracted: bool = False, **more: Any) -> Event:
    type_ = CHANGED if more else ADDED
    return Event(
        Envelope("e", type_, source, "f", 1, 1), {"members": list(rows), "retracted": retracted, **more}
    )


def called(*events: Event, agency: str = "council") -> dict[str, str]:
    return names(events, agency, own_schemes(load(ROOT / "partnerships" / "dorset"), agency))


def test_somebody_is_called_by_the_id_that_the_readers_agency_gave() -> None:
    said = event("council/chesil", row(V, nhs_number="9990000018", liquidlogic="P-1"), row(P, "child"))
    assert called(said) == {V: "liquidlogic P-1", P: "child 237a7833"}
    assert called(said, agency="probation") == {V: "adult c3533b08", P: "child 237a7833"}


def test_an_id_of_another_agencys_scheme_or_statement_is_not_told() -> None:
    assert called(event("council/chesil", row(V, crn="X123456", upn="T820432117003"))) == {
        V: "adult c3533b08"
    }
    assert called(event("probation/perp", row(V, liquidlogic="P-1"))) == {V: "adult c3533b08"}


def test_what_was_said_last_holds_and_what_was_retracted_does_not() -> None:
    first = event("council/chesil", row(V, liquidlogic="P-1"))
    later = event("council/west", **row(V, None, liquidlogic="P-2"))
    assert called(first, later) == {V: "liquidlogic P-2"}
    assert called(first, event("council/west", row(V, liquidlogic="P-3"), retracted=True)) == {
        V: "liquidlogic P-1"
    }
