"""浙政钉 (专有钉钉): work notices, to-dos, and who somebody is. Signs each request (domain.md §9.1); never decides who is told.

`Signature = base64(HMAC-SHA256(secret, METHOD\\nTIMESTAMP\\nNONCE\\nPATH\\nk=v&k=v))`, the fields as they are, in order of their
names. Test and production differ by host alone, so that a host is a setting.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode

from lingxiu.connectors.http import Json, Refused, call, read_json

TOKEN_GOOD_FOR = timedelta(seconds=7200)
TOKEN_RENEWED_BEFORE = timedelta(minutes=5)
BEIJING = timezone(timedelta(hours=8))
"""Their timestamps are written in it, whatever the county's zone."""

TOKEN = "/gettoken.json"  # noqa: S105 (an address)
USER_OF_CODE = "/rpc/oauth2/dingtalk_app_user.json"
EMPLOYEE_OF_PHONE = "/mozi/employee/get_by_mobile"
ACCOUNTS_OF_EMPLOYEES = "/mozi/employee/listEmployeeAccountIds"
WORK_NOTICE = "/message/workNotification"
CREATE_TODO = "/tc/v2/openapi/task/create.json"
FINISH_TODO = "/tc/openapi/task/finish.json"


@dataclass(frozen=True, slots=True)
class App:
    """What an application is given when it is registered. `host`: with its scheme, without a path."""

    host: str
    key: str
    secret: str
    tenant: str


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing on somebody's list. `biz_id`: ours; the same one twice is one to-do. `account`: whose list."""

    biz_id: str
    account: str
    subject: str
    url: str
    due_at: datetime | None = None


@dataclass
class Client:
    """An application speaking. One a process: it keeps the token, which is good for two hours."""

    app: App
    _token: tuple[str, datetime] | None = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def notify(self, account: str, biz_id: str, text: str, *, at: datetime) -> None:
        """Send a work notice. `biz_id`: the same one twice is one notice. Raises Unreachable, Refused."""
        message = json.dumps({"msgtype": "text", "text": {"content": text}}, ensure_ascii=False)
        fields = {"tenantId": self.app.tenant, "receiverIds": account, "bizMsgId": biz_id, "msg": message}
        self._ask("POST", WORK_NOTICE, fields, at)

    def create_todo(self, todo: Todo, *, at: datetime) -> str:
        """Put something on a person's list. Returns: its id there, for `finish_todo`. Raises Unreachable, Refused."""
        fields = {
            "subject": todo.subject,
            "creatorId": todo.account,
            "assigneeId": todo.account,
            "bizTaskId": todo.biz_id,
            "url": todo.url,
            "mobileUrl": todo.url,
        }
        if todo.due_at is not None:
            fields["dueTime"] = todo.due_at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
        return _text(self._ask("POST", CREATE_TODO, fields, at), "taskUuid")

    def finish_todo(self, task: str, account: str, *, at: datetime) -> None:
        """Take it off the list: the ball is with somebody else. Raises Unreachable, Refused."""
        self._ask("POST", FINISH_TODO, {"taskUuid": task, "userId": account}, at)

    def account_of_code(self, code: str, *, at: datetime) -> str:
        """Whose sign-in this code is, which their client gave to the page (dd.getAuthCode). Raises Unreachable, Refused."""
        fields = {"access_token": self._access(at), "auth_code": code}
        return _text(self._ask("POST", USER_OF_CODE, fields, at), "accountId")

    def account_of_phone(self, phone: str, *, at: datetime) -> str:
        """The account of whoever has this mobile number. Raises Unreachable, Refused where they have none."""
        asked = {"areaCode": "86", "namespace": "local", "tenantId": self.app.tenant, "mobile": phone}
        employee = _text(self._ask("POST", EMPLOYEE_OF_PHONE, asked, at), "employeeCode")
        fields = {"employeeCodes": employee, "tenantId": self.app.tenant}
        found = self._ask("POST", ACCOUNTS_OF_EMPLOYEES, fields, at)
        return _text(found[0] if isinstance(found, list) and found else None, "accountId")

    def _access(self, at: datetime) -> str:
        """The application's token, asked for when there is none that stays good for a while."""
        with self._lock:
            if self._token is None or self._token[1] <= at:
                data = self._ask("GET", TOKEN, {"appkey": self.app.key, "appsecret": self.app.secret}, at)
                self._token = _text(data, "accessToken"), at + TOKEN_GOOD_FOR - TOKEN_RENEWED_BEFORE
            return self._token[0]

    def _ask(self, method: str, path: str, fields: Mapping[str, str], at: datetime) -> Json:
        headers = signed_headers(self.app, method, path, fields, at)
        form = urlencode(sorted(fields.items()))
        if method == "GET":
            said = call("GET", f"{self.app.host}{path}?{form}", headers=headers)
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
            said = call("POST", f"{self.app.host}{path}", headers=headers, body=form.encode())
        return _data(read_json(said, self.app.host))


def signed_headers(app: App, method: str, path: str, fields: Mapping[str, str], at: datetime) -> dict[str, str]:
    """The headers of one request; none is used twice, for each has a nonce of its own."""
    stamp = at.astimezone(BEIJING).isoformat(timespec="milliseconds")
    nonce = f"{int(at.timestamp() * 1000)}{secrets.randbelow(10_000):04}"
    return {
        "X-Hmac-Auth-Timestamp": stamp,
        "X-Hmac-Auth-Version": "1.0",
        "X-Hmac-Auth-Nonce": nonce,
        "X-Hmac-Auth-Signature": signature(app.secret, method, stamp, nonce, path, fields),
        "X-Hmac-Auth-IP": "127.0.0.1",  # asked for, and not used to let anybody in
        "X-Hmac-Auth-MAC": ":".join(f"{byte:02x}" for byte in uuid.getnode().to_bytes(6, "big")),
        "apiKey": app.key,
    }


def signature(secret: str, method: str, stamp: str, nonce: str, path: str, fields: Mapping[str, str]) -> str:
    """What proves that a request is the application's."""
    lines = [method, stamp, nonce, path]
    if fields:
        lines.append("&".join(f"{name}={value}" for name, value in sorted(fields.items())))
    return base64.b64encode(hmac.new(secret.encode(), "\n".join(lines).encode(), hashlib.sha256).digest()).decode()


def _data(answer: dict[str, Json]) -> Json:
    """What an answer brought. An answer of 200 may say no, inside or outside of `content`. Raises Refused."""
    content = answer.get("content")
    inner = content if isinstance(content, dict) else {}
    if answer.get("success") is not True or inner.get("success", True) is not True:
        reasons = (inner.get("responseMessage"), answer.get("errorMsg"), answer.get("message"), "refused")
        raise Refused(str(next(reason for reason in reasons if reason))[:200])
    return inner.get("data")


def _text(data: Json, name: str) -> str:
    """A field of what was brought. Raises Refused where it is missing."""
    found = data.get(name) if isinstance(data, dict) else None
    if found in (None, ""):
        raise Refused(f"the answer has no {name}")
    return str(found)
