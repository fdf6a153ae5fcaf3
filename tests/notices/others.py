"""The other sides, as real servers on this machine: 浙政钉's gateway (domain.md §9.1), and one of text messages.

They trust nothing: the signature is reckoned anew from what arrived, a timestamp far from their clock or a nonce seen before is
refused, and the same business id twice is one message or one to-do.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.cast import NOON

SKEW = timedelta(minutes=5)


class Server:
    """A server of one thread's own; `answer` says what each request gets: status and JSON."""

    def __init__(self) -> None:
        self.broken: int = 0
        """So many of the next requests are answered 503, and do nothing."""
        self.requests = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.take("GET", b"")

            def do_POST(self) -> None:
                self.take("POST", self.rfile.read(int(self.headers["Content-Length"])))

            def take(self, method: str, body: bytes) -> None:
                outer.requests += 1
                if outer.broken:
                    outer.broken -= 1
                    status, said = 503, {"error": "busy"}
                else:
                    status, said = outer.answer(method, self.path, dict(self.headers.items()), body)
                raw = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@dataclass
class Task:
    """A to-do on somebody's list."""

    fields: dict[str, str]
    done: bool = False


class Zhezhengding(Server):
    """浙政钉. `now`: its clock. `people`: mobile number → account. `codes`: what a client's page gave → account."""

    def __init__(self) -> None:
        super().__init__()
        self.key, self.secret, self.tenant = "lingxiu-7Hq", "s3cret-不可说", "196729"
        self.now = NOON
        self.nonces: set[str] = set()
        self.notices: dict[str, dict[str, str]] = {}
        self.tasks: dict[str, Task] = {}
        self.people: dict[str, str] = {}
        self.codes: dict[str, str] = {}
        self.tokens: set[str] = set()
        self.paths: list[str] = []

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        parts = urlsplit(path)
        fields = dict(parse_qsl(parts.query if method == "GET" else body.decode(), keep_blank_values=True))
        self.paths.append(parts.path)
        wrong = self._refused(method, parts.path, headers, fields)
        if wrong:
            return 200, {"success": False, "errorMsg": wrong}
        data = getattr(self, "_" + parts.path.strip("/").removesuffix(".json").replace("/", "_"))(fields)
        if data is None:
            return 200, {"success": True, "content": {"success": False, "responseMessage": "no such thing"}}
        return 200, {"success": True, "content": {"success": True, "data": data, "responseCode": "0"}}

    def _refused(self, method: str, path: str, headers: dict[str, str], fields: dict[str, str]) -> str:
        """Why a request is not let in; empty if it is."""
        stamp, nonce = headers["X-Hmac-Auth-Timestamp"], headers["X-Hmac-Auth-Nonce"]
        if headers["apiKey"] != self.key or headers["X-Hmac-Auth-Version"] != "1.0":
            return "unknown application"
        if not stamp.endswith("+08:00") or abs(datetime.fromisoformat(stamp) - self.now) > SKEW:
            return "timestamp out of range"
        if nonce in self.nonces or len(nonce) != 17 or not nonce.isdecimal():
            return "nonce used before"
        text = "\n".join([method, stamp, nonce, path, "&".join(f"{k}={v}" for k, v in sorted(fields.items()))])
        wanted = base64.b64encode(hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).digest()).decode()
        if not hmac.compare_digest(wanted, headers["X-Hmac-Auth-Signature"]):
            return "wrong signature"
        self.nonces.add(nonce)
        return ""

    def _gettoken(self, fields: dict[str, str]) -> dict[str, object] | None:
        if (fields["appkey"], fields["appsecret"]) != (self.key, self.secret):
            return None
        token = f"token-{len(self.tokens)}"
        self.tokens.add(token)
        return {"accessToken": token, "expiresIn": 7200}

    def _rpc_oauth2_dingtalk_app_user(self, fields: dict[str, str]) -> dict[str, object] | None:
        account = self.codes.pop(fields["auth_code"], None)  # a code is good once
        return {"accountId": account} if account and fields["access_token"] in self.tokens else None

    def _mozi_employee_get_by_mobile(self, fields: dict[str, str]) -> dict[str, object] | None:
        account = self.people.get(fields["mobile"])
        return {"employeeCode": f"GE_{account}"} if account else None

    def _mozi_employee_listEmployeeAccountIds(self, fields: dict[str, str]) -> list[dict[str, object]]:
        return [{"accountId": int(fields["employeeCodes"].removeprefix("GE_"))}]

    def _message_workNotification(self, fields: dict[str, str]) -> dict[str, object] | None:
        if fields["tenantId"] != self.tenant:
            return None
        self.notices.setdefault(fields["bizMsgId"], {**fields, "text": json.loads(fields["msg"])["text"]["content"]})
        return {"msgId": fields["bizMsgId"]}

    def _tc_v2_openapi_task_create(self, fields: dict[str, str]) -> dict[str, object]:
        self.tasks.setdefault(f"T-{fields['bizTaskId']}", Task(fields))
        return {"taskUuid": f"T-{fields['bizTaskId']}"}

    def _tc_openapi_task_finish(self, fields: dict[str, str]) -> dict[str, object] | None:
        task = self.tasks.get(fields["taskUuid"])
        if task is None or task.fields["assigneeId"] != fields["userId"]:
            return None
        task.done = True
        return {}

    @property
    def open_tasks(self) -> list[dict[str, str]]:
        """What stands on people's lists."""
        return [task.fields for task in self.tasks.values() if not task.done]


class Phone(Server):
    """A gateway of text messages."""

    def __init__(self) -> None:
        super().__init__()
        self.token = "a-token"
        self.messages: dict[str, dict[str, str]] = {}

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        if headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {}
        said = json.loads(body)
        self.messages.setdefault(said["key"], said)
        return 202, {}
