"""A function that puts a deployment to rest, as `hpcapi pause` does, when its time is over, or when no
job has run or waited in it for so long.

A schedule calls it every minute. A call does what can be done by then and waits for nothing; it may
end anywhere, since the next one looks again:

    nothing                     before that, while an `up`, a `pause` or a `teardown` is at work, and
                                unless the deployment is complete
    the stack <name>-api        gets `Resting`, by which load balancer and VPC link go
    hpcapi/stopped-fleet        is written into the bucket: `up` starts the compute fleet again
    the compute fleet           is asked to stop, in its row of ParallelCluster's table
    the head node               is stopped, once the fleet is
    the stack <name>-requirements   loses its NAT gateway, once the fleet is stopped: compute nodes
                                reach AWS through it until they are gone

It says what it did in one line, and nothing where there was nothing to do.

Standard library and boto3 alone.
"""

import datetime
import functools
import json
import math
import os
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

AT_WORK = "hpcapi/at-work/"  # below it lies a sign of whoever works on the deployment
SILENCE = 60  # seconds after which nobody is behind a sign any more; it is renewed every ten
STOPPED_FLEET = "hpcapi/stopped-fleet"
LAST_JOB = "jobs/last-job/"  # below it head nodes write while jobs run or wait, about once a minute
LATE = datetime.timedelta(minutes=2)  # that much later than it was written a job may have run
ROW = {"Id": {"S": "COMPUTE_FLEET"}}
COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
ON_THE_WAY = ("STOP_REQUESTED", "STOPPING")
NODES = ("pending", "running", "stopping", "stopped")
UNCHANGED = "No updates are to be performed"
UNDER_WAY = "_IN_PROGRESS state and can not be updated"
BUSY = {"until": 0.0}  # before then no look at jobs is needed, as far as this process has seen


class Obstacle(Exception):
    """Why a deployment is left as it is, in this call."""


def rest(event, context):
    started = time.monotonic()
    if time.time() < min(until(), BUSY["until"] if os.environ["IDLE"] else math.inf):
        return
    line = {"deployment": os.environ["DEPLOYMENT"], "done": []}
    try:
        put_to_rest(line["done"])
    except Obstacle as obstacle:
        line["waits"] = str(obstacle)
    except (BotoCoreError, ClientError) as error:
        line["problem"] = str(error)
    # A call that fails would be made again at once, beside the next one.
    except Exception as error:
        line["problem"] = repr(error)
    if len(line) > 2 or line["done"]:
        line["milliseconds"] = round((time.monotonic() - started) * 1000)
        print(json.dumps(line), flush=True)


def until():
    """Returns when the time is over, in seconds of Unix time; never where there is no limit."""
    if not os.environ["UNTIL"]:
        return math.inf
    moment = datetime.datetime.strptime(os.environ["UNTIL"], "%Y-%m-%dT%H:%M:%SZ")
    return moment.replace(tzinfo=datetime.timezone.utc).timestamp()


def put_to_rest(done):
    """Does what can be done now, and writes down what that was."""
    name = os.environ["DEPLOYMENT"]
    api, network = stack(f"{name}-api"), stack(f"{name}-requirements")
    node = head_node(name, parameters(api).get("HeadNodeInstanceID")) if api else None
    if time.time() < until() and not (node and is_idle(api, node)):
        return
    cluster = stack(cluster_of(node)) if node else None
    if not (network and cluster) or cluster["StackStatus"] not in COMPLETE:
        raise Obstacle("the deployment is not complete")
    has_rested = is_off(node) and lies(api, "Resting", "true") and not has_nat(network)
    if has_rested:
        return
    require_peace()
    if not lies(api, "Resting", "true"):
        update(api, "Resting", "true", done)
    if not is_off(node):
        stop_fleet(cluster_of(node), done)
        if node["State"]["Name"] == "running":
            client("ec2").stop_instances(InstanceIds=[node["InstanceId"]])
            done.append(f"stopped {node['InstanceId']}")
    if has_nat(network):
        update(network, "Nat", "false", done)


def is_idle(api, node):
    """Returns whether no job has run or waited for so long as the limit says. That time never begins
    before the deployment was made or brought back to work, and the limit was given: stacks and
    instance tell when, and nothing has to be written down that an interrupted `up` would leave
    behind.

    Once the rest has begun, a job does not end it: all jobs are about to end, and their end is no
    work. A head node that was started since does: somebody brings the deployment back."""
    idle = datetime.timedelta(seconds=int(os.environ["IDLE"]))
    # The function is called as its stack.
    own = stack(os.environ["AWS_LAMBDA_FUNCTION_NAME"])
    begun = [node["LaunchTime"], *(changed(one) for one in [own] if one)]
    has_begun_to_rest = lies(api, "Resting", "true")
    if not has_begun_to_rest:
        begun.append(changed(api))
    over = max(begun) + idle
    if not has_begun_to_rest and is_past(over):
        over = max(over, last_job(node) + LATE + idle)
    # The time of what has been seen only grows, and another limit has other processes.
    BUSY["until"] = over.timestamp()
    return is_past(over)


def is_past(moment):
    return moment <= datetime.datetime.now(tz=datetime.timezone.utc)


