"""One browser for all tests of the page, and a deployment whose news surge within seconds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome

from monitor.children import free_port
from monitor.prior_file import write_prior
from monitor.settings import Settings
from monitor.surge.prior import Prior, SeriesPrior
from tests.conftest import Broker, Deployment
from tests.web.browser.chromium import MISSING, Tab, chromium, is_there

RULES = """\
receivers: []
rules:
  - alert: ManyNegative
    type: threshold
    by: topic
    window: 6s
    when: negative_count >= 5
    keep_firing_for: 15s
    severity: critical
    labels: {desk: credit}
    annotations: {summary: Negative news comes in numbers.}
  - {alert: NegativeSurge, type: surge, by: topic, window: 1h, min_support: 500,
     false_alarms: 1 per 30d}
"""
_USUAL = SeriesPrior(rate=20, rate_hours=48, share=0.1, share_stories=1000)


@pytest.fixture(scope="session")
def driver() -> Iterator[Chrome]:
    if not is_there():
        pytest.skip(MISSING)
    with chromium() as made:
        yield made


@pytest.fixture
def tab(driver: Chrome) -> Tab:
    driver.get("about:blank")
    driver.delete_all_cookies()
    driver.get_log("browser")  # type: ignore[no-untyped-call]  # untyped; what was logged before
    return Tab(driver)


@pytest.fixture
def settings(
    embedded: Broker, deployment: Deployment, tmp_path: Path, bundle: Path, watchlist: Path
) -> Settings:
    """Panes last a second: an alert comes within seconds, and goes 15 s after its news."""
    rules = tmp_path / "alerts.yaml"
    rules.write_text(RULES)
    write_prior(Prior(fitted_on="nothing: invented", unknown=_USUAL), tmp_path / "prior.json")
    http: dict[str, Any] = {"port": free_port()}
    return deployment(
        embedded,
        http=http,
        rules=rules,
        model={"bundle": bundle, "threads": 1},
        score={"watchlist": watchlist},
        watch={
            "slide_seconds": 1,
            "allowed_lateness_seconds": 2,
            "duplicate_horizon_hours": 0.02,
            "prior": tmp_path / "prior.json",
        },
        notify={"backoff_seconds": 0.05, "max_backoff_seconds": 0.5},
        log_level="warning",
    )


@pytest.fixture
def watchlist(tmp_path: Path) -> Path:
    file = tmp_path / "watchlist.csv"
    file.write_text("key,name\nHLB,Harbourline Bank\nCAL,Calder Savings\n")
    return file
