"""Whether the broker answers, asked steadily by a connection of its own.

Owns one small request every few seconds; it knows no role, and says what it learns to one caller.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from monitor.errors import StreamError
from monitor.settings import Settings
from monitor.streams.clients import admin, started
from monitor.streams.failures import reason
from monitor.streams.spec import stream_name

log = logging.getLogger(__name__)
# An outage is told within the sum of both.
_ASK_SECONDS = 2.0
_ANSWER_SECONDS = 5.0


async def ask_broker(settings: Settings, tell: Callable[[str | None], None]) -> None:
    """Ask for ever whether the broker answers.

    `tell` is given None after each answer, and why there was none after each failure.
    """
    clock = asyncio.get_running_loop().time
    away_since: float | None = None

    async def ask(client: AIOKafkaAdminClient) -> None:
        async with asyncio.timeout(_ANSWER_SECONDS):
            await client.describe_topics([stream_name(settings, "news")])

    while True:
        try:
            # After a failure with a new connection: the old one may wait for what never comes.
            async with started(admin(settings), settings) as client:
                while True:
                    await ask(client)
                    if away_since is not None:
                        log.warning("the broker answers again after %.0f s", clock() - away_since)
                        away_since = None
                    tell(None)
                    await asyncio.sleep(_ASK_SECONDS)
        except (KafkaError, StreamError, OSError) as error:
            where = settings.kafka.bootstrap_servers
            trouble = f"the broker at {where} does not answer ({reason(error)})"
            if isinstance(error, StreamError):
                trouble = str(error)
            if away_since is None:
                away_since = clock()
                log.warning("%s; waiting for it", trouble)
            tell(trouble)
            await asyncio.sleep(_ASK_SECONDS)
