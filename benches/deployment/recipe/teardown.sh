#!/usr/bin/env bash
# The recipe's teardown, typed by a script, in its order: the cluster, the bucket, the stacks. Takes
# from the environment NAME, of the cluster, and PCLUSTER, the pcluster to run.
set -euo pipefail

"$PCLUSTER" delete-cluster --cluster-name "$NAME" >&2
aws cloudformation wait stack-delete-complete --stack-name "$NAME"

bucket=$(aws cloudformation describe-stacks --stack-name "$NAME-requirements" --output text \
    --query "Stacks[0].Outputs[?OutputKey=='Bucket'].OutputValue")
for kind in Versions DeleteMarkers; do
    versions=$(aws s3api list-object-versions --bucket "$bucket" --output json \
        --query "{Objects: ${kind}[].{Key: Key, VersionId: VersionId}}")
    case $versions in
        *'"Key"'*) aws s3api delete-objects --bucket "$bucket" --delete "$versions" >&2 ;;
    esac
done
for stack in "$NAME-api" "$NAME-requirements"; do
    aws cloudformation delete-stack --stack-name "$stack"
    aws cloudformation wait stack-delete-complete --stack-name "$stack"
done
aws ec2 delete-key-pair --key-name "$NAME"
