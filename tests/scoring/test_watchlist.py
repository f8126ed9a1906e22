"""What is on a watchlist, what of it an item is about, and what is wrong with its file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import SettingsError
from monitor.records import NewsItem
from monitor.scoring.watchlist import COLUMNS, Watchlist, load_watchlist

EXAMPLE = Path(__file__).parents[2] / "examples" / "watchlist.csv"
HEADER = "key,name,aliases,group\n"


def write(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "watchlist.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def faults(tmp_path: Path, content: str | bytes) -> list[str]:
    with pytest.raises(SettingsError) as error:
        load_watchlist(write(tmp_path, content))
    return str(error.value).replace(str(tmp_path), "").splitlines()


def about(
    watchlist: Watchlist, title: str = "x", body: str | None = None, most: int = 8, *entities: str
) -> list[str]:
    return watchlist.match(NewsItem(id="n", title=title, body=body, entities=entities), most)


@pytest.fixture
def names(tmp_path: Path) -> Watchlist:
    rows = (
        "NGB,Northgate Bank,NGBK|Northgate,banks\nHRB,Harbour Re,,\nF,Farrow,,cars\nO,Oake,,banks"
    )
    return load_watchlist(write(tmp_path, HEADER + rows))


def test_keys_and_groups_are_in_the_order_of_the_file(names: Watchlist) -> None:
    assert names.keys == ("NGB", "HRB", "F", "O")
    assert names.groups == {"banks": ("NGB", "O"), "cars": ("F",)}


def test_an_item_is_about_those_among_its_entities_by_any_spelling(names: Watchlist) -> None:
    entities = ("northgate bank", "ngbk", "Unknown", "hrb", "f")
    assert about(names, "x", None, 8, *entities) == ["NGB", "HRB", "F"]
    assert about(names, "x", None, 8, "Shares of Northgate Bank") == []


def test_an_item_is_about_those_that_its_title_or_body_names(names: Watchlist) -> None:
    assert about(names, "Harbour Re sues Oake") == ["HRB", "O"]
    assert about(names, "Run on a bank", "Depositors of NORTHGATE queue. Oake is next.") == [
        "NGB", "O",
    ]  # fmt: skip
    assert about(names, "Ford F and O, the letters", "f o r") == []


@pytest.mark.parametrize(
    ("most", "found"),
    [
        (9, ["F", "HRB", "O", "NGB"]),
        (4, ["F", "HRB", "O", "NGB"]),
        (3, ["F", "HRB", "O"]),
        (2, ["F", "HRB"]),
        (1, ["F"]),
    ],
)
def test_entities_come_before_the_title_and_that_before_the_body(
    names: Watchlist, most: int, found: list[str]
) -> None:
    title, body = "Harbour Re and Oake, Oake again", "Northgate; Farrow; Oake; Harbour Re"
    assert about(names, title, body, most, "Farrow") == found


def test_who_is_named_only_far_down_in_a_body_is_not_what_it_is_about(names: Watchlist) -> None:
    assert about(names, "x", " " * 19_990 + "Oake and Farrow") == ["O"]


def test_without_a_file_nobody_is_watched() -> None:
    nobody = load_watchlist(None)
    assert (about(nobody, "NGB", None, 8, "NGB"), nobody.keys, nobody.groups) == ([], (), {})


def test_the_same_file_again_is_an_equal_watchlist(tmp_path: Path) -> None:
    again = load_watchlist(EXAMPLE)
    assert load_watchlist(EXAMPLE) == again
    text = EXAMPLE.read_text(encoding="utf-8")
    assert load_watchlist(write(tmp_path, "\ufeff" + text.replace("\n", "\r\n"))) == again
    assert load_watchlist(write(tmp_path, text.replace(",miners", ",mines"))) != again
    assert load_watchlist(write(tmp_path, text.replace("Oake NV", "Oake BV"))) != again


def test_columns_come_in_any_order_and_lines_may_be_blank_or_short(tmp_path: Path) -> None:
    text = 'name,key\n\n"Dunmore\nRe", DRE \n,\nOake,O\n'
    watchlist = load_watchlist(write(tmp_path, text))
    assert watchlist.keys == ("DRE", "O")
    assert about(watchlist, "Dunmore Re and Oake") == ["DRE", "O"]
    short = load_watchlist(write(tmp_path, HEADER + "O,Oake\nG,Glenrock,|Glen||\n"))
    assert about(short, "Glen, Oake") == ["G", "O"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", ":1: the first line names the columns, and lacks key and name; write key,name,alia"),
        ("key\nA\n", ":1: the first line names the columns, and lacks name;"),
        ("key,name,alias\nA,Aa,\n", ":1: alias: there is no such column; did you mean aliases?"),
        ("key,name,x\nA,Aa,\n", ":1: x: there is no such column; the columns are key, name, "),
        ("key;name\nA;Aa\n", ":1: key;name: there is no such column; separate columns by commas"),
        ("key,name,name\n", ":1: name: is given twice; leave one"),
        (HEADER + "A,\n", ":2: name: is empty; write the name as news writes it"),
        (HEADER + "A,\u200b\n", ":2: name: is empty"),
        (HEADER + ",Aa\n", ":2: key: is empty; give the name its key"),
        (HEADER + "A\u200b,Aa\n", ":2: key: 'A\\u200b' holds an invisible character; type it anew"),
        (HEADER + "A,Aa\nB,Bb\nA,Cc\n", ":4: key: 'A' has line 2 already; put its other names"),
        (HEADER + "A,One,same\nB,Two,Same\n", ":3: aliases: 'Same' stands for 'A' on line 2, and"),
        (HEADER + "A,One\nB,Ｏｎｅ\n", ":3: name: 'Ｏｎｅ' stands for 'A'"),  # noqa: RUF001
        (HEADER + "A,One,Bb\nBB,Two\n", ":3: key: 'BB' stands for 'A' on line 2"),
        (HEADER + "A,F\n", ":2: name: 'F' would be found in too many texts; write a name of two"),
        (HEADER + "A,Aa,岸\n", ":2: aliases: '岸' would be found in too many texts"),
        (HEADER + "A,Aa,360\n", ":2: aliases: '360' would be found in too many texts"),
        (HEADER + "A,Aa,,b,c\n", ":2: has 5 cells, and the first line names 4 columns; put a"),
        (HEADER + "A,Aa,,banks\nB,Bb,,Banks\n", ":3: group: 'Banks' is 'banks' on line 2; write"),
        (HEADER + 'A,Aa\nB,"Bb\nC,Cc\n', ":3: is not valid CSV (unexpected end of data); look at"),
        ((HEADER + "A,Aa\nB,Bé\n").encode("latin-1"), ":3: is not UTF-8 at its byte 4 (0xe9); "),
        ((HEADER + "A,Aa\n").encode("utf-16"), ":1: is not UTF-8 at its byte 1 (0xff); save the"),
    ],
)  # fmt: skip
def test_a_fault_has_its_place_and_says_how_to_mend_it(
    tmp_path: Path, content: str | bytes, says: str
) -> None:
    [fault] = faults(tmp_path, content)
    assert fault.startswith(f"/watchlist.csv{says}")


def test_all_faults_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    content = HEADER + "A,One,Bb|F\nBB,,,\nA,Two\n,Three\n\nC,Four,one|One\n"
    assert [line.split(": ")[0:2] for line in faults(tmp_path, content)] == [
        ["/watchlist.csv:2", "aliases"],
        ["/watchlist.csv:3", "key"],
        ["/watchlist.csv:3", "name"],
        ["/watchlist.csv:4", "key"],
        ["/watchlist.csv:5", "key"],
        ["/watchlist.csv:7", "aliases"],
        ["/watchlist.csv:7", "aliases"],
    ]


def test_a_flood_of_faults_is_cut_and_counted(tmp_path: Path) -> None:
    told = faults(tmp_path, HEADER + "".join(f"K{i},\n" for i in range(130)))
    assert len(told) == 101
    assert told[-1] == "/watchlist.csv: and 30 more faults"


def test_a_missing_watchlist_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"No such file.*score\.watchlist"):
        load_watchlist(tmp_path / "none.csv")


CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(COLUMNS)


@given(st.lists(st.lists(CELLS, max_size=5).map(",".join), max_size=6).map("\n".join))
def test_any_text_is_a_watchlist_or_is_told_what_it_is_not(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(HEADER + text, encoding="utf-8")
    told = ""
    try:
        watchlist = load_watchlist(path)
    except SettingsError as error:
        watchlist, told = Watchlist({}), str(error)
    assert all(line.startswith(f"{path}:") for line in told.splitlines())
    for spelling, key in watchlist.spellings.items():
        assert about(watchlist, "x", None, 8, spelling) == [key]
