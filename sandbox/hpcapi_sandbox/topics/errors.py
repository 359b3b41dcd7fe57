"""SNS's errors, and the code that ministack writes otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import sns

from ..aws_error import AwsError
from ..patching import replace_everywhere

Parameters = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[Parameters], Answer]


def invalid(reason: str) -> AwsError:
    return AwsError("InvalidParameter", f"Invalid parameter: {reason}")


def no_topic() -> AwsError:
    return AwsError("NotFound", "Topic does not exist", 404)


def install() -> None:
    answer = sns._error

    def error(code: str, message: str, status: int) -> Answer:
        return answer(code.removesuffix("Exception"), message, status)

    replace_everywhere(answer, error)


def wrap(handler: Handler, wrapper: Callable[[Parameters, Handler], Answer]) -> None:
    """Puts `wrapper` around a handler of ministack's; what it raises is the answer."""

    def wrapped(params: Parameters) -> Answer:
        try:
            return wrapper(params, handler)
        except AwsError as error:
            return sns._error(error.code, error.message, error.status)

    replace_everywhere(handler, wrapped)
