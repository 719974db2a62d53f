"""Gives moto a user with a key, a role that the user may assume, and a bucket.

Prints the user's key as credential_process does. The first three calls are free; from then on moto checks every
signature.
"""

import json
import sys

import boto3
from botocore.config import Config

endpoint = sys.argv[1]
region = "eu-west-1"


def client(service, key=None):
    key = key or {"AccessKeyId": "free", "SecretAccessKey": "free"}
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def allow(actions, **more):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, **more}]})


free = client("iam")
user = free.create_user(UserName="operator")["User"]
key = free.create_access_key(UserName="operator")["AccessKey"]
free.put_user_policy(UserName="operator", PolicyName="all", PolicyDocument=allow("*", Resource="*"))

iam = client("iam", key)
trust = allow(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], Principal={"AWS": user["Arn"]})
iam.create_role(RoleName="invoices", AssumeRolePolicyDocument=trust)
iam.put_role_policy(RoleName="invoices", PolicyName="s3", PolicyDocument=allow("s3:*", Resource="*"))
nobody = allow("sts:AssumeRole", Principal={"AWS": "arn:aws:iam::123456789012:user/somebody-else"})
iam.create_role(RoleName="closed", AssumeRolePolicyDocument=nobody)
client("s3", key).create_bucket(Bucket="invoices", CreateBucketConfiguration={"LocationConstraint": region})

print(json.dumps({"Version": 1, "AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]}))
