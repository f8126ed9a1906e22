"""One receiver's HTTP client: a single try at a time, and the tries until a notification ends.

Owns connections, time-outs and what is logged of a receiver's failures. It decides nothing
(see `retry`) and knows no Kafka. No log line holds a URL's path, a secret or the answer's text.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp

from monitor import metrics
from monitor.delivery.receivers import WebhookTarget, redact
from monitor.delivery.retry import (
    Again,
    Answer,
    Attempt,
    Done,
    Failure,
    GiveUp,
    Policy,
    decide,
    retry_after,
)
from monitor.delivery.webhook import headers
from monitor.settings import NotifySettings

_log = logging.getLogger(__name__)
_MAX_ANSWER_BYTES = 65_536
_ANSWER_PATIENCE_SECONDS = 1.0
_CONNECTIONS = 16


@dataclass(frozen=True)
class Ended:
    """How a notification ended; `reason` is a name, `detail` the last failure in words."""

    delivered: bool
    attempts: int
    reason: str
    detail: str = ""


class Sender:
    """Posts signed bodies to one receiver. Made by `sending`, which closes its connections."""

    def __init__(
        self, target: WebhookTarget, settings: NotifySettings, session: aiohttp.ClientSession
    ) -> None:
        self._target = target
        self._timeout = settings.timeout_seconds
        self._policy = Policy(
            settings.backoff_seconds, settings.max_backoff_seconds, settings.give_up_after_seconds
        )
        self._session = session
        self._last_failure = ""

    def go_to(self, target: WebhookTarget) -> None:
        """Post to another URL, or with another secret, from the next try on."""
        self._target = target

    async def deliver(self, identity: str, body: bytes, closing: asyncio.Event) -> Ended | None:
        """Try until the notification is delivered or given up.

        A try under way when `closing` is set is finished; none begins after it.

        Returns:
            How it ended, or None when `closing` was set first.
        """
        loop = asyncio.get_running_loop()
        began, attempts = loop.time(), 0
        while not closing.is_set():
            left = self._policy.give_up_after - (loop.time() - began)
            attempt = await self.post(identity, body, min(self._timeout, max(left, 0.001)))
            attempts += 1
            decision = decide(
                self._policy,
                attempt,
                attempts=attempts,
                elapsed=loop.time() - began,
                draw=random.random(),
            )
            self._note(attempt, decision)
            match decision:
                case Done():
                    return Ended(True, attempts, decision.reason)
                case GiveUp():
                    return Ended(False, attempts, decision.reason, str(attempt))
                case Again():
                    await _wait(closing, decision.wait)
        return None

    async def post(self, identity: str, body: bytes, timeout_seconds: float) -> Attempt:
        """Make one try: sign now, post, read the answer's status. Redirects are not followed."""
        metrics.notification_attempts_total.labels(self._target.name).inc()
        now = dt.datetime.now(dt.UTC)
        signed = headers(self._target.secret, identity, body, now)
        try:
            async with asyncio.timeout(timeout_seconds):
                answer = await self._session.post(
                    self._target.url, data=body, headers=signed, allow_redirects=False
                )
        except TimeoutError:
            return Failure("timeout", f"no answer in {timeout_seconds:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Failure("connection", _in_words(error))
        await _finish(answer)
        return Answer(answer.status, retry_after(answer.headers.get("retry-after"), now))

    def _note(self, attempt: Attempt, decision: Done | Again | GiveUp) -> None:
        """Log a failure that will be tried again, unless it is the one that was logged last.

        What is given up is for the caller to log, once for each notification.
        """
        failure = "" if isinstance(decision, Done) else f"{decision.reason}, {attempt}"
        if failure == self._last_failure:
            return
        self._last_failure = failure
        where = {"receiver": self._target.name, "url": redact(self._target.url)}
        if not failure:
            _log.info("receiver %(receiver)s accepts again", where, extra=where)
        elif isinstance(decision, Again):
            _log.warning(
                "receiver %(receiver)s at %(url)s failed (%(failure)s); will be tried again",
                where | {"failure": failure},
                extra=where,
            )


@contextlib.asynccontextmanager
async def sending(target: WebhookTarget, settings: NotifySettings) -> AsyncIterator[Sender]:
    """Open a receiver's connection pool; its connections are closed at the end."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
        # The whole try has one time-out, set in `post`.
        timeout=aiohttp.ClientTimeout(total=None),
        # What a receiver sends back is never kept or unpacked.
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers={"user-agent": "newsurge"},
    ) as session:
        yield Sender(target, settings, session)


async def _finish(answer: aiohttp.ClientResponse) -> None:
    """Read the little that is left of an answer, so that its connection can be used again.

    The status has come, so that nothing which goes wrong here changes how the try ended. What is
    long or slow costs the connection instead.
    """
    try:
        async with asyncio.timeout(_ANSWER_PATIENCE_SECONDS):
            left = _MAX_ANSWER_BYTES
            while left > 0 and (chunk := await answer.content.read(left)):
                left -= len(chunk)
    except (TimeoutError, aiohttp.ClientError, OSError):
        answer.close()
        return
    if answer.content.at_eof():
        answer.release()
    else:
        answer.close()


async def _wait(closing: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until `closing` is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await closing.wait()


def _in_words(error: Exception) -> str:
    """A network failure without the URL, which many of aiohttp's messages hold."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its host name can't be resolved"
    if isinstance(error, aiohttp.ClientSSLError):
        return "its TLS certificate or handshake is refused"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"can't connect: {error.strerror or 'no reason given'}"
    return f"the connection failed ({type(error).__name__})"
