"""Puts every part of the sandbox in its place in ministack."""

from __future__ import annotations

import importlib

from ministack.services import ec2 as ec2_store

from . import (
    asynchronous_functions,
    bucket_events,
    bucket_policies,
    buckets,
    caller_rights,
    callers,
    event_rules,
    event_troubles,
    function_code,
    function_roles,
    function_types,
    head_nodes,
    logs_and_alarms,
    model_check,
    mount_targets,
    policy_simulation,
    queue_functions,
    regions,
    request_checks,
    request_log,
    request_rates,
    role_boundaries,
    schedules,
    tagged_resources,
    topics,
)
from .aws_error import AwsError
from .cloudformation import (
    ec2_types,
    engine,
    handler_rights,
    nested_stacks,
    physical_names,
    requests,
    rules,
    service_roles,
    vpc_endpoint_type,
    wait_condition,
)
from .ec2 import (
    capacity_reservations,
    describe,
    guard_duty,
    images,
    instance_actions,
    key_pairs,
    network_acls,
    network_interfaces,
    query,
    security_groups,
    vpcs,
    zones,
)
from .endpoint import api_types, load_balancers, vpc_links
from .ssm import document_type, parameter_type, run_command, send_rights
from .topics import topic_rights

# ministack imports most services when they are first called; these are patched before that.
_SERVICES = (
    "account",
    "alb",
    "apigateway",
    "cloudformation",
    "cloudwatch_logs",
    "ec2",
    "efs",
    "eventbridge",
    "iam",
    "lambda_svc",
    "s3",
    "scheduler",
    "sns",
    "sqs",
    "ssm",
    "tagging",
)


def install() -> None:
    for name in _SERVICES:
        importlib.import_module(f"ministack.services.{name}")
    for part in (
        describe,
        instance_actions,
        key_pairs,
        zones,
        capacity_reservations,
        images,
        network_acls,
        network_interfaces,
        security_groups,
        vpcs,
        guard_duty,
        mount_targets,
        rules,
        engine,
        requests,
        service_roles,
        wait_condition,
        nested_stacks,
        physical_names,
        ec2_types,
        vpc_endpoint_type,
        vpc_links,
        load_balancers,
        api_types,
        buckets,
        event_troubles,
        bucket_events,
        logs_and_alarms,
        run_command,
        document_type,
        parameter_type,
        callers,
        function_code,
        function_roles,
        role_boundaries,
        function_types,
        asynchronous_functions,
        event_rules,
        schedules,
        topics,
        queue_functions,
        head_nodes,
        policy_simulation,
        regions,
        tagged_resources,
    ):
        part.install()
    _honour_dry_run()
    # First, so that what is refused is written down, too.
    request_checks.register(request_log.record)
    request_checks.register(request_rates.check)
    request_checks.register(model_check.check)
    request_checks.register(regions.check)
    request_checks.register(bucket_policies.check)
    request_checks.register(send_rights.check)
    request_checks.register(topic_rights.check)
    request_checks.register(caller_rights.check)
    request_checks.register(handler_rights.note_caller)


def _honour_dry_run() -> None:
    """Lets every EC2 action that changes something be asked for with DryRun."""
    own = {"RunInstances", "TerminateInstances", "StopInstances", "StartInstances"}
    for name, handler in list(ec2_store._ACTION_MAP.items()):
        if name.startswith("Describe") or name in own:
            continue

        def respond(parameters: query.Parameters, handler=handler) -> query.Answer:
            if query.flag((parameters.get("DryRun") or ["false"])[0]):
                return query.error_answer(
                    AwsError(
                        "DryRunOperation",
                        "Request would have succeeded, but DryRun flag is set.",
                        412,
                    )
                )
            return handler(parameters)

        ec2_store._ACTION_MAP[name] = respond
