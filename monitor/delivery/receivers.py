"""Receivers as `alerts.yaml` names them, and where they really are.

Owns the shape of a receiver and the reading of its URL and secret from the environment or a
file. It sends nothing, and no message of it holds a secret or more of a URL than its host.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from monitor.delivery.grouping import GroupField, GroupPolicy
from monitor.errors import RulesError
from monitor.records import AlertEvent, Severity
from monitor.surge.rules import Duration

_ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)  # what Standard Webhooks asks of a symmetric secret
_MAX_FILE_BYTES = 4096
_HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_NUMERIC_HOST = re.compile(r".*:.*|(?:.*\.)?[0-9]+\.?")  # what must be an address, if anything
_LONGEST_GROUP_WAIT_MS = 3_600_000


def _as_list(value: object) -> object:
    """A word on its own is a list of one."""
    return [value] if isinstance(value, str) else value


GroupFields = Annotated[tuple[GroupField, ...], BeforeValidator(_as_list)]


class _Part(BaseModel):
    # An input can hold a token, and pydantic would print it beside the fault.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class WebhookConfig(_Part):
    """Where a webhook goes and which secret signs it, each given in exactly one way."""

    url: SecretStr | None = Field(None, description="http or https, without credentials.")
    url_env: str | None = Field(None, pattern=_ENV_NAME)
    url_file: Path | None = None
    secret_env: str | None = Field(None, pattern=_ENV_NAME)
    secret_file: Path | None = None

    @model_validator(mode="after")
    def _each_is_given_once(self) -> WebhookConfig:
        _exactly_one("url", {"url": self.url, "url_env": self.url_env, "url_file": self.url_file})
        _exactly_one("secret", {"secret_env": self.secret_env, "secret_file": self.secret_file})
        if self.url is not None:
            check_url(self.url.get_secret_value())
        return self


class Receiver(_Part):
    """One receiver of alerts, as written in `alerts.yaml`."""

    name: str = Field(pattern=r"^[a-z0-9_-]+$", max_length=64)
    severities: tuple[Severity, ...] = Field(
        (), description="The severities that it is told; by default all."
    )
    webhook: WebhookConfig
    group_wait: Duration = Field(0, le=_LONGEST_GROUP_WAIT_MS)
    group_by: GroupFields = ("rule",)
    max_alerts: int = Field(20, ge=1, le=200, description="Alerts of a group told in detail.")

    @property
    def grouping(self) -> GroupPolicy:
        """Which of its alerts become one notification."""
        return GroupPolicy(self.group_wait / 1000, self.group_by, self.max_alerts)


@dataclass(frozen=True)
class WebhookTarget:
    """A receiver with its URL and secret read; neither shows when it is printed."""

    name: str
    url: str
    secret: str
    severities: tuple[Severity, ...] = ()
    grouping: GroupPolicy = field(default_factory=GroupPolicy)

    def __repr__(self) -> str:
        return f"WebhookTarget(name={self.name!r}, url={redact(self.url)!r})"


def resolve(receiver: Receiver, environ: Mapping[str, str], base: Path = Path()) -> WebhookTarget:
    """Read a receiver's URL and secret from where they are kept.

    Args:
        receiver: the receiver as written in `alerts.yaml`.
        environ: the environment variables.
        base: the directory that relative file names start from, such as that of `alerts.yaml`.

    Raises:
        RulesError: when a variable is unset, a file can't be read, or what is found there is
            not a usable URL or secret.
    """
    webhook = receiver.webhook
    if webhook.url is not None:
        url = webhook.url.get_secret_value()
    else:
        where, url = _read(receiver.name, "url", webhook.url_env, webhook.url_file, environ, base)
        _must(receiver.name, where, check_url, url)
    where, secret = _read(
        receiver.name, "secret", webhook.secret_env, webhook.secret_file, environ, base
    )
    _must(receiver.name, where, check_secret, secret)
    return WebhookTarget(receiver.name, url, secret, receiver.severities, receiver.grouping)


def is_told(receiver: str, severities: Collection[Severity], alert: AlertEvent) -> bool:
    """Whether an alert is for a receiver: by the rule's receivers, and by its own severities.

    Where the rule names no receivers all are meant, and where a receiver names no severities all
    are.
    """
    return (not alert.receivers or receiver in alert.receivers) and (
        not severities or alert.severity in severities
    )


def redact(url: str) -> str:
    """The scheme and host of a URL, which are all that a log may show of it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not a URL)"
    if not parts.scheme or not parts.hostname:
        return "(not a URL)"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}"


