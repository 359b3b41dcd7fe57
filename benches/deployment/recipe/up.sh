#!/usr/bin/env bash
# The recipe, typed by a script: what a user does who has working templates, the AWS CLI and
# pcluster. Every wait is these tools' own. Takes from the environment:
#   NAME        of the cluster; the stacks are called after it
#   REPOSITORY  where templates and cluster-config.yaml are
#   PCLUSTER    the pcluster to run
#   MINT_TOKEN  the script that mints a token
# Prints how many seconds `pcluster create-cluster` itself took, and the endpoint.
set -euo pipefail
shopt -s lastpipe

outputs() {
    aws cloudformation describe-stacks --stack-name "$1" --output text \
        --query 'Stacks[0].Outputs[].[OutputKey,OutputValue]'
}

# Not every zone takes VPC links, and each account has names of its own for them.
read -r zone1 zone2 < <(aws ec2 describe-availability-zones --zone-ids use1-az1 use1-az2 \
    --query 'AvailabilityZones[].ZoneName' --output text)
aws cloudformation deploy --stack-name "$NAME-requirements" \
    --template-file "$REPOSITORY/templates/requirements.yaml" --parameter-overrides \
    "EnvironmentName=$NAME" "AvailabilityZone1=$zone1" "AvailabilityZone2=$zone2" >&2
declare -A made
outputs "$NAME-requirements" | while read -r key value; do
    made[$key]=$value
done
bucket=${made[Bucket]}

aws s3 cp "$REPOSITORY/templates/node/head-node.sh" "s3://$bucket/head-node.sh" >&2
aws ec2 create-key-pair --key-name "$NAME" --query KeyMaterial --output text >key.pem
values="${made[HeadNodeSubnetId]} ${made[HeadNodeSecurityGroup]} $NAME $bucket"
values+=" s3://$bucket/head-node.sh ${made[ComputeResourcesSubnetId1]} $bucket"
awk -v values="$values" '
    BEGIN { split(values, value, " ") }
    !/^ *#/ && /CHANGE_ME/ { sub(/CHANGE_ME/, value[++filled]) }
    { print }
' "$REPOSITORY/cluster-config.yaml" >cluster-config.yaml

begun=$EPOCHREALTIME
"$PCLUSTER" create-cluster --cluster-name "$NAME" --cluster-configuration cluster-config.yaml >&2
awk "BEGIN { print $EPOCHREALTIME - $begun }"
aws cloudformation wait stack-create-complete --stack-name "$NAME"
head_node=$("$PCLUSTER" describe-cluster --cluster-name "$NAME" --query headNode.instanceId)
head_node=${head_node//\"/}

aws cloudformation deploy --stack-name "$NAME-api" \
    --template-file "$REPOSITORY/templates/api.yaml" --parameter-overrides \
    "VpcId=${made[VPCID]}" "HeadNodeInstanceID=$head_node" \
    "PrivateSubnetIds=${made[ComputeResourcesSubnetId1]},${made[ComputeResourcesSubnetId2]}" \
    "LoadBalancerSG=${made[APISecurityGroup]}" >&2
outputs "$NAME-api" | while read -r key value; do
    made[$key]=$value
done
token=$("$MINT_TOKEN" "$head_node")
until curl --silent --fail --output /dev/null --header "X-SLURM-USER-NAME: ec2-user" \
    --header "X-SLURM-USER-TOKEN: $token" "${made[APIGWEndpoint]}/openapi/v3"; do
    sleep 5
done
echo "${made[APIGWEndpoint]}"
