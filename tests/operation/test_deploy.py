"""What stands before the program on a county's machine agrees with the program."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest
from django.conf import settings

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
NGINX = (DEPLOY / "nginx.conf").read_text()


def test_the_proxy_takes_as_much_as_the_program_and_for_the_same_addresses() -> None:
    assert f"location ~ ^{settings.TAKES_FILES}" in NGINX
    sizes = [int(size) * 1024 * 1024 for size in re.findall(r"client_max_body_size (\d+)m;", NGINX)]
    assert sizes == [settings.MOST_BYTES, settings.MOST_BYTES_WITH_FILES]


def test_the_proxy_passes_on_no_claim_of_who_asks() -> None:
    assert re.search(r"X-Forwarded-For\s+\$remote_addr;", NGINX)
    assert "$proxy_add_x_forwarded_for" not in NGINX


def test_the_service_may_write_to_its_home_alone() -> None:
    unit = RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    unit.read(DEPLOY / "lingxiu.service")
    service = unit["Service"]
    assert service["ProtectSystem"] == "strict"
    assert service["ReadWritePaths"] == "/var/lib/lingxiu"
    assert service["NoNewPrivileges"] == "yes"
    assert "LINGXIU_HOME=/var/lib/lingxiu" in service["Environment"]


@pytest.mark.skipif(not shutil.which("nginx") or not shutil.which("openssl"), reason="no nginx or openssl here")
def test_nginx_understands_it(tmp_path: Path) -> None:
    pair = (tmp_path / "key.pem", tmp_path / "fullchain.pem")
    words = f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=x -keyout {pair[0]} -out {pair[1]}"
    subprocess.run(words.split(), check=True, capture_output=True)
    ours = NGINX.replace("/etc/ssl/lingxiu", str(tmp_path)).replace("/var/cache/nginx", str(tmp_path))
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{ access_log off;\n{ours}\n}}\n")
    done = subprocess.run(["nginx", "-t", "-c", str(whole)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
