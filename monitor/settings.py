"""Typed settings of a deployment: flags > environment > file > default.

Owns names, types and defaults; it opens no connection and reads no rule. Environment
variables are `NEWSURGE_` plus the path with double underscores, such as
`NEWSURGE_KAFKA__BOOTSTRAP_SERVERS`. Secrets are `SecretStr`, so that they never reach a log.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as UnreadableVariableError

from monitor.errors import SettingsError
from monitor.records import By
from monitor.settings_faults import NESTED, PREFIX, told
from monitor.yaml_file import read_yaml_file

Role = Literal["score", "watch", "notify"]
ROLES: tuple[Role, ...] = ("score", "watch", "notify")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(_Section):
    """How to reach the Kafka cluster."""

    bootstrap_servers: str = "localhost:9092"
    client_id: str = "newsurge"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    sasl_password_file: Path | None = None
    ssl_cafile: Path | None = None
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None
    idempotence: bool = Field(
        True, description="Idempotent producers; off only for brokers that lack them."
    )
    connect_timeout_seconds: float = Field(10.0, gt=0)
    session_timeout_seconds: float = Field(10.0, gt=0)
    stall_timeout_seconds: float = Field(
        60.0,
        ge=5,
        description="A role that stands still for so long, while the broker answers, is begun "
        "anew; longer than a request may take (40 s), shorter than a poll may (300 s).",
    )
    fetch_max_wait_ms: int = Field(
        500, ge=1, description="Longest wait of a fetch; lower it for brokers that sleep it out."
    )
    sole_consumer: bool = Field(
        False, description="This process alone consumes: take all partitions, join no group."
    )

    @model_validator(mode="after")
    def _credentials_are_whole(self) -> KafkaSettings:
        if self.security_protocol.startswith("SASL"):
            if not self.sasl_username:
                raise ValueError("sasl_username is needed for " + self.security_protocol)
            if (self.sasl_password is None) == (self.sasl_password_file is None):
                raise ValueError("give one of sasl_password and sasl_password_file")
        return self


class PartitionSettings(_Section):
    """How many partitions a stream is created with; they can't be changed later."""

    news: int = Field(4, ge=1)
    scored: int = Field(4, ge=1)
    alerts: int = Field(2, ge=1)


class StreamSettings(_Section):
    """The streams (Kafka topics) of this deployment."""

    prefix: str = Field("newsurge.", pattern=r"^[A-Za-z0-9._-]*$")
    create: bool = Field(True, description="Create missing streams; off where ACLs forbid it.")
    replication_factor: int = Field(-1, ge=-1, description="-1: the broker's default.")
    partitions: PartitionSettings = PartitionSettings()
    max_record_bytes: int = Field(262_144, ge=1024)
    news_retention_days: float = Field(7, gt=0)
    scored_retention_days: float = Field(8, gt=0)
    alerts_retention_days: float = Field(90, gt=0)


class ModelSettings(_Section):
    """Which model scores, and how."""

    bundle: Path | None = Field(None, description="A bundle's directory; the starter by default.")
    registry: Path | None = Field(
        None, description="A directory of bundles whose pointer names the one that serves."
    )
    shadow: str | None = Field(
        None,
        description="A challenger that judges a sample beside: a version of the registry, or a "
        "bundle's directory.",
    )
    shadow_share: float = Field(0.05, ge=0, le=1, description="Of the items, by their ids.")
    runtime: Literal["auto", "cpu", "torch"] = "auto"
    threads: int = Field(0, ge=0, description="CPU threads for inference; 0: all cores.")
    token_budget: int | None = Field(
        None,
        ge=64,
        description="Padded tokens in a batch: longest x count. By default what suits the runtime.",
    )

    @field_validator("shadow", mode="before")
    @classmethod
    def _version_like_a_date(cls, value: Any) -> Any:
        return value.isoformat() if isinstance(value, date) else value  # as YAML reads 2026-11-20

    @model_validator(mode="after")
    def _one_source(self) -> ModelSettings:
        if self.bundle is not None and self.registry is not None:
            raise ValueError("give one of bundle and registry: the registry names its own bundle")
        return self


