"""Requests of the AWS SDK for Rust, as hpcapi's own version of it sent them."""

from __future__ import annotations

import json
import unittest
from dataclasses import replace
from pathlib import Path

from signed_requests import Request

_RECORDED = Path(__file__).with_name("rust_sdk_requests.jsonl")


def _requests() -> list[Request]:
    lines = _RECORDED.read_text(encoding="utf-8").splitlines()
    fields = [json.loads(line) for line in lines]
    return [Request(**{**each, "body": each["body"].encode()}) for each in fields]


def _with_an_unknown_parameter(request: Request) -> Request:
    if request.body.startswith(b"{"):
        return replace(request, body=b'{"NoSuchMember": 1, ' + request.body[1:].lstrip())
    if request.body.startswith(b"Action="):
        return replace(request, body=request.body + b"&NoSuchMember=1")
    return replace(request, query_string=request.query_string + "&NoSuchMember=1")


class RustSdk(unittest.TestCase):
    def test_requests_pass(self) -> None:
        for request in _requests():
            with self.subTest(request=request):
                self.assertIsNone(request.checked())

    def test_requests_are_really_checked(self) -> None:
        for request in _requests():
            with self.subTest(request=request):
                self.assertIsNotNone(_with_an_unknown_parameter(request).checked())


if __name__ == "__main__":
    unittest.main()
