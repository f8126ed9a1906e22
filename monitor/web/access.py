"""Who may see the live page: a token, given once for a cookie that is signed with it.

Owns the token, what a cookie must be, and how often one may guess. It knows nothing of HTTP. The
cookie holds when it ends and a signature, never the token, so any process of a deployment that has
the token takes it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import deque

from pydantic import SecretStr

from monitor.errors import SettingsError
from monitor.settings import HttpSettings
from monitor.streams.failures import reason

LASTS_SECONDS = 30 * 86_400
_PURPOSE = b"newsurge live page until "
_GUESSES = 10
_GUESSES_SECONDS = 60.0
_PEERS = 1_000


class Token:
    """The token of a deployment."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def is_it(self, guess: str) -> bool:
        """Whether a guess is right, in a time that does not tell how wrong it is."""
        return hmac.compare_digest(_digest(guess.encode()), _digest(self._token))

    def cookie(self, now_seconds: float) -> str:
        """A cookie that is good from now on for `LASTS_SECONDS`."""
        until = str(round(now_seconds) + LASTS_SECONDS)
        return f"{until}.{self._signature(until)}"

    def admits(self, cookie: str, now_seconds: float) -> bool:
        """Whether a cookie was made with this token, and is good still."""
        until, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(until).encode()):
            return False
        return until.isdecimal() and now_seconds < int(until)

    def _signature(self, until: str) -> str:
        return hmac.new(self._token, _PURPOSE + until.encode(), hashlib.sha256).hexdigest()


class Guesses:
    """How often who guessed wrong lately. Told the time in seconds, of any clock."""

    def __init__(self) -> None:
        self._wrong: dict[str, deque[float]] = {}

    def note_wrong(self, peer: str, now: float) -> None:
        """Take note of a wrong guess."""
        times = self._wrong.pop(peer, None) or deque(maxlen=_GUESSES)
        times.append(now)
        self._wrong[peer] = times
        if len(self._wrong) > _PEERS:
            del self._wrong[next(iter(self._wrong))]

    def must_wait(self, peer: str, now: float) -> bool:
        """Whether there were so many that no other is looked at now."""
        times = self._wrong.get(peer)
        return times is not None and len(times) == _GUESSES and now - times[0] < _GUESSES_SECONDS


def token_of(settings: HttpSettings) -> Token | None:
    """The token that the settings name, None where they name none.

    Raises:
        SettingsError: when its file can't be read, or holds too short a one.
    """
    if settings.token is not None:
        return Token(settings.token.get_secret_value())
    path = settings.token_file
    if path is None:
        return None
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"http.token_file {path} can't be read ({reason(error)}); check its path and "
            "permissions"
        ) from error
    try:
        HttpSettings(token=SecretStr(token))
    except ValueError:
        raise SettingsError(
            f"the token in http.token_file {path} is too short to be safe; make one with "
            "`openssl rand -hex 32`"
        ) from None
    return Token(token)


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()
