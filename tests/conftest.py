"""What the end-to-end tests stand on: the deployer's binary, and the local stage brought up once."""

import pytest
import requests

from service import Stage, sign_in, sign_up
from support import ROOT, TARGET, Deployer, clean_environment


@pytest.fixture(scope="session")
def binary():
    """The deployer as the workspace's own build left it."""
    path = TARGET / "debug" / "deployer"
    assert path.is_file(), f"{path} is missing: run `cargo build` first"
    return str(path)


@pytest.fixture(scope="session")
def deployer(binary):
    """Works on the project itself, with no AWS settings around."""
    return Deployer(binary, ROOT, clean_environment())


@pytest.fixture(scope="session")
def stage(deployer):
    """The project's local stage. What `down` says it removed must be gone, or the last test fails."""
    deployer("up", "--stage", "local", "--yes")
    outputs = deployer.outputs("local")
    stage = Stage(
        endpoint=outputs["AWS_ENDPOINT_URL"],
        api_url=outputs["API_URL"],
        pool_id=outputs["USER_POOL_ID"],
        client_id=outputs["USER_POOL_CLIENT_ID"],
        sign_in_url=outputs["HOSTED_SIGN_IN_URL"],
        table=outputs["TABLE_PROFILES"],
    )
    yield stage
    deployer("down", "--stage", "local", "--yes")
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{stage.endpoint}/_local/health", timeout=10)
    left = [path for path in (ROOT / ".deployer" / "local").rglob("*") if path.is_file()]
    assert left == [], "down left files"
    deployer("down", "--stage", "local", "--yes")


@pytest.fixture(scope="session")
def user(stage):
    """A user who signed up, confirmed and signed in."""
    return sign_in(stage, *sign_up(stage, stage.client_id))


@pytest.fixture
def newcomer(stage):
    """A user whom no other test knows."""
    return sign_in(stage, *sign_up(stage, stage.client_id))
