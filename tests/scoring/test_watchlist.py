from pathlib import Path

import pytest

from monitor.errors import SettingsError
from monitor.scoring.watchlist import load_watchlist


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "watchlist.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_item_is_about_those_it_names_by_any_spelling_once_and_capped(tmp_path: Path) -> None:
    names = load_watchlist(
        write(tmp_path, "key,name,aliases\nNGB,Northgate Bank,NGBK|Northgate\nHRB,Harbour Re,\n")
    )
    assert names.keys == ("NGB", "HRB")
    assert names.match(["northgate bank", "NGBK", "Unknown", "hrb"], most=8) == ["NGB", "HRB"]
    assert names.match(["hrb", "NGB"], most=1) == ["HRB"]


def test_without_a_file_nobody_is_watched() -> None:
    assert load_watchlist(None).match(["NGB"], most=8) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ticker,name\nNGB,x\n", "at least 'key'"),
        ("key,name\n,x\n", "line 2: the key is empty"),
        ("key,name,aliases\nA,One,same\nB,Two,Same\n", "line 3: 'same' already stands for 'A'"),
    ],
)
def test_a_broken_watchlist_says_what_and_where(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        load_watchlist(write(tmp_path, text))


def test_a_missing_watchlist_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"score\.watchlist"):
        load_watchlist(tmp_path / "none.csv")
