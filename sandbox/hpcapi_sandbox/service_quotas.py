"""Service Quotas: what an account may have. The values are AWS's defaults for a new account, where
vCPUs are few; RequestServiceQuotaIncrease is granted at once, as nobody is there to decide.

The defaults are from the AWS General Reference, "Service endpoints and quotas".
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region

_TARGET = "ServiceQuotasV20190624."
_DEFAULTS: dict[tuple[str, str], tuple[str, float]] = {
    ("vpc", "L-F678F1CE"): ("VPCs per Region", 5.0),
    ("ec2", "L-0263D0A3"): ("EC2-VPC Elastic IPs", 5.0),
    ("apigateway", "L-608BDCD4"): ("VPC links(V2)", 10.0),
    ("ec2", "L-1216C47A"): ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 64.0),
    ("ec2", "L-6E869C2A"): ("Running On-Demand DL instances", 0.0),
    ("ec2", "L-F7808C92"): ("Running On-Demand HPC instances", 0.0),
    ("ec2", "L-1945791B"): ("Running On-Demand Inf instances", 0.0),
    ("ec2", "L-2C3B7624"): ("Running On-Demand Trn instances", 0.0),
    ("ec2", "L-43DA4232"): ("Running On-Demand High Memory instances", 0.0),
    ("ec2", "L-DB2E81BA"): ("Running On-Demand G and VT instances", 0.0),
    ("ec2", "L-74FC7D96"): ("Running On-Demand F instances", 0.0),
    ("ec2", "L-417A185B"): ("Running On-Demand P instances", 0.0),
    ("ec2", "L-7295265B"): ("Running On-Demand X instances", 0.0),
    ("ec2", "L-34B43A08"): ("All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 5.0),
    ("ec2", "L-85EED4F7"): ("All DL Spot Instance Requests", 0.0),
    ("ec2", "L-B5D1601B"): ("All Inf Spot Instance Requests", 0.0),
    ("ec2", "L-6B0D517C"): ("All Trn Spot Instance Requests", 0.0),
    ("ec2", "L-3819A6DF"): ("All G and VT Spot Instance Requests", 0.0),
    ("ec2", "L-88CF9481"): ("All F Spot Instance Requests", 0.0),
    ("ec2", "L-C4BD4855"): ("All P5 Spot Instance Requests", 0.0),
    ("ec2", "L-7212CCBC"): ("All P4, P3 and P2 Spot Instance Requests", 0.0),
    ("ec2", "L-E3A00192"): ("All X Spot Instance Requests", 0.0),
}
_granted = AccountRegionScopedDict()  # (service code, quota code) -> value


def serves(headers: Mapping[str, str]) -> bool:
    return headers.get("x-amz-target", "").startswith(_TARGET)


def respond(headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
    """The status and the answer to a request; the account is the current scope's."""
    action = headers["x-amz-target"].removeprefix(_TARGET)
    asked = json.loads(body or b"{}")
    key = (asked.get("ServiceCode", ""), asked.get("QuotaCode", ""))
    if key not in _DEFAULTS:
        return 400, {
            "__type": "NoSuchResourceException",
            "Message": "The request failed because the specified resource does not exist.",
        }
    if action == "GetServiceQuota":
        return 200, {"Quota": _quota(key, value(*key))}
    if action == "GetAWSDefaultServiceQuota":
        return 200, {"Quota": _quota(key, _DEFAULTS[key][1])}
    if action == "RequestServiceQuotaIncrease":
        _granted[key] = float(asked["DesiredValue"])
        return 200, {"RequestedQuota": _request(key, _granted[key])}
    return 400, {"__type": "UnknownOperationException", "Message": action}


def value(service: str, code: str) -> float:
    """What the account of the current scope may have."""
    return _granted.get((service, code), _DEFAULTS[service, code][1])


def _quota(key: tuple[str, str], value: float) -> dict[str, Any]:
    service, code = key
    return {
        "ServiceCode": service,
        "QuotaCode": code,
        "QuotaArn": f"arn:aws:servicequotas:{get_region()}:{get_account_id()}:{service}/{code}",
        "QuotaName": _DEFAULTS[key][0],
        "Value": value,
        "Adjustable": True,
        "GlobalQuota": False,
    }


def _request(key: tuple[str, str], value: float) -> dict[str, Any]:
    service, code = key
    return {
        "Id": secrets.token_hex(16),
        "ServiceCode": service,
        "QuotaCode": code,
        "QuotaName": _DEFAULTS[key][0],
        "DesiredValue": value,
        "Status": "APPROVED",
        "Created": time.time(),
    }
