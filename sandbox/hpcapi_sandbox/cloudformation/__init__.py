"""CloudFormation in the sandbox: an engine of ours over ministack's resource types and API."""
