"""When rules are read again, what is told of it, and that nothing is half taken over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from monitor import metrics
from monitor.deployment_files import Deployed, Reading, Seen, Sighting, read_files, sight
from monitor.errors import RulesError
from monitor.reloading import Changes, Reloading
from monitor.settings import Settings

RULES = "rules: [{alert: One, type: absent, by: all, window: 1h}]\n"
SECRET = "whsec_bmV3c3VyZ2UtdGVzdC1zZWNyZXQtMDEyMzQ1Njc4OTA="
A, B = Path("alerts.yaml"), Path("names.csv")


def seen(a: str | None = "1", b: str | None = "1", modified: int = 0) -> Seen:
    found = {A: a, B: b}
    return {f: None if d is None else Sighting(modified, 1, d) for f, d in found.items()}


class TestChanges:
    def test_files_that_are_as_they_were_are_not_read(self) -> None:
        changes = Changes(seen())
        assert [changes.look(seen(), now) for now in (0, 5, 9)] == [False] * 3

    def test_nor_are_those_that_were_only_touched(self) -> None:
        changes = Changes(seen())
        assert not changes.look(seen(modified=7), 5)
        assert not changes.look(seen(modified=7), 9)

    def test_one_that_changed_is_read_once_it_has_come_to_rest(self) -> None:
        changes = Changes(seen(), rest_seconds=2)
        assert not changes.look(seen("half"), 10)
        assert not changes.look(seen("whole"), 11)
        assert not changes.look(seen("whole"), 12.5)
        assert changes.look(seen("whole"), 13)

    def test_one_that_is_gone_and_comes_back_as_it_was_is_not_read(self) -> None:
        changes = Changes(seen(), rest_seconds=2)
        assert not changes.look(seen(None), 10)
        assert not changes.look(seen(), 11)
        assert not changes.look(seen(), 20)

    def test_what_was_read_in_vain_is_read_again_when_it_changes(self) -> None:
        changes = Changes(seen(), rest_seconds=1)
        changes.look(seen("broken"), 10)
        assert changes.look(seen("broken"), 11)
        changes.note_read(seen("broken"))
        assert not changes.look(seen("broken"), 60)
        changes.look(seen("mended"), 61)
        assert changes.look(seen("mended"), 62)


class Desk:
    """Files on disk, and the role that follows them."""

    def __init__(self, directory: Path) -> None:
        self.rules, self.names = directory / "alerts.yaml", directory / "names.csv"
        self.secret = directory / "secret.txt"
        self.rules.write_text(RULES)
        self.names.write_text("key,name\nHLDN,Halden\n")
        self.settings = Settings(rules=self.rules, score={"watchlist": self.names})
        self.adopted: list[Deployed] = []
        self.asked = asyncio.Event()
        self.read: Callable[[], Reading] = lambda: read_files(self.settings, {})

    def _read(self) -> Reading:
        return self.read()

    def with_receiver(self) -> None:
        webhook = "{url: http://127.0.0.1:9/, secret_file: secret.txt}"
        self.rules.write_text(f"receivers: [{{name: desk, webhook: {webhook}}}]\n{RULES}")

    @asynccontextmanager
    async def reloading(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        role = Reloading(self._read, self.adopted.append, self.read(), self.asked)
        running = asyncio.create_task(role.run(stop))
        yield
        stop.set()
        await running

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while True:
                if condition():
                    return
                await asyncio.sleep(0.05)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def reloads(outcome: str) -> float:
    return float(metrics.rules_reloads_total.labels(outcome)._value.get())


def success() -> float:
    return float(metrics.rules_reload_success._value.get())


async def test_a_change_is_adopted_whichever_file_it_is_in(desk: Desk) -> None:
    desk.with_receiver()
    desk.secret.write_text(SECRET)
    async with desk.reloading():
        assert success() == 1
        desk.names.write_text("key,name\nHLDN,Halden\nOKE,Oake\n")
        await desk.until(lambda: len(desk.adopted) == 1)
        desk.secret.write_text(SECRET.replace("bmV3", "b2xk"))
        await desk.until(lambda: len(desk.adopted) == 2)
    assert desk.adopted[0].watchlist.keys == ("HLDN", "OKE")
    assert [one.receivers[0].secret[6:10] for one in desk.adopted] == ["bmV3", "b2xk"]


async def test_asked_for_it_reads_files_that_have_not_changed(desk: Desk) -> None:
    async with desk.reloading():
        desk.asked.set()
        await desk.until(lambda: len(desk.adopted) == 1)


async def test_on_a_fault_nothing_is_adopted_and_every_fault_is_in_one_line(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    refused, adopted = reloads("refused"), reloads("adopted")
    async with desk.reloading():
        desk.names.write_text("name\nHalden\n")
        desk.with_receiver()
        await desk.until(lambda: reloads("refused") == refused + 1)
        assert success() == 0
        [line] = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
        assert "\n" not in line
        assert "names.csv:1: the first line names the columns, and lacks key" in line
        assert "receiver 'desk', secret_file" in line
        caplog.clear()
        # What is mended last is a file that the rules before did not name.
        desk.names.write_text("key,name\nHLDN,Halden\n")
        await desk.until(lambda: reloads("refused") == refused + 2)
        desk.secret.write_text(SECRET)
        await desk.until(lambda: reloads("adopted") == adopted + 1)
        assert success() == 1
    assert [one.rules.receivers[0].name for one in desk.adopted] == ["desk"]


async def test_a_defect_in_reading_is_told_and_what_is_in_force_stays(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    refused, read = reloads("refused"), desk.read

    def fail() -> Reading:
        raise RecursionError

    async with desk.reloading():
        desk.read = fail
        desk.asked.set()
        await desk.until(lambda: reloads("refused") == refused + 1)
        desk.read = read
        desk.asked.set()
        await desk.until(lambda: len(desk.adopted) == 1)
    assert "RecursionError" in caplog.text


def test_at_the_start_every_fault_is_raised(desk: Desk) -> None:
    desk.names.write_text("name\nHalden\n")
    desk.rules.write_text("rules: [{alert: One, type: absent, by: all, window: soon}]\n")
    with pytest.raises(RulesError, match=r"names\.csv[^$]*alerts\.yaml:1"):
        read_files(desk.settings, {}).check()


def test_a_file_is_read_for_its_digest_only_when_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text("a")
    first = sight([file])
    assert sight([file], first) == first
    file.write_text("bc")
    assert sight([file], first) != first
    assert sight([tmp_path / "none"]) == {tmp_path / "none": None}


def test_what_is_wrong_with_the_watchlist_is_no_fault_of_the_rules(desk: Desk) -> None:
    desk.names.write_text("name\nHalden\n")
    desk.rules.write_text(
        "rules: [{alert: One, type: absent, by: entity, window: 1h,\n"
        "  match: {key: HLDN, group: banks}}]\n"
    )
    (fault,) = read_files(desk.settings, {}).faults
    assert "names.csv" in str(fault)
