"""Why a client could not start, in one line that a user can act on.

aiokafka logs the cause of a failed connection and raises only that it failed; this reads both.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    BrokerResponseError,
    CommitFailedError,
    IllegalGenerationError,
    IllegalSaslStateError,
    IllegalStateError,
    InvalidProducerEpoch,
    KafkaError,
    KafkaTimeoutError,
    KafkaUnavailableError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    RebalanceInProgressError,
    SaslAuthenticationFailed,
    UnknownMemberIdError,
    UnknownProducerId,
    UnsupportedSaslMechanismError,
)

from monitor.errors import BrokerAwayError, StreamError
from monitor.settings import KafkaSettings

_AUTHENTICATION = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

# The broker has forgotten this member or producer, or has given its work to another.
_FENCED = (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    InvalidProducerEpoch,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    RebalanceInProgressError,
    UnknownMemberIdError,
    UnknownProducerId,
)
_AWAY = (BrokerAwayError, KafkaTimeoutError, KafkaUnavailableError, ConnectionError, TimeoutError)


def passing(error: BaseException) -> str | None:
    """Why something may be tried again after this error, with new clients.

    Returns:
        `broker` where it does not answer or is not ready, `fenced` where it has moved on without
        this member, `client` where aiokafka's own tasks failed; None for whatever a user or a
        developer must mend. Of a group of errors each must pass, and the first decides.
    """
    if isinstance(error, BaseExceptionGroup):
        kinds = [passing(each) for each in error.exceptions]
        return kinds[0] if all(kinds) else None
    if isinstance(error, _FENCED):
        return "fenced"
    if isinstance(error, _AWAY) or (isinstance(error, KafkaError) and error.retriable):
        return "broker"
    if type(error) is KafkaError:
        # So it tells that a background task of a client failed; what of is its cause.
        cause = error.__cause__
        refused = isinstance(cause, KafkaError) and passing(cause) is None
        return None if refused else "client"
    return None


def first_cause(error: BaseException) -> BaseException:
    """The first error inside a group of them, which is what a user can act on."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def explained(kafka: KafkaSettings, causes: list[BaseException]) -> StreamError:
    """One line for a client that did not start: what was wrong, where, how to mend it.

    `causes` are the exceptions that were logged or raised, the first of them first; not empty.
    """
    where = kafka.bootstrap_servers
    refused = next((cause for cause in causes if isinstance(cause, _AUTHENTICATION)), None)
    if refused is not None:
        return StreamError(
            f"broker {where} refused the credentials of user {kafka.sasl_username!r} "
            f"({kafka.security_protocol}, {kafka.sasl_mechanism}: {reason(refused)}); check "
            "kafka.sasl_username, sasl_password and sasl_mechanism"
        )
    broken = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if broken is not None:
        return StreamError(
            f"no TLS connection to broker {where} ({reason(broken)}); check kafka.ssl_cafile "
            f"and kafka.security_protocol ({kafka.security_protocol})"
        )
    answers = (cause for cause in causes if isinstance(cause, BrokerResponseError))
    answered = next((cause for cause in answers if not cause.retriable), None)
    if answered is not None:
        return StreamError(
            f"the broker at {where} refused to take up work ({reason(answered)}); if it has no "
            "idempotent producers, turn kafka.idempotence off (NEWSURGE_KAFKA__IDEMPOTENCE)"
        )
    return BrokerAwayError(
        f"no Kafka broker answers at {where} ({reason(causes[0])}); start one, or set "
        "kafka.bootstrap_servers (NEWSURGE_KAFKA__BOOTSTRAP_SERVERS) and "
        f"kafka.security_protocol ({kafka.security_protocol}) to yours"
    )


def reason(error: BaseException) -> str:
    """An exception in a few words on one line."""
    if isinstance(error, TimeoutError):
        return "timed out"
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(words).split())


class _Causes(logging.Handler):
    """Keeps the exceptions that aiokafka only logs, such as why a bootstrap address failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.causes: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        self.causes.extend(each for each in arguments if isinstance(each, BaseException))


@contextmanager
def client_logs_held() -> Iterator[list[BaseException]]:
    """Keep aiokafka's warnings back while a client starts or streams appear.

    What matters is said in one line by whoever asks. Gives the exceptions that were logged,
    which tell why aiokafka then raised only that it could not connect.
    """
    logger = logging.getLogger("aiokafka")
    handler = _Causes()
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield handler.causes
    finally:
        logger.removeHandler(handler)
        logger.propagate = not any(isinstance(each, _Causes) for each in logger.handlers)
