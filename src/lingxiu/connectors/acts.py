"""行政行为码 of 掌上执法: one code an administrative act, asked for by number of ours. Never decides who may inspect.

No text of the real interface is known (domain.md §9.4): the shape here is ours, a POST of fields signed as 浙政钉 signs its
own (§9.1, every field under the signature), and must be fitted to the county's document before it is switched on.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime
from urllib.parse import urlencode

from lingxiu.connectors.http import Json, Refused, call, read_json
from lingxiu.connectors.zhezhengding import BEIJING, App, signed_headers

ASK = "/act/code/create.json"
LONGEST = 60


@dataclass(frozen=True, slots=True)
class Act:
    """An inspection as far as it is told: no names of people, their certificates. `biz_id`: ours; asked twice, one code."""

    biz_id: str
    unit: str
    certificates: tuple[str, str]
    subject: str
    licence: str
    items: tuple[str, ...]
    why: str
    number: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Code:
    """What was given. `simulated`: by nobody who could."""

    code: str
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Gateway:
    """掌上执法, by the host, key and secret a county was given."""

    host: str
    key: str
    secret: str

    def code_for(self, act: Act, *, at: datetime) -> Code:
        """Ask for the code of an act. Raises Unreachable, Refused."""
        fields = fields_of(act)
        headers = signed_headers(App(self.host, self.key, self.secret, ""), "POST", ASK, fields, at)
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        said = call("POST", f"{self.host}{ASK}", headers=headers, body=urlencode(sorted(fields.items())).encode())
        return Code(_code(read_json(said, self.host)))


@dataclass(frozen=True, slots=True)
class Simulated:
    """Gives codes without asking anybody, each marked as simulated. For the demo; asked twice, the same code."""

    def code_for(self, act: Act, *, at: datetime) -> Code:
        return Code(simulated(act.biz_id, at), simulated=True)


def simulated(biz_id: str, at: datetime) -> str:
    """A code that says of itself that it is none."""
    return f"模拟-{at.astimezone(BEIJING):%Y%m%d}-{hashlib.sha256(biz_id.encode()).hexdigest()[:8].upper()}"


def fields_of(act: Act) -> dict[str, str]:
    """The fields of the request, lists by comma."""
    plain = asdict(act)
    joined = {name: ",".join(value) for name, value in plain.items() if isinstance(value, tuple)}
    started = {"started_at": act.started_at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")}
    return {name: str(value) for name, value in (plain | joined | started).items()}


def _code(answer: dict[str, Json]) -> str:
    """Raises Refused where the answer says no, or has no code in it that could be one."""
    data = answer.get("data")
    code = data.get("code") if isinstance(data, dict) else None
    if answer.get("success") is not True or not isinstance(code, str) or not 0 < len(code.strip()) <= LONGEST:
        raise Refused(str(answer.get("errorMsg") or "the answer has no code")[:200])
    return code.strip()
