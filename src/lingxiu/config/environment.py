"""What an operator may set, by environment variable, typed and checked at start. Nothing else configures an installation."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from lingxiu.home import home

SCRIPT = re.compile(r"(https://[A-Za-z0-9.-]+|http://(127\.0\.0\.1|localhost))(:[0-9]+)?/[^\s;,'\"<>]*")
"""A script from elsewhere runs with our pages' rights: over HTTPS, or from this machine."""


class Environment(BaseSettings):
    """One field a setting; the variable's name is the alias. docs/settings.md lists them, held by a test."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    database_url: str = Field(
        "", alias="DATABASE_URL", description="A PostgreSQL 15+ server (postgresql://…); empty: the embedded one."
    )
    port: int = Field(8000, alias="PORT", ge=1, le=65535, description="Where the web process listens.")
    bind: str = Field("127.0.0.1", alias="BIND", description="The address web and gateway listen on.")
    hj212_port: int = Field(9212, alias="HJ212_PORT", ge=1, le=65535, description="Where HJ 212 devices dial in.")
    hj212_health_port: int = Field(
        0,
        alias="HJ212_HEALTH_PORT",
        ge=0,
        le=65535,
        description="Where the gateway answers GET /readyz, /healthz and /metrics of its own, for a balancer; 0: nowhere.",
    )
    nats_url: str = Field(
        "",
        alias="NATS_URL",
        description="A JetStream cluster (nats://…,nats://…) between gateways and writers; empty: gateways store by themselves.",
    )
    mqtt_url: str = Field(
        "",
        alias="MQTT_URL",
        description="The MQTT broker devices publish to: mqtt://user:password@host:1883, mqtts://…",
    )
    mqtt_name: str = Field(
        "lingxiu",
        alias="MQTT_CLIENT",
        description="Our name at the broker; it keeps messages for it while we are away.",
    )
    public_url: str = Field(
        "", alias="LINGXIU_URL", description="The address people reach it by (https://…); it is printed in QR codes."
    )
    hosts: str = Field(
        "localhost,127.0.0.1,[::1]", alias="LINGXIU_HOSTS", description="Host names that are answered, by comma."
    )
    policy: Path | None = Field(
        None, alias="LINGXIU_POLICY", description="A county's own folder of catalogues; empty: those that are shipped."
    )
    time_zone: str = Field("Asia/Shanghai", alias="LINGXIU_TIME_ZONE", description="The county's zone decides days.")
    demo: bool = Field(False, alias="LINGXIU_DEMO", description="The demo county: synthetic data, shown sign-ins.")
    officer_totp: bool = Field(
        False, alias="LINGXIU_OFFICER_TOTP", description="Officers need a second factor; `lingxiu init` turns it on."
    )
    idle_minutes: int = Field(
        120, alias="LINGXIU_IDLE_MINUTES", ge=5, description="An officer idle for so long signs in again."
    )
    web_workers: int = Field(2, alias="LINGXIU_WEB_WORKERS", ge=1, description="Processes of the web server.")
    web_threads: int = Field(4, alias="LINGXIU_WEB_THREADS", ge=1, description="Threads of each web process.")
    tianditu_key: str = Field(
        "", alias="TIANDITU_KEY", description="Base map of 天地图; empty: the county's own shapes."
    )

    zhezhengding_host: str = Field(
        "", alias="ZHEZHENGDING_HOST", description="浙政钉's gateway (https://…), test or production; empty: not used."
    )
    zhezhengding_key: str = Field("", alias="ZHEZHENGDING_KEY", description="The application's key there.")
    zhezhengding_secret: str = Field("", alias="ZHEZHENGDING_SECRET", description="The application's secret there.")
    zhezhengding_tenant: str = Field("", alias="ZHEZHENGDING_TENANT", description="The tenant's id there.")
    zhezhengding_jsapi: str = Field(
        "",
        alias="ZHEZHENGDING_JSAPI",
        description="Where 浙政钉's script for pages (gdt-jsapi) is fetched from (https://….js), so that its links sign in whom "
        "they are for; empty: they ask for the sign-in.",
    )
    act_codes_host: str = Field(
        "",
        alias="ACT_CODES_HOST",
        description="Where codes of administrative acts (行政行为码) are asked for (https://…); empty: not asked for.",
    )
    act_codes_key: str = Field("", alias="ACT_CODES_KEY", description="The application's key there.")
    act_codes_secret: str = Field("", alias="ACT_CODES_SECRET", description="The application's secret there.")
    sms_url: str = Field(
        "", alias="SMS_URL", description="Where text messages are handed over (POST, JSON); empty: none are sent."
    )
    sms_token: str = Field("", alias="SMS_TOKEN", description="The bearer's token of that gateway.")
    smtp_url: str = Field(
        "", alias="SMTP_URL", description="The mail server: smtp://user:password@host:587 (STARTTLS) or smtps://…:465."
    )
    mail_from: str = Field("", alias="MAIL_FROM", description="The address e-mail comes from; empty: none is sent.")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is no time zone; one looks like Asia/Shanghai") from error
        return value

    @field_validator("zhezhengding_jsapi")
    @classmethod
    def _a_script(cls, value: str) -> str:
        if value and not SCRIPT.fullmatch(value):
            raise ValueError(f"{value!r} is no address of a script; one looks like https://host/path/index.js")
        return value

    @property
    def host_list(self) -> list[str]:
        return [host.strip() for host in self.hosts.split(",") if host.strip()]

    @property
    def zone(self) -> ZoneInfo:
        """The county's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def base_url(self) -> str:
        """Where people reach this installation; printed in codes and links."""
        return (self.public_url or f"http://localhost:{self.port}").rstrip("/")


@cache
def environment() -> Environment:
    """The environment of this process, read once; what it does not say may stand in `lingxiu.env` of the home."""
    return Environment(_env_file=home() / "lingxiu.env")
