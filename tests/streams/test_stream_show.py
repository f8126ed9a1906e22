"""What `newsurge streams` prints is complete and can be read."""

import msgspec
from rich.console import Console

from monitor.settings import Settings
from monitor.streams.show import streams_document, streams_tables
from monitor.streams.spec import acls, stream_specs

SETTINGS = Settings(streams={"prefix": "desk.", "alerts_retention_days": 90})


def test_the_document_holds_the_whole_specification():
    document = msgspec.json.decode(msgspec.json.encode(streams_document(SETTINGS)))

    assert [each["name"] for each in document["streams"]] == [
        spec.name for spec in stream_specs(SETTINGS)
    ]
    assert document["streams"][0]["config"]["max.message.bytes"] == "1048588"
    assert len(document["acls"]) == len(acls(SETTINGS))
    assert document["groups"]["notify"] == "desk.notify.<receiver>"


def test_the_tables_show_every_stream_and_permission():
    console = Console(width=160, record=True, quiet=True)
    with console.capture() as captured:
        console.quiet = False
        console.print(streams_tables(SETTINGS))
    text = captured.get()

    for spec in stream_specs(SETTINGS):
        assert spec.name in text
    assert "90 days" in text
    assert "latest of each key" in text
    assert "desk.notify.*" in text
