"""The AWS side of hpcapi's sandbox.

ministack (a public AWS emulator) answers the AWS APIs; this package starts it and puts right
what hpcapi and ParallelCluster need and it lacks: a CloudFormation engine that works in
dependency order, EC2 answers, the way from an API endpoint to a port of a head node, commands
over SSM, and head nodes that really boot.
"""
