"""The front ends' own client, amazon-cognito-identity-js, signs in and calls the API."""

import json
import os
import shutil
import subprocess

import pytest

from service import PASSWORD
from support import ROOT, TARGET


@pytest.fixture(scope="session")
def modules():
    """The client's packages, installed beside what cargo builds."""
    folder = TARGET / "js"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy2(ROOT / "tests" / "js" / name, folder / name)
    subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True, stdin=subprocess.DEVNULL
    )
    return folder / "node_modules"


def test_the_javascript_client_signs_in_refreshes_and_calls(stage, newcomer, modules):
    details = {
        "endpoint": stage.endpoint,
        "poolId": stage.pool_id,
        "clientId": stage.client_id,
        "email": newcomer.email,
        "password": PASSWORD,
        "profileUrl": stage.profile_url,
    }
    done = subprocess.run(
        ["node", ROOT / "tests" / "js" / "sign-in.cjs"],
        env={**os.environ, "NODE_PATH": str(modules)},
        input=json.dumps(details),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer == {"status": 200, "body": {"from": "javascript"}, "email": newcomer.email}
