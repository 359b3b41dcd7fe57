"""A head node behind an API in one small stack, and how pcluster would have prepared it."""

from __future__ import annotations

from emulator import EmulatorTest, FakeNode, fetch

TEMPLATE = """
Parameters:
  ResourcesS3Bucket: {Type: String}
  ArtifactS3RootDirectory: {Type: String}
  Zone1: {Type: String}
  Zone2: {Type: String}
Resources:
  VPC: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Subnet1:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.1.0/24, AvailabilityZone: !Ref Zone1}
  Subnet2:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.2.0/24, AvailabilityZone: !Ref Zone2}
  ApiGroup:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: api, VpcId: !Ref VPC}
  NodeGroup:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: node, VpcId: !Ref VPC}
  LinkToBalancer:
    Type: AWS::EC2::SecurityGroupIngress
    Properties:
      {GroupId: !Ref ApiGroup, SourceSecurityGroupId: !Ref ApiGroup, IpProtocol: tcp,
       FromPort: 80, ToPort: 80}
  BalancerToNode:
    Type: AWS::EC2::SecurityGroupIngress
    Properties:
      {GroupId: !Ref NodeGroup, SourceSecurityGroupId: !Ref ApiGroup, IpProtocol: tcp,
       FromPort: 6830, ToPort: 6830}
  RoleHeadNode: &role
    Type: AWS::IAM::Role
    Properties:
      Path: /parallelcluster/test/
      AssumeRolePolicyDocument:
        Statement:
          - Effect: Allow
            Action: sts:AssumeRole
            Principal: {Service: ec2.amazonaws.com}
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]
  Role15b342af42246b70: *role
  InstanceProfileHeadNode:
    Type: AWS::IAM::InstanceProfile
    Properties: {Roles: [!Ref RoleHeadNode]}
  HeadNode:
    Type: AWS::EC2::Instance
    DependsOn: Role15b342af42246b70
    Properties:
      IamInstanceProfile: !Ref InstanceProfileHeadNode
      ImageId: ami-0ac10301600110000
      InstanceType: t3.micro
      SubnetId: !Ref Subnet1
      SecurityGroupIds: [!Ref NodeGroup]
      Tags:
        - {Key: "parallelcluster:node-type", Value: HeadNode}
        - {Key: "parallelcluster:cluster-name", Value: test}
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
  HeadNodeWaitCondition:
    Type: AWS::CloudFormation::WaitCondition
    Properties: {Handle: !Ref Handle, Timeout: 60}
  LoadBalancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      {Scheme: internal, Subnets: [!Ref Subnet1, !Ref Subnet2], SecurityGroups: [!Ref ApiGroup]}
  TargetGroup:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      VpcId: !Ref VPC
      Protocol: HTTP
      Port: 6830
      Targets: [{Id: !Ref HeadNode}]
      HealthCheckPath: /healthz
      Matcher: {HttpCode: "200,401"}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref LoadBalancer
      Port: 80
      Protocol: HTTP
      DefaultActions: [{Type: forward, TargetGroupArn: !Ref TargetGroup}]
  VpcLink:
    Type: AWS::ApiGatewayV2::VpcLink
    Properties:
      {Name: link, SubnetIds: [!Ref Subnet1, !Ref Subnet2], SecurityGroupIds: [!Ref ApiGroup]}
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: api, ProtocolType: HTTP}}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: HTTP_PROXY
      IntegrationMethod: ANY
      IntegrationUri: !Ref Listener
      ConnectionType: VPC_LINK
      ConnectionId: !Ref VpcLink
      PayloadFormatVersion: "1.0"
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      {ApiId: !Ref Api, RouteKey: "ANY /slurm/{proxy+}", Target: !Sub "integrations/${Integration}"}
  Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /test/access}}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties:
      ApiId: !Ref Api
      StageName: $default
      AutoDeploy: true
      AccessLogSettings:
        DestinationArn: !GetAtt Log.Arn
        Format: $context.httpMethod $context.path $context.status $context.integrationStatus
Outputs:
  Endpoint: {Value: !GetAtt Api.ApiEndpoint}
  HeadNode: {Value: !Ref HeadNode}
  ApiGroup: {Value: !Ref ApiGroup}
  NodeGroup: {Value: !Ref NodeGroup}
  Listener: {Value: !Ref Listener}
  TargetGroup: {Value: !Ref TargetGroup}
  Api: {Value: !Ref Api}
  Integration: {Value: !Ref Integration}
  VpcLink: {Value: !Ref VpcLink}
"""

CONFIG = b"Scheduling: {SlurmQueues: [{Name: queue1}]}\n"


class ClusterTest(EmulatorTest):
    """A test case with a running head node behind an API."""

    bootstrap_failure = ""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        s3 = cls.client("s3")
        bucket = f"artifacts-{cls.account}"
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="c/configs/cluster-config.yaml", Body=CONFIG)
        zones = cls.ec2.describe_availability_zones()["AvailabilityZones"]
        names = [zone["ZoneName"] for zone in zones if zone["ZoneId"] != "use1-az3"]
        FakeNode.fails_with = cls.bootstrap_failure
        cls.parameters = {
            "ResourcesS3Bucket": bucket,
            "ArtifactS3RootDirectory": "c",
            "Zone1": names[0],
            "Zone2": names[1],
        }
        cls.ended = cls().create("cluster", TEMPLATE, **cls.parameters)
        cls.made = cls().outputs("cluster")
        if not cls.bootstrap_failure:
            cls().wait_for(lambda: fetch(cls.made["Endpoint"] + "/slurm/x")[0] == 200)
