"""Lambda functions of one account and region are no others' business, as on AWS. They make their
calls as their role: ministack lets them do so only where it checks every credential, and makes them
the account otherwise. And when a function comes or goes, ministack would end all that run in other
accounts under the same name. Also its log is written as its role: a group that is gone comes again
only where the role may make it.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from ministack.core import iam_evaluator, lambda_runtime
from ministack.core.arn import parse_arn
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudwatch_logs, iam, lambda_svc, sts

from .patching import replace_everywhere

_MAKE_LOG = "logs:CreateLogGroup"


def install() -> None:
    others = lambda_runtime.execution_credentials

    def execution_credentials(config: dict[str, Any]) -> dict[str, str]:
        if ":role/" not in config.get("Role", ""):
            return others(config)
        return _session(config)

    replace_everywhere(others, execution_credentials)
    end_workers = lambda_runtime.invalidate_worker

    def invalidate_worker(
        func_name: str,
        qualifier: str | None = None,
        account: str | None = None,
        region: str | None = None,
    ) -> None:
        end_workers(func_name, qualifier, account or get_account_id(), region or get_region())

    replace_everywhere(end_workers, invalidate_worker)
    write_log = lambda_svc._emit_lambda_logs

    def emit_lambda_logs(function: dict[str, Any], *more: Any, **options: Any) -> None:
        if _has_log(function.get("config") or function):
            write_log(function, *more, **options)

    replace_everywhere(write_log, emit_lambda_logs)


def may(role: str, action: str, resource: str) -> bool:
    """Whether a role's policies let a function with it do something."""
    asked = iam_evaluator.EvalContext(
        principal_arn=role,
        principal_type="AssumedRole",
        principal_account=get_account_id(),
        action=action,
        resource_arn=resource,
        region=get_region(),
    )
    policies = iam_evaluator._gather_role_policies(role.rpartition("/")[2], get_account_id())
    return iam_evaluator.evaluate(asked, policies).decision == "Allow"


def _has_log(config: dict[str, Any]) -> bool:
    """Whether there is a log group for what a function writes, or its role may make one."""
    own = f"/aws/lambda/{config.get('FunctionName')}"
    name = (config.get("LoggingConfig") or {}).get("LogGroup") or own
    arn = cloudwatch_logs._make_group_arn(name)
    return name in cloudwatch_logs._log_groups or may(config.get("Role", ""), _MAKE_LOG, arn)


def _session(config: dict[str, Any]) -> dict[str, str]:
    """The keys of the function's session, which is made when it first runs."""
    function, role = parse_arn(config["FunctionArn"]), config["Role"]
    key = hashlib.sha256(f"{config['FunctionArn']} {role}".encode()).hexdigest()[:16].upper()
    access_key_id = f"ASIA{key}"
    if access_key_id not in sts._sessions:
        role_name, name = role.rpartition("/")[2], config["FunctionName"]
        with request_scope(function.account_id, function.region):
            role_id = (iam._roles.get(role_name) or {}).get("RoleId", role_name)
        sts.register_session(
            access_key_id,
            {
                "Arn": f"arn:aws:sts::{function.account_id}:assumed-role/{role_name}/{name}",
                "UserId": f"{role_id}:{name}",
                "SecretAccessKey": secrets.token_urlsafe(30),
                "SessionToken": secrets.token_urlsafe(60),
                "AccountId": function.account_id,
                "PrincipalType": "AssumedRole",
            },
        )
    session = sts._sessions[access_key_id]
    return {
        "AWS_ACCESS_KEY_ID": access_key_id,
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }
