"""`lingxiu doctor` finds what is wrong and names the mend."""

from __future__ import annotations

import stat
from pathlib import Path

import psycopg
import pytest

from lingxiu.config.environment import Environment, environment
from lingxiu.database import temporary_cluster
from lingxiu.doctor import Finding, examine


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LINGXIU_HOME", str(tmp_path))
    environment.cache_clear()
    yield tmp_path  # type: ignore[misc]
    environment.cache_clear()


def of(subject: str) -> Finding:
    """What doctor says of one thing."""
    return next(finding for finding in examine() if finding.subject == subject)


def test_without_a_database_it_says_how_to_get_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    environment.cache_clear()
    found = of("Database")
    assert found.wrong
    assert "lingxiu up" in found.mend


def test_a_server_that_does_not_answer_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    environment.cache_clear()
    found = of("Database")
    assert found.wrong
    assert found.mend == "check DATABASE_URL"


def test_a_fresh_database_lacks_its_schema_and_knows_chinese(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with temporary_cluster() as url:
        monkeypatch.setenv("DATABASE_URL", url)
        environment.cache_clear()
        assert not of("Characters").wrong
        assert of("Schema").mend == "`lingxiu up` makes it"
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(
                "CREATE DATABASE blind TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER libc"
            )
        monkeypatch.setenv("DATABASE_URL", url.replace("/lingxiu?", "/blind?"))
        environment.cache_clear()
        assert of("Characters").wrong


def test_what_links_of_zhezhengding_lack_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "https://jsapi.example.gov.cn/gdt/index.js"
    for values, found, mend in [
        ({}, None, ""),
        ({"ZHEZHENGDING_JSAPI": script}, script, "ZHEZHENGDING_HOST"),
        ({"ZHEZHENGDING_HOST": "https://x", "ZHEZHENGDING_KEY": "k"}, "no script for pages", "ZHEZHENGDING_JSAPI"),
        ({"ZHEZHENGDING_HOST": "https://x", "ZHEZHENGDING_KEY": "k", "ZHEZHENGDING_JSAPI": script}, script, ""),
    ]:
        for name in ("ZHEZHENGDING_HOST", "ZHEZHENGDING_KEY", "ZHEZHENGDING_JSAPI"):
            monkeypatch.setenv(name, values.get(name, ""))
        environment.cache_clear()
        told = [one for one in examine() if one.subject == "Zhezhengding's links"]
        assert [one.found for one in told] == ([found] if found else [])
        assert all(mend in one.mend and bool(one.mend) == bool(mend) for one in told)


@pytest.mark.parametrize("address", ["http://x.cn/a.js", "x.js", "https://x.cn", "https://x.cn/a.js;x", "javascript:1"])
def test_a_script_from_elsewhere_comes_by_https_alone(address: str) -> None:
    with pytest.raises(ValueError, match="no address of a script"):
        Environment(ZHEZHENGDING_JSAPI=address)


def test_secrets_that_others_can_read_are_told(home: Path) -> None:
    (home / "secrets").mkdir()
    (home / "secrets" / "django_key").write_text("x")
    (home / "secrets" / "django_key").chmod(stat.S_IRUSR | stat.S_IROTH)
    found = of("Secrets")
    assert found.wrong
    assert found.mend.startswith("chmod 600")


def test_photos_and_settings_that_others_can_read_are_told(home: Path) -> None:
    (home / "files").mkdir()
    (home / "files").chmod(0o755)
    (home / "lingxiu.env").write_text("PORT=8000\n")
    (home / "lingxiu.env").chmod(0o644)
    assert of("Photos").mend.startswith("chmod -R go= ")
    assert of("Settings").wrong


def test_a_process_that_is_not_there_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HJ212_PORT", "1")
    environment.cache_clear()
    found = of("Gateway")
    assert found.wrong
    assert "port 1" in found.found


def test_plain_http_is_told_because_phones_then_give_no_camera(home: Path) -> None:
    assert "camera" in of("Address").mend


def test_a_name_that_no_page_would_answer_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGXIU_URL", "https://lingxiu.example.gov.cn")
    environment.cache_clear()
    found = of("Host name")
    assert found.wrong
    assert "lingxiu.example.gov.cn is not in LINGXIU_HOSTS" in found.found
    assert found.mend.endswith("LINGXIU_HOSTS=localhost,127.0.0.1,[::1],lingxiu.example.gov.cn")
    monkeypatch.setenv("LINGXIU_HOSTS", ".example.gov.cn")
    environment.cache_clear()
    assert not of("Host name").wrong


def test_a_web_port_open_beside_the_proxy_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGXIU_URL", "https://lingxiu.example.gov.cn")
    monkeypatch.setenv("BIND", "0.0.0.0")
    environment.cache_clear()
    assert "firewall" in of("Web port").mend
    monkeypatch.setenv("BIND", "127.0.0.1")
    environment.cache_clear()
    assert not [finding for finding in examine() if finding.subject == "Web port"]
