"""Clients are made from the settings, and say what is wrong with them before they connect."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.errors import SettingsError
from monitor.settings import Settings
from monitor.streams.clients import admin, consumer, producer

SASL = {"security_protocol": "SASL_PLAINTEXT", "sasl_username": "desk"}


@pytest.mark.parametrize("make", [admin, consumer, producer])
async def test_a_missing_password_file_is_named(
    make: Callable[[Settings], Any], tmp_path: Path
) -> None:
    path = tmp_path / "absent"
    settings = Settings(kafka={**SASL, "sasl_password_file": path})

    with pytest.raises(SettingsError, match=f"sasl_password_file {path} can't be read"):
        make(settings)


@pytest.mark.parametrize("content", ["", "not a certificate"])
async def test_a_certificate_that_is_none_is_named(content: str, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text(content)
    settings = Settings(kafka={"security_protocol": "SSL", "ssl_cafile": path})

    with pytest.raises(SettingsError, match=r"kafka\.ssl_cafile"):
        consumer(settings)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sasl_username": None, "sasl_password": "x"}, "sasl_username is needed"),
        ({}, "give one of sasl_password and sasl_password_file"),
        ({"sasl_password": "x", "sasl_password_file": "y"}, "give one of"),
        ({"sasl_password": "x", "sasl_mechanism": "GSSAPI"}, "sasl_mechanism"),
    ],
)
def test_credentials_that_are_not_whole_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Settings(kafka={**SASL, **changes})


def test_the_password_does_not_show() -> None:
    settings = Settings(kafka={**SASL, "sasl_password": "open sesame"})

    assert "open sesame" not in repr(settings)