class ScoreSettings(_Section):
    """What SCORE emits."""

    dimensions: tuple[By, ...] = ("topic", "entity", "all")
    topic_threshold: float = Field(0.35, ge=0, le=1, description="Below it the series is `none`.")
    watchlist: Path | None = Field(None, description="CSV: key, name, aliases, group.")
    max_entities: int = Field(8, ge=1, description="Entity series that one item may feed.")
    chunk_records: int = Field(512, ge=1, description="News records taken up at once.")
    mark_interval_seconds: float = Field(0.5, gt=0, le=1)
    replay_speed: float | None = Field(
        None, gt=0, description="Set on replayed news only: log seconds that pass in a real one."
    )


class WatchSettings(_Section):
    """Time and windows; part of what makes alerts reproducible."""

    slide_seconds: int = Field(60, ge=1)
    allowed_lateness_seconds: int = Field(300, ge=0)
    idle_timeout_seconds: int = Field(60, ge=1)
    negative_threshold: float = Field(
        0.5, gt=0, lt=1, description="Probability from which a story is negative."
    )
    duplicate_horizon_hours: float = Field(48, gt=0)
    max_stories: int = Field(10, ge=1)
    snapshot_interval_seconds: float = Field(
        60, gt=0, description="How often state is written down: what a restart has to read again."
    )
    max_series_metrics: int = Field(
        200, ge=0, description="Series that metrics show one by one; the rest are `other`."
    )
    prior: Path | None = Field(
        None, description="What `newsurge baseline fit` wrote; the shipped prior by default."
    )


class NotifySettings(_Section):
    """Patience with receivers."""

    timeout_seconds: float = Field(10, gt=0)
    give_up_after_seconds: float = Field(3600, gt=0)
    backoff_seconds: float = Field(0.5, gt=0)
    max_backoff_seconds: float = Field(60, gt=0)


class HttpSettings(_Section):
    """Where metrics, health and the live page are served."""

    host: str = "127.0.0.1"
    port: int = Field(9464, ge=0, le=65535, description="0: any free port.")
    page: bool = Field(True, description="Serve the live page.")
    token: SecretStr | None = Field(
        None, min_length=16, description="Who wants to see the live page must give it."
    )
    token_file: Path | None = None

    @model_validator(mode="after")
    def _one_token(self) -> HttpSettings:
        if self.token is not None and self.token_file is not None:
            raise ValueError("give one of token and token_file")
        return self


class Settings(BaseSettings):
    """Everything a deployment decides."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=NESTED,
        extra="forbid",
        frozen=True,
    )

    kafka: KafkaSettings = KafkaSettings()
    streams: StreamSettings = StreamSettings()
    model: ModelSettings = ModelSettings()
    score: ScoreSettings = ScoreSettings()
    watch: WatchSettings = WatchSettings()
    notify: NotifySettings = NotifySettings()
    http: HttpSettings = HttpSettings()
    rules: Path = Path("alerts.yaml")
    roles: tuple[Role, ...] = ROLES
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


def load_settings(file: Path | None = None, flags: dict[str, Any] | None = None) -> Settings:
    """Resolve the settings from flags (nested dicts), the environment, and a YAML file.

    Raises:
        SettingsError: naming every setting that can't be used, and what gave it.
    """
    written = None if file is None else read_yaml_file(file, SettingsError)
    content = {} if written is None or written.content is None else written.content
    if not isinstance(content, dict):
        raise SettingsError(f"{file}:1:1: the file must be a mapping of settings, such as kafka")

    class _FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del dotenv_settings, file_secret_settings
            return init_settings, env_settings, InitSettingsSource(settings_cls, content)

    try:
        return _FromFile(**(flags or {}))
    except ValidationError as error:
        raise SettingsError(told(error, Settings, flags or {}, written)) from None
    except UnreadableVariableError as error:
        raise SettingsError(
            f"a variable that begins with {PREFIX} can't be read ({error}); a list or a section is "
            f'written there as JSON, such as ["score"]'
        ) from None
