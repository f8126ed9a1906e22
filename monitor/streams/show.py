"""The stream specification for people and for machines; prints nothing itself."""

from __future__ import annotations

from typing import Any

import msgspec
from rich.table import Table

from monitor.settings import Settings
from monitor.streams.spec import acls, stream_specs


def as_json(settings: Settings) -> str:
    """The specification with the ACLs as JSON."""
    content: dict[str, Any] = {"streams": stream_specs(settings), "acls": acls(settings)}
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode()


def as_tables(settings: Settings) -> list[Table]:
    """A table of the streams, and one of the ACLs that each role needs."""
    streams = Table("stream", "partitions", "replication", title="Streams")
    streams.add_column("configuration", overflow="fold")
    for spec in stream_specs(settings):
        config = "\n".join(f"{name}={value}" for name, value in sorted(spec.config.items()))
        replication = str(spec.replication_factor) if spec.replication_factor > 0 else "default"
        streams.add_row(spec.name, str(spec.partitions), replication, config)
    rights = Table("role", "operation", "resource", "pattern", "name", title="ACLs")
    for acl in acls(settings):
        rights.add_row(acl.actor, acl.operation, acl.resource, acl.pattern, acl.name)
    return [streams, rights]
