"""Which failures pass by themselves, and which a user must mend."""

import pytest
from aiokafka.errors import (
    CommitFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    NodeNotReadyError,
    ProducerFenced,
    RequestTimedOutError,
)

from monitor.errors import BrokerAwayError, SettingsError, StreamError
from monitor.settings import KafkaSettings
from monitor.streams.failures import explained, passing


def caused_by(cause: Exception) -> KafkaError:
    """What aiokafka raises when one of its background tasks failed."""
    error = KafkaError("Unexpected error during coordination")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (KafkaConnectionError("closed"), "broker"),
        (NodeNotReadyError("node 1"), "broker"),
        (RequestTimedOutError(), "broker"),
        (TimeoutError(), "broker"),
        (ConnectionResetError(), "broker"),
        (BrokerAwayError("no broker answers"), "broker"),
        (CommitFailedError("rebalanced"), "fenced"),
        (ProducerFenced(), "fenced"),
        (caused_by(AssertionError()), "client"),
        (caused_by(KafkaConnectionError("closed")), "client"),
        (caused_by(GroupAuthorizationFailedError("group")), None),
        (GroupAuthorizationFailedError("group"), None),
        (MessageSizeTooLargeError(), None),
        (StreamError("stream news does not exist"), None),
        (SettingsError("kafka.sasl_password_file can't be read"), None),
        (FileNotFoundError("alerts.yaml"), None),
        (AssertionError(), None),
        (ExceptionGroup("steps", [RequestTimedOutError(), ProducerFenced()]), "broker"),
        (ExceptionGroup("steps", [RequestTimedOutError(), KeyError("a bug")]), None),
    ],
)
def test_what_passes_is_told_from_what_must_be_mended(error: Exception, kind: str | None) -> None:
    assert passing(error) == kind


@pytest.mark.parametrize(
    ("cause", "passes"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "broker"),
        (RequestTimedOutError(), "broker"),
        (GroupAuthorizationFailedError("group"), None),
    ],
)
def test_a_client_that_does_not_start_passes_unless_the_broker_refused_it(
    cause: Exception, passes: str | None
) -> None:
    assert passing(explained(KafkaSettings(), [cause])) == passes
