#!/usr/bin/env bash
# Mints a token on the head node given, with the AWS CLI and its own waits, and prints it.
set -euo pipefail

command=$(aws ssm send-command --instance-ids "$1" --document-name AWS-RunShellScript \
    --parameters 'commands=["PATH=/opt/slurm/bin:/usr/bin scontrol token username=ec2-user"]' \
    --query Command.CommandId --output text)
aws ssm wait command-executed --command-id "$command" --instance-id "$1"
answer=$(aws ssm get-command-invocation --command-id "$command" --instance-id "$1" \
    --query StandardOutputContent --output text)
echo "${answer#SLURM_JWT=}"
