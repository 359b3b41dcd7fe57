"""Runs at the start of every Lambda function's Python: its waiting is scaled as all time is.

ParallelCluster's clean-up function sleeps for forty seconds in all, so that AWS can catch up.
"""

import os
import time

_SHORTEST = 0.05
_scale = float(os.environ.get("HPCAPI_SANDBOX_TIME_SCALE", "0"))
_sleep = time.sleep


def sleep(seconds):
    _sleep(min(seconds, max(seconds * _scale, _SHORTEST)))


time.sleep = sleep
