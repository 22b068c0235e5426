"""Requests a second per agency."""

import pytest

from services.gateway.limiter import Limiter
from services.gateway.problems import ProblemError


class FakeStopwatch:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def refused(limiter: Limiter, agency: str) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        limiter.take(agency)
    return caught.value


def test_agency_is_told_when_to_come_again_when_its_burst_is_used_up() -> None:
    limiter = Limiter(2, 3, FakeStopwatch())
    for _ in range(3):
        limiter.take("s2w")
    problem = refused(limiter, "s2w")
    assert (problem.status, problem.headers) == (429, {"retry-after": "1"})


def test_other_agencies_are_served_when_one_has_sent_too_much() -> None:
    limiter = Limiter(1, 1, FakeStopwatch())
    limiter.take("s2w")
    assert refused(limiter, "s2w").status == 429
    limiter.take("reach")


def test_requests_pass_at_the_sustained_rate_and_never_more_than_the_burst_at_once() -> None:
    now = FakeStopwatch()
    limiter = Limiter(2, 3, now)
    for _ in range(3):
        limiter.take("s2w")
    now.seconds += 0.5
    limiter.take("s2w")
    assert refused(limiter, "s2w").status == 429
    now.seconds += 3600
    for _ in range(3):
        limiter.take("s2w")
    assert refused(limiter, "s2w").status == 429
