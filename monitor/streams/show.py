"""The stream specification for people: tables for the terminal, a document for programs.

Pure: it shows what `monitor.streams.spec` says and asks no broker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table

from monitor.settings import Settings
from monitor.streams.spec import Acl, acls, group_name, stream_specs

_DAY_MS = 86_400_000
_KIB = 1024


def streams_document(settings: Settings) -> dict[str, Any]:
    """The specification as JSON-ready data: `streams`, `acls` and `groups`."""
    return {
        "streams": [msgspec.to_builtins(spec) for spec in stream_specs(settings)],
        "acls": [msgspec.to_builtins(acl) for acl in acls(settings)],
        "groups": {
            "score": group_name(settings, "score"),
            "watch": group_name(settings, "watch"),
            "notify": group_name(settings, "notify", "<receiver>"),
        },
    }


def streams_tables(settings: Settings) -> RenderableType:
    """The specification as two tables: the streams, and who needs which ACL."""
    return Group(_streams_table(settings), "", _acls_table(settings))


def _streams_table(settings: Settings) -> Table:
    table = Table(title="Streams (Kafka topics)", title_justify="left")
    table.add_column("stream", no_wrap=True)
    table.add_column("partitions", justify="right")
    table.add_column("replicas", justify="right")
    for heading in ("kept", "largest batch", "stamped by", "holds"):
        table.add_column(heading)
    for spec in stream_specs(settings):
        table.add_row(
            spec.name,
            str(spec.partitions),
            "default" if spec.replication_factor < 0 else str(spec.replication_factor),
            _kept(spec.config),
            f"{int(spec.config['max.message.bytes']) / _KIB:,.0f} KiB",
            "broker"
            if spec.config.get("message.timestamp.type") == "LogAppendTime"
            else "producer",
            spec.purpose,
        )
    return table


def _acls_table(settings: Settings) -> Table:
    table = Table(
        title="ACLs; `create` is for whoever creates the streams, newsurge itself by default",
        title_justify="left",
    )
    for heading in ("who", "operation", "resource"):
        table.add_column(heading)
    table.add_column("names", overflow="fold")
    for (actor, operation, resource), found in _grouped(acls(settings)).items():
        names = ", ".join(
            f"{acl.name}*" if acl.pattern == "prefixed" else acl.name for acl in found
        )
        table.add_row(actor, operation, resource, names)
    return table


def _grouped(found: tuple[Acl, ...]) -> dict[tuple[str, str, str], list[Acl]]:
    groups: dict[tuple[str, str, str], list[Acl]] = {}
    for acl in found:
        groups.setdefault((acl.actor, acl.operation, acl.resource), []).append(acl)
    return groups


def _kept(config: Mapping[str, str]) -> str:
    if config["cleanup.policy"] == "compact":
        return "latest of each key"
    kept_ms = int(config["retention.ms"])
    return "for ever" if kept_ms < 0 else f"{kept_ms / _DAY_MS:g} days"
