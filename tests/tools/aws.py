"""`aws SERVICE OPERATION --option value …`, of what the AWS CLI does as much as the tests type."""

import json
import sys

import boto3
from botocore import xform_name

service, operation, *options = sys.argv[1:]
client = boto3.client(service)
method = operation.replace("-", "_")
shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
members = {
    xform_name(name, "-"): (name, member) for name, member in shape.input_shape.members.items()
}
readers = {"double": float, "integer": int, "structure": json.loads, "list": json.loads}
parameters = {}
for option, value in zip(options[::2], options[1::2], strict=True):
    option = option.removeprefix("--")
    if option == "region":
        client = boto3.client(service, region_name=value)
        continue
    name, member = members[option]
    parameters[name] = readers.get(member.type_name, str)(value)
answer = getattr(client, method)(**parameters)
del answer["ResponseMetadata"]
print(json.dumps(answer, default=str))
