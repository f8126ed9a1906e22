"""A Kafka node of a benchmark's own, on one port and one directory, that can be restarted."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from monitor.children import free_port

_LOCAL = Path(__file__).resolve().parent.parent / "deploy" / "kafka" / "local.py"


class OwnKafka:
    """A node; needs Java and Maven (see deploy/kafka)."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._port = free_port()
        self._local = _module()
        self._running = contextlib.AsyncExitStack()

    async def start(self) -> str:
        """Start it; gives its address."""
        node = self._local.local_kafka(self._data, self._port)
        address: str = await self._running.enter_async_context(node)
        return address

    async def stop(self) -> None:
        """Stop it; what it holds stays in the directory."""
        await self._running.aclose()

    async def restart(self) -> None:
        """Stop it and start it again on the same port."""
        await self.stop()
        await self.start()


def _module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("deploy_kafka_local", _LOCAL)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{_LOCAL} is missing: run this from a checkout")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
