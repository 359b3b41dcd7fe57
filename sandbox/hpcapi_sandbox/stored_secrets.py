"""The secrets of the emulated Secrets Manager, for what reads them on behalf of a machine."""

from __future__ import annotations

import json

from ministack.services import secretsmanager


def read(arn: str) -> str:
    """The text of a secret; raises LookupError, in the words of the AWS CLI, when there is none."""
    status, _, body = secretsmanager._get_secret_value({"SecretId": arn})
    answer = json.loads(body)
    if status != 200:
        raise LookupError(
            f"An error occurred ({answer['__type']}) when calling the GetSecretValue operation: "
            f"{answer['message']}"
        )
    if "SecretString" not in answer:
        raise LookupError(f"the secret {arn} holds no text")
    return answer["SecretString"]
