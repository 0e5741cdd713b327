#!/usr/bin/env python3
"""Refreshes the registry schemas beside this file from cfn-lint's package.

    pip download --no-deps cfn-lint && python3 refresh.py cfn_lint-*.whl

cfn-lint (https://github.com/aws-cloudformation/cfn-lint) ships the CloudFormation registry's resource schemas, with
its corrections applied, under MIT-0. Only the types that localcloud has are kept, without descriptions.
"""
import json
import pathlib
import sys
import zipfile

TYPES = [
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolClient",
    "AWS::Cognito::UserPoolDomain",
    "AWS::DynamoDB::Table",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::OIDCProvider",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::KMS::Alias",
    "AWS::KMS::Key",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SecretsManager::Secret",
]
# Types whose handlers' IAM actions are kept, in a file of their own; localcloud need not have them.
HANDLED = [
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolClient",
    "AWS::Cognito::UserPoolDomain",
    "AWS::DynamoDB::Table",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::VPCEndpoint",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
]
# Prose and the handlers' IAM actions: nothing that a template is checked against.
DROPPED = {"description", "markdownDescription", "$comment", "title", "examples", "sourceUrl", "documentationUrl"}
DROPPED_AT_TOP = {"handlers", "$schema", "$id"}


def strip(node, names=False):
    """Drops prose; `names` marks a map whose keys are property names and not keywords."""
    if isinstance(node, list):
        return [strip(item) for item in node]
    if not isinstance(node, dict):
        return node
    inner = ("properties", "definitions", "patternProperties")
    return {
        key: strip(value, not names and key in inner)
        for key, value in node.items()
        if names or key not in DROPPED
    }


def main():
    package = zipfile.ZipFile(sys.argv[1])
    places = json.loads(package.read("cfnlint/data/schemas/providers/us-east-1.json"))
    here = pathlib.Path(__file__).parent
    handlers = {}
    for name in sorted({*TYPES, *HANDLED}):
        schema = json.loads(package.read(f"cfnlint/data/schemas/resources/{places[name]}.json"))
        if name in HANDLED:
            handlers[name] = {
                handler: sorted(schema["handlers"].get(handler, {}).get("permissions", []))
                for handler in ("create", "read", "update", "delete")
            }
        if name not in TYPES:
            continue
        schema = strip({key: value for key, value in schema.items() if key not in DROPPED_AT_TOP})
        path = here / (name.lower().replace("::", "-") + ".json")
        path.write_text(json.dumps(schema, separators=(",", ":"), sort_keys=True) + "\n")
        print(path.name, path.stat().st_size)
    (here / "handlers.json").write_text(json.dumps(handlers, indent=1, sort_keys=True) + "\n")


main()
