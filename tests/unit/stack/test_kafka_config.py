"""What a broker is told."""

from hub.stack.kafka_config import ADMIN, Node, render, server_properties

ONE = [Node(1, 5001, 5002)]
THREE = [Node(number, 5000 + number, 6000 + number) for number in (1, 2, 3)]


def told(nodes: list[Node], at: int = 0) -> dict[str, str]:
    return server_properties(nodes[at], nodes, data="/d", admin_password="A" * 8, controller_password="C" * 8)


def test_nobody_gets_in_without_an_account_when_a_broker_starts() -> None:
    properties = told(ONE)
    assert properties["allow.everyone.if.no.acl.found"] == "false"
    assert properties["super.users"] == f"User:{ADMIN}"
    assert (
        properties["listener.security.protocol.map"]
        == "CONTROLLER:SASL_PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT"
    )
    assert "PLAINTEXT://" not in properties["listeners"].replace("SASL_PLAINTEXT://", "")
    assert properties["auto.create.topics.enable"] == "false"


def test_it_listens_on_loopback_alone_when_it_is_ours() -> None:
    addresses = told(ONE)["listeners"].split(",")
    assert len(addresses) == 2
    assert [address for address in addresses if "//127.0.0.1:" not in address] == []


def test_two_of_three_hold_what_is_acknowledged_when_there_are_three() -> None:
    properties = told(THREE)
    assert (properties["default.replication.factor"], properties["min.insync.replicas"]) == ("3", "2")
    assert properties["transaction.state.log.min.isr"] == "2"
    assert told(ONE)["min.insync.replicas"] == "1"


def test_brokers_agree_on_the_voters_when_there_are_three() -> None:
    voters = {told(THREE, at)["controller.quorum.voters"] for at in range(3)}
    assert voters == {"1@127.0.0.1:6001,2@127.0.0.1:6002,3@127.0.0.1:6003"}
    assert [told(THREE, at)["node.id"] for at in range(3)] == ["1", "2", "3"]


def test_a_file_says_all_of_it_when_rendered() -> None:
    properties = told(ONE)
    assert dict(line.split("=", 1) for line in render(properties).splitlines()) == properties
