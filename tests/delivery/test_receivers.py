import base64
from pathlib import Path

import pytest
from pydantic import ValidationError

from monitor.delivery.receivers import Receiver, WebhookTarget, check_secret, redact, resolve
from monitor.delivery.webhook import new_secret
from monitor.errors import NewsurgeError

TOKEN = "T0p-s3cret-t0ken"
SECRET = new_secret()


def receiver(**webhook: object) -> Receiver:
    webhook.setdefault("secret_env", "DESK_SECRET")
    return Receiver.model_validate({"name": "desk", "webhook": webhook})


def faults(**webhook: object) -> str:
    with pytest.raises(ValidationError) as caught:
        receiver(**webhook)
    assert TOKEN not in str(caught.value)
    messages = "; ".join(fault["msg"] for fault in caught.value.errors())
    assert TOKEN not in messages
    return messages


def test_a_url_in_the_file_and_a_secret_in_the_environment() -> None:
    target = resolve(receiver(url="https://desk.example/hook?t=1"), {"DESK_SECRET": SECRET})
    assert target == WebhookTarget("desk", "https://desk.example/hook?t=1", SECRET)


def test_url_and_secret_in_files_are_found_beside_the_rules(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("http://127.0.0.1:9/hook\n")
    (tmp_path / "secret").write_text(f"  {SECRET}\n")
    config = receiver(url_file="url", secret_file="secret", secret_env=None)
    assert resolve(config, {}, tmp_path) == WebhookTarget("desk", "http://127.0.0.1:9/hook", SECRET)


def test_a_url_in_the_environment() -> None:
    config = receiver(url_env="DESK_URL")
    environ = {"DESK_URL": "https://desk.example/", "DESK_SECRET": SECRET}
    assert resolve(config, environ).url == "https://desk.example/"


@pytest.mark.parametrize(
    ("webhook", "says"),
    [
        ({}, "url in exactly one way, as url or url_env or url_file; found none"),
        ({"url": "https://a.example", "url_env": "U"}, "found url and url_env"),
        ({"url_env": "U", "secret_file": "f"}, "found secret_env and secret_file"),
        ({"url_env": "U", "secret_env": None}, "secret in exactly one way"),
        ({"url": f"ftp://desk.example/{TOKEN}"}, "must start with http:// or https://"),
        ({"url": f"https://user:{TOKEN}@desk.example/"}, "of https://desk.example holds credent"),
        ({"url": f"https://{TOKEN}@desk.example/"}, "holds credentials"),
        ({"url": f"https:///{TOKEN}"}, "no usable host"),
        ({"url": f"https://desk.example:99999/{TOKEN}"}, "check its host and port"),
        ({"url": f"https://desk.example:0/{TOKEN}"}, "no usable host and port"),
        ({"url": f"https://[desk/{TOKEN}"}, "check its host and port"),
        ({"url": f"https://desk.example/#{TOKEN}"}, "'#' part"),
        ({"url": f"https://desk.example/{TOKEN}\r\nx: y"}, "white space"),
        ({"url": f"https://desk.ex\u0430mple/{TOKEN}"}, "can't hold"),
        ({"url_env": "NOT A NAME"}, "should match pattern"),
        ({"url_env": "U", "retries": 3}, "Extra inputs are not permitted"),
    ],
)
def test_what_a_receiver_may_not_say(webhook: dict[str, object], says: str) -> None:
    assert says in faults(**webhook)


@pytest.mark.parametrize(
    "host",
    ["a..b", ".a", "a" * 64, "a." * 127 + "a", "256.1.1.1", "1.2.3", "a\\b", "%41"],
)
def test_hosts_that_no_client_could_reach(host: str) -> None:
    assert "no usable host" in faults(url=f"http://{host}/")


@pytest.mark.parametrize(
    "host", ["desk", "a_b.example", "desk.example.", "127.0.0.1:8080", "[::1]:80", "3com.example"]
)
def test_hosts_that_are_welcome(host: str) -> None:
    assert resolve(receiver(url=f"http://{host}/"), {"DESK_SECRET": SECRET})


@pytest.mark.parametrize("name", ["", "Desk", "a b", "../x", "x" * 65, "désk"])
def test_names_fit_for_streams_and_metrics(name: str) -> None:
    webhook = {"url_env": "U", "secret_env": "S"}
    with pytest.raises(ValidationError):
        Receiver.model_validate({"name": name, "webhook": webhook})


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, "receiver 'desk', url_env DESK_URL: the environment variable is not set; export"),
        ({"DESK_URL": " "}, "url_env DESK_URL: it is empty"),
        ({"DESK_URL": f"ftp://x/{TOKEN}"}, "url_env DESK_URL: the URL must start with http"),
        ({"DESK_URL": "http://x"}, "secret_env DESK_SECRET: the environment variable is not set"),
        ({"DESK_URL": "http://x", "DESK_SECRET": TOKEN}, "must start with whsec_"),
        ({"DESK_URL": "http://x", "DESK_SECRET": f"whsec_{TOKEN}"}, "is not base64"),
        ({"DESK_URL": "http://x", "DESK_SECRET": "whsec_AAAA"}, "holds 3 bytes"),
    ],
)
def test_faults_of_the_environment_name_receiver_place_and_remedy(
    environ: dict[str, str], says: str
) -> None:
    with pytest.raises(NewsurgeError) as caught:
        resolve(receiver(url_env="DESK_URL"), environ)
    message = str(caught.value)
    assert says in message
    assert "\n" not in message
    assert TOKEN not in message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file or directory; check the path"),
        (b"\xff\xfe", "not UTF-8"),
        (b"A" * 5000, "more than 4096 bytes"),
        (b"\n", "it is empty"),
    ],
)
def test_faults_of_a_file(tmp_path: Path, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    config = receiver(url="http://x", secret_env=None, secret_file="secret")
    with pytest.raises(NewsurgeError, match=rf"secret_file {tmp_path}/secret: .*{says}"):
        resolve(config, {}, tmp_path)


def test_a_secret_without_padding_is_accepted() -> None:
    check_secret("whsec_" + base64.b64encode(b"k" * 32).decode().rstrip("="))


def test_nothing_secret_shows_when_printed() -> None:
    config = receiver(url=f"https://desk.example/{TOKEN}")
    target = resolve(config, {"DESK_SECRET": SECRET})
    assert TOKEN not in repr(config)
    assert TOKEN not in repr(target)
    assert SECRET not in repr(target)
    assert "https://desk.example" in repr(target)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"https://desk.example:8443/{TOKEN}?k={TOKEN}", "https://desk.example"),
        (f"https://u:{TOKEN}@desk.example/", "https://desk.example"),
        (f"http://[::1]:80/{TOKEN}", "http://[::1]"),
        (f"http://[bad/{TOKEN}", "(not a URL)"),
        (TOKEN, "(not a URL)"),
    ],
)
def test_redact_shows_scheme_and_host_only(url: str, shown: str) -> None:
    assert redact(url) == shown