def changed(found):
    """Returns when a stack was made or updated last."""
    return found.get("LastUpdatedTime") or found["CreationTime"]


def last_job(node):
    """Returns when a head node said last that a job runs or waits, or that it has begun to look: this
    one has to have begun, and of a cluster that it replaces jobs may run on."""
    page = client("s3").list_objects_v2(Bucket=os.environ["BUCKET"], Prefix=LAST_JOB)
    said = {one["Key"]: one["LastModified"] for one in page.get("Contents", [])}
    if LAST_JOB + node["InstanceId"] not in said:
        raise Obstacle("the head node does not say whether jobs run")
    return max(said.values())


def require_peace():
    """Fails while somebody is at work on the deployment."""
    page = client("s3").list_objects_v2(Bucket=os.environ["BUCKET"], Prefix=AT_WORK)
    now = time.time()
    for sign in page.get("Contents", []):
        if now - sign["LastModified"].timestamp() < SILENCE:
            raise Obstacle(f"{sign['Key'].split('/')[2]} is at work")


def stack(name):
    """Returns a stack, or nothing."""
    try:
        return client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"].get("Message", ""):
            return None
        raise


def parameters(found):
    return {
        one["ParameterKey"]: one.get("ParameterValue", "") for one in found.get("Parameters", [])
    }


def lies(found, key, value):
    """Returns whether a stack has a parameter of this value, or is about to."""
    status = found["StackStatus"]
    is_certain = status == "UPDATE_ROLLBACK_COMPLETE" or "ROLLBACK" not in status
    return is_certain and parameters(found).get(key) == value


def has_nat(network):
    """Returns whether a stack makes a NAT gateway; in a network that was there, none does."""
    return not parameters(network).get("ExistingVpc") and not lies(network, "Nat", "false")


def update(found, key, value, done):
    """Gives a stack another value of one parameter, and leaves the rest of it as it is."""
    if found["StackStatus"].endswith("_IN_PROGRESS"):
        return
    if found["StackStatus"] not in COMPLETE or key not in parameters(found):
        done.append(f"cannot update {found['StackName']} in {found['StackStatus']}")
        return
    kept = [
        {"ParameterKey": other, "UsePreviousValue": True}
        for other in parameters(found)
        if other != key
    ]
    try:
        client("cloudformation").update_stack(
            StackName=found["StackId"],
            UsePreviousTemplate=True,
            Parameters=[*kept, {"ParameterKey": key, "ParameterValue": value}],
        )
    except ClientError as error:
        said = error.response["Error"].get("Message", "")
        # A call that took long may meet the next one.
        if UNCHANGED not in said and UNDER_WAY not in said:
            raise
        return
    done.append(f"{key} of {found['StackName']} is {value}")


def head_node(name, target):
    """Returns the instance behind the load balancer if it is the head node of one of the two clusters
    that the deployment may have, or nothing."""
    filters = {
        "instance-id": [target or "none"],
        "tag:parallelcluster:cluster-name": [name, f"{name}-2"],
        "tag:parallelcluster:node-type": ["HeadNode"],
        "instance-state-name": NODES,
    }
    found = client("ec2").describe_instances(
        Filters=[{"Name": key, "Values": list(values)} for key, values in filters.items()]
    )
    nodes = [one for each in found["Reservations"] for one in each["Instances"]]
    return nodes[0] if nodes else None


def cluster_of(node):
    """Returns the name of the cluster that a head node is of."""
    tags = {tag["Key"]: tag["Value"] for tag in node["Tags"]}
    return tags["parallelcluster:cluster-name"]


def is_off(node):
    return node["State"]["Name"] == "stopped"


def stop_fleet(name, done):
    """Asks the compute fleet to stop, as `pcluster update-compute-fleet` does; fails until it is
    stopped. That it is to run again is noted before, unless somebody else had stopped it."""
    tables, table = client("dynamodb"), f"parallelcluster-{name}"
    item = tables.get_item(TableName=table, Key=ROW, ConsistentRead=True).get("Item", {})
    status = item.get("Data", {}).get("M", {}).get("status", {}).get("S")
    if status == "STOPPED":
        return
    if status is None:
        raise Obstacle("ParallelCluster has no status of the compute fleet")
    if status not in ON_THE_WAY:
        client("s3").put_object(Bucket=os.environ["BUCKET"], Key=STOPPED_FLEET, Body=b"")
        now = str(datetime.datetime.now(tz=datetime.timezone.utc))
        tables.update_item(
            TableName=table,
            Key=ROW,
            UpdateExpression="SET #data.#status = :asked, #data.#time = :now",
            ConditionExpression="#data.#status = :seen",
            ExpressionAttributeNames={
                "#data": "Data",
                "#status": "status",
                "#time": "lastStatusUpdatedTime",
            },
            ExpressionAttributeValues={
                ":asked": {"S": "STOP_REQUESTED"},
                ":now": {"S": now},
                ":seen": {"S": status},
            },
        )
        done.append("asked the compute fleet to stop")
    raise Obstacle("the compute fleet stops")


@functools.cache
def client(service):
    """Returns a client that gives up long before the call does."""
    patience = Config(
        connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}
    )
    return boto3.client(service, config=patience)
