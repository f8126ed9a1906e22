import logging

import msgspec
import pytest

from monitor import logs


@pytest.fixture
def _restored() -> object:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before[0], before[1]


@pytest.mark.usefixtures("_restored")
@pytest.mark.parametrize("form", ["text", "json"])
def test_hostile_text_stays_on_its_line_and_steers_no_terminal(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("json" if form == "json" else "text", "info")
    hostile = "x\x1b[2J\r\nERROR forged line\u202e\x00"
    logging.getLogger("t").warning("bad: %s", hostile, extra={"offset": 3, "title": hostile})
    out = capsys.readouterr().err
    assert out.count("\n") == 1
    assert all(each.isprintable() for each in out.rstrip("\n")) or form == "json"
    assert "\x1b" not in out
    if form == "json":
        assert msgspec.json.decode(out)["offset"] == 3
    else:
        assert "offset=3" in out
