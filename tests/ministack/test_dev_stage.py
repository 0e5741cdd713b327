"""The same engine against a CloudFormation that nobody here wrote: MiniStack, with only configuration changed."""

import os
import pathlib
import re
import socket
import subprocess
import sys
import tomllib

import boto3
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from support import TARGET, Deployer, clean_environment, copy_project

REGION = "us-east-1"

# The functions of every stage.
PROFILES = {"get-profile", "put-profile", "update-account"}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    """The settings that send an AWS client to a MiniStack of our own, which enforces IAM."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    settings = {
        # MiniStack's own functions call this too; without it their calls would leave for real AWS.
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
    }
    log = tmp_path_factory.mktemp("ministack") / "log"
    with open(log, "wb") as output:
        server = subprocess.Popen(
            [str(pathlib.Path(sys.executable).parent / "ministack")],
            env=clean_environment(**settings, GATEWAY_PORT=str(port), BIND_HOST="127.0.0.1", AUTH="true"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        session = requests.Session()
        # Until the port is open; 0.1 s doubling, about half a minute.
        session.mount("http://", HTTPAdapter(max_retries=Retry(connect=9, backoff_factor=0.1)))
        health = session.get(f"{endpoint}/_ministack/health", timeout=10)
        assert health.ok, log.read_text()
        yield settings
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture(scope="module")
def deployer(binary, aws, tmp_path_factory):
    """Works on a copy of the project whose dev stage is for this machine's processor: the standard library of
    another one may not be installed here."""
    project = tmp_path_factory.mktemp("project")
    copy_project(project)
    stage = project / "environments" / "dev.yaml"
    text = re.sub(r"(?m)^(architecture|region):.*\n", "", stage.read_text())
    stage.write_text(f"{text.rstrip()}\narchitecture: {architecture()}\nregion: {REGION}\n")
    tools = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
    # Functions for AWS are built in a folder of their own, kept for the next run.
    environment = clean_environment(**aws, PATH=tools, CARGO_TARGET_DIR=str(TARGET / "ministack"))
    return Deployer(binary, project, environment)


def architecture():
    return "arm64" if os.uname().machine in ("aarch64", "arm64") else "x86_64"


def stacks(aws):
    """The stacks that are there, by name."""
    cloudformation = boto3.client(
        "cloudformation",
        endpoint_url=aws["AWS_ENDPOINT_URL"],
        region_name=REGION,
        aws_access_key_id=aws["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=aws["AWS_SECRET_ACCESS_KEY"],
    )
    found = cloudformation.describe_stacks()["Stacks"]
    return {stack["StackName"]: stack for stack in found if stack["StackStatus"] != "DELETE_COMPLETE"}


def what_ships_is_small(project, functions):
    """A cold start loads the whole binary: 2.3 MB with DynamoDB alone, 4 MB with another service beside it."""
    folder = project / ".deployer" / "artifacts" / architecture()
    assert functions <= {file.stem for file in folder.glob("*.zip")}
    for name in sorted(functions):
        manifest = tomllib.loads((project / "functions" / name / "Cargo.toml").read_text())
        beside = {"user_pool", "database"} & set(manifest["package"]["metadata"]["deployer"]["grants"])
        size, limit = (folder / f"{name}.zip").stat().st_size, 4_000_000 if beside else 2_300_000
        print(f"{name}: {size:,} of {limit:,} bytes")
        assert size <= limit, name


def test_a_dev_stage_goes_up_stays_as_it_is_and_comes_down(deployer, aws):
    deployer("up", "--stage", "dev", "--yes")
    up = stacks(aws)["profile-service-dev"]
    assert up["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    outputs = deployer.outputs("dev")
    assert {"API_URL", "USER_POOL_ID", "USER_POOL_CLIENT_ID", "HOSTED_SIGN_IN_URL", "TABLE_PROFILES"} <= outputs.keys()

    what_ships_is_small(deployer.project, PROFILES | {"post-confirmation"})

    deployer("up", "--stage", "dev", "--yes")
    assert stacks(aws)["profile-service-dev"].get("LastUpdatedTime") == up.get("LastUpdatedTime")

    deployer("down", "--stage", "dev", "--yes")
    assert "profile-service-dev" not in stacks(aws)
    deployer("down", "--stage", "dev", "--yes")


# What a stage has instead of the trigger `post-confirmation`, and the functions that it builds for that.
VARIANTS = {
    "identities": (
        "tables: {identities: {partition_key: id}}\n",
        {"post-confirmation-identities", "get-identity"},
    ),
    "postgres": (
        "database: {secret: shop/database, ca: ca.pem}\n",
        {"post-confirmation-postgres", "get-user"},
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_other_stages_functions_are_built_for_aws_as_their_sources_say(deployer, variant):
    """A build compares the operations in the stripped, link-time optimised binary with those in the sources."""
    settings, functions = VARIANTS[variant]
    enabled = "".join(f"  {name}: {{enabled: true}}\n" for name in sorted(functions))
    stage = deployer.project / "environments" / f"{variant}.yaml"
    stage.write_text(
        f"extends: dev\nclass: development\n{settings}functions:\n  post-confirmation: {{enabled: false}}\n{enabled}"
    )
    authority = deployer.project / "functions" / "postgres" / "tests" / "support" / "somebody-else.pem"
    (deployer.project / "ca.pem").write_bytes(authority.read_bytes())
    deployer("build", "--stage", variant)
    what_ships_is_small(deployer.project, PROFILES | functions)