def check_url(url: str) -> None:
    """Check that alerts can be posted to a URL.

    Raises:
        ValueError: saying what is wrong with it, without showing more than its host.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("the URL holds white space or other characters that a URL can't hold")
    try:
        parts = urlsplit(url)
        port_is_usable = parts.port != 0
    except ValueError as error:
        raise ValueError("the URL can't be read; check its host and port") from error
    if parts.scheme not in ("http", "https"):
        raise ValueError("the URL must start with http:// or https://")
    if not port_is_usable or not _is_host(parts.hostname or ""):
        raise ValueError("the URL has no usable host and port")
    if "@" in parts.netloc:
        raise ValueError(
            f"the URL of {redact(url)} holds credentials; remove them, since requests are "
            "signed with the receiver's secret instead"
        )
    if parts.fragment:
        raise ValueError(f"the URL of {redact(url)} has a '#' part, which is never sent; remove it")


def check_secret(secret: str) -> None:
    """Check that a text is a Standard Webhooks secret: `whsec_` and base64 of 24 to 64 bytes.

    Raises:
        ValueError: saying what is wrong with it, without showing it.
    """
    hint = "make one with: echo whsec_$(openssl rand -base64 32)"
    if not secret.startswith(_PREFIX):
        raise ValueError(f"the secret must start with whsec_; {hint}")
    encoded = secret.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"what follows whsec_ in the secret is not base64; {hint}") from None
    if len(key) not in _KEY_BYTES:
        raise ValueError(
            f"the secret holds {len(key)} bytes, where Standard Webhooks asks for "
            f"{_KEY_BYTES[0]} to {_KEY_BYTES[-1]}; {hint}"
        )


def _is_host(host: str) -> bool:
    if not _NUMERIC_HOST.fullmatch(host):
        return len(host) <= 253 and _HOST.fullmatch(host) is not None
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _exactly_one(what: str, given: Mapping[str, object]) -> None:
    found = [name for name, value in given.items() if value is not None]
    if len(found) != 1:
        instead = "none" if not found else " and ".join(found)
        raise ValueError(
            f"give the {what} in exactly one way, as {' or '.join(given)}; found {instead}"
        )


def _read(
    name: str,
    what: str,
    variable: str | None,
    file: Path | None,
    environ: Mapping[str, str],
    base: Path,
) -> tuple[str, str]:
    """Where a value is kept, in words, and the value."""
    if variable is not None:
        where, value = f"{what}_env {variable}", environ.get(variable)
        if value is None:
            raise _fault(name, where, f"the environment variable is not set; export {variable}")
    else:
        path = base / (file or "")
        where, value = f"{what}_file {path}", _read_file(name, f"{what}_file {path}", path)
    value = value.strip()
    if not value:
        raise _fault(name, where, f"it is empty; put the {what} there")
    return where, value


def _read_file(name: str, where: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) > _MAX_FILE_BYTES:
            raise _fault(name, where, f"more than {_MAX_FILE_BYTES} bytes; is it the right file?")
        return content.decode()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise _fault(name, where, f"{reason}; check the path and its permissions") from None
    except UnicodeDecodeError:
        raise _fault(name, where, "it is not UTF-8 text; is it the right file?") from None


def _must(name: str, where: str, check: Callable[[str], None], value: str) -> None:
    try:
        check(value)
    except ValueError as error:
        raise _fault(name, where, str(error)) from None


def _fault(name: str, where: str, what: str) -> RulesError:
    return RulesError(f"receiver '{name}', {where}: {what}")
