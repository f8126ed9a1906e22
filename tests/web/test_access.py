"""The token, its cookie, and guesses."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import SettingsError
from monitor.settings import HttpSettings, load_settings
from monitor.web.access import LASTS_SECONDS, Guesses, Token, token_of

TOKEN = "correct horse battery"
NOW = 1_800_000_000.0


def test_a_cookie_is_taken_by_every_process_that_has_the_token_until_it_ends() -> None:
    cookie = Token(TOKEN).cookie(NOW)
    assert TOKEN not in cookie
    assert Token(TOKEN).admits(cookie, NOW + LASTS_SECONDS - 1)
    assert not Token(TOKEN).admits(cookie, NOW + LASTS_SECONDS)
    assert not Token(f"{TOKEN}.").admits(cookie, NOW)


@given(st.text(max_size=100))
def test_no_other_cookie_is_taken(cookie: str) -> None:
    assert not Token(TOKEN).admits(cookie, NOW)


def test_a_cookie_can_not_be_made_to_last() -> None:
    until, _, signature = Token(TOKEN).cookie(NOW).partition(".")
    assert not Token(TOKEN).admits(f"{int(until) + 1}.{signature}", NOW)


@given(st.text(max_size=100))
def test_only_the_token_is_the_token(guess: str) -> None:
    assert Token(TOKEN).is_it(TOKEN)
    assert Token(TOKEN).is_it(guess) == (guess == TOKEN)


def test_who_guesses_wrong_too_often_waits_and_nobody_else() -> None:
    guesses = Guesses()
    for at in range(9):
        guesses.note_wrong("mallory", at)
    assert not guesses.must_wait("mallory", 9)
    guesses.note_wrong("mallory", 9)
    assert guesses.must_wait("mallory", 10)
    assert not guesses.must_wait("ada", 10)
    assert not guesses.must_wait("mallory", 60)
    guesses.note_wrong("mallory", 60)
    assert guesses.must_wait("mallory", 60.5), "it is ten within any minute"


def test_what_is_remembered_of_guesses_is_bounded() -> None:
    guesses = Guesses()
    for peer in range(5_000):
        guesses.note_wrong(str(peer), 0)
    assert len(guesses._wrong) <= 1_000


def test_the_token_of_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    for settings in (HttpSettings(token=TOKEN), HttpSettings(token_file=file)):
        token = token_of(settings)
        assert token is not None
        assert token.is_it(TOKEN)
    assert token_of(HttpSettings()) is None


def test_a_token_file_that_can_not_be_used_is_said(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(SettingsError, match=r"http\.token_file .*missing can't be read"):
        token_of(HttpSettings(token_file=missing))
    short = tmp_path / "short"
    short.write_text("hunter2\n")
    with pytest.raises(SettingsError, match="too short") as caught:
        token_of(HttpSettings(token_file=short))
    assert "hunter2" not in str(caught.value)


def test_a_token_that_is_short_or_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSURGE_HTTP__TOKEN", "hunter2")
    with pytest.raises(SettingsError, match=r"http\.token") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("NEWSURGE_HTTP__TOKEN", TOKEN)
    assert TOKEN not in repr(load_settings())
    with pytest.raises(SettingsError, match="one of token and token_file"):
        load_settings(flags={"http": {"token_file": "f"}})
