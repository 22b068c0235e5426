"""docker-compose.yml on a Docker engine, where one answers (its files are compared with the code elsewhere)."""

import urllib.request

import pytest

from hub.settings import ROOT

READY = "http://127.0.0.1:8080/readyz"


@pytest.mark.timeout(900)
def test_the_hub_is_ready_when_compose_brings_it_up(docker: None) -> None:
    from testcontainers.compose import DockerCompose

    with DockerCompose(ROOT, build=True, wait=True), urllib.request.urlopen(READY, timeout=10) as answer:
        assert answer.status == 200
