"""掌上执法's codes, as a real server on this machine. It trusts nothing: signature, time and nonce are those of 浙政钉 (§9.1)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from tests.notices.others import Zhezhengding


class ActCodes(Zhezhengding):
    """`acts`: our number → what was told of the act; asked twice, one code. `always`: the code every act is given."""

    SECRET = "s3cret-码"

    def __init__(self) -> None:
        super().__init__()
        self.key, self.secret = "acts-1", self.SECRET
        self.acts: dict[str, dict[str, str]] = {}
        self.always = ""

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        wrong = self._refused(method, path, headers, fields)
        if wrong or path != "/act/code/create.json":
            return 200, {"success": False, "errorMsg": wrong or "no such thing"}
        self.acts.setdefault(fields["biz_id"], fields)
        code = self.always or f"330421-{list(self.acts).index(fields['biz_id']) + 1:06}"
        return 200, {"success": True, "data": {"code": code}}
