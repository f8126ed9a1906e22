"""What `newsurge streams` prints is complete and can be read."""

import msgspec
from rich.console import Console

from monitor.settings import Settings
from monitor.streams.show import as_json, as_tables
from monitor.streams.spec import acls, stream_specs

SETTINGS = Settings(streams={"prefix": "desk."})


def test_the_document_holds_the_whole_specification() -> None:
    document = msgspec.json.decode(as_json(SETTINGS))

    assert document["streams"] == [msgspec.to_builtins(spec) for spec in stream_specs(SETTINGS)]
    assert document["acls"] == [msgspec.to_builtins(acl) for acl in acls(SETTINGS)]


def test_the_tables_show_every_stream_its_configuration_and_permission() -> None:
    console = Console(width=160)
    with console.capture() as captured:
        console.print(*as_tables(SETTINGS), sep="\n")
    text = captured.get()

    for spec in stream_specs(SETTINGS):
        assert spec.name in text
        for name, value in spec.config.items():
            assert f"{name}={value}" in text
    for acl in acls(SETTINGS):
        assert acl.name in text
