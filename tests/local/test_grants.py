"""Every right that a function was granted is needed: with any one taken out of its role, a story of its users fails,
by AccessDenied for exactly that. One test a right; `-s` prints which story noticed."""

import contextlib
import dataclasses
import json
import secrets
import tomllib

import botocore.exceptions
import pytest
import requests

from service import Stage, sign_in, sign_up
from support import ROOT

#: What the embedded cloud may do for a function by another hand than its grants: its log.
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}


def grants(function):
    manifest = tomllib.loads((ROOT / "functions" / function / "Cargo.toml").read_text())
    return manifest["package"]["metadata"]["deployer"]["grants"]


# --- The stories: what a function's users do, and what they see when all is well.


class Unwell(Exception):
    """The story did not end as it should."""


def expect(answer, *statuses):
    if answer.status_code not in statuses:
        raise Unwell(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}")
    return answer


def somebody(stage):
    return sign_in(stage, *sign_up(stage, stage.client_id))


def forgotten(stage):
    """Somebody whose confirmation failed: the pool knows them, no table does."""
    user = somebody(stage)
    identity = stage.row(user.sub)["id"]
    stage.delete_row(user.sub)
    if stage.identities:
        stage.client("dynamodb").delete_item(TableName=stage.identities, Key={"id": identity})
    return user


def url(stage, path):
    return stage.api_url.rstrip("/") + path


def call(stage, method, path, user, *statuses, body=None):
    headers = user.bearer
    return expect(requests.request(method, url(stage, path), headers=headers, json=body, timeout=60), *statuses)


def confirmed(stage):
    """A sign-up is confirmed."""
    try:
        sign_up(stage, stage.client_id)
    except botocore.exceptions.ClientError as error:
        raise Unwell(str(error)) from error


def profile_read(stage, user):
    """A profile is asked for."""
    call(stage, "GET", "/user/profile", user(somebody), 404)


def profile_read_mends(stage, user):
    """A profile is asked for by somebody without a row."""
    who = user(forgotten)
    call(stage, "GET", "/user/profile", who, 404)
    if stage.row(who.sub) is None:
        raise Unwell("no row was made")


def profile_stored(stage, user):
    """A profile is stored."""
    call(stage, "POST", "/user/profile", user(somebody), 200, body={})


def profile_stored_mends(stage, user):
    """A profile is stored by somebody without a row."""
    call(stage, "POST", "/user/profile", user(forgotten), 200, body={})


def account_read(stage, user):
    """An account is looked at."""
    call(stage, "GET", "/user/account", user(somebody), 200)


def account_read_mends(stage, user):
    """An account is looked at by somebody without a row."""
    call(stage, "GET", "/user/account", user(forgotten), 200)


def account_renamed(stage, user):
    """A name is changed."""
    call(stage, "PATCH", "/user/account", user(somebody), 200, body={"name": "Ana"})


def account_moved(stage, user):
    """An address is changed."""
    new = f"new-{secrets.token_hex(6)}@example.com"
    call(stage, "PATCH", "/user/account", user(somebody), 200, body={"email": new})


def identity_read(stage, user):
    """An identity is looked at."""
    call(stage, "GET", "/user/identity", user(somebody), 200)


def identity_read_mends(stage, user):
    """An identity is looked at by somebody without rows."""
    call(stage, "GET", "/user/identity", user(forgotten), 200)


STORIES = {
    "post-confirmation": [confirmed],
    "post-confirmation-identities": [confirmed],
    "get-profile": [profile_read, profile_read_mends],
    "put-profile": [profile_stored, profile_stored_mends],
    "update-account": [account_read, account_renamed, account_moved, account_read_mends],
    "get-identity": [identity_read, identity_read_mends],
}

#: Functions that only this stage has; the others are in both.
OF_IDENTITIES = {"post-confirmation-identities", "get-identity"}

RIGHTS = [
    (function, target, action)
    for function in STORIES
    for target, actions in grants(function).items()
    for action in actions
]


# --- The stages, and a role's rights.


@dataclasses.dataclass
class Known(Stage):
    """A stage of which somebody with rights knows more."""

    stack: str
    identities: str | None


def stage_of(deployer, name):
    outputs = deployer.outputs(name)
    return Known(
        endpoint=outputs["AWS_ENDPOINT_URL"],
        api_url=outputs["API_URL"],
        pool_id=outputs["USER_POOL_ID"],
        client_id=outputs["USER_POOL_CLIENT_ID"],
        sign_in_url=outputs["HOSTED_SIGN_IN_URL"],
        table=outputs["TABLE_PROFILES"],
        stack=f"profile-service-{name}",
        identities=outputs.get("TABLE_IDENTITIES"),
    )


@pytest.fixture(scope="module")
def stages(stage, deployer):
    """By name. The second one goes before the first, whose end is looked at closely."""
    deployer("up", "--stage", "local-identities", "--yes")
    yield {name: stage_of(deployer, name) for name in ("local", "local-identities")}
    deployer("down", "--stage", "local-identities", "--yes")


def stage_with(stages, function):
    return stages["local-identities" if function in OF_IDENTITIES else "local"]


def role_of(stage, function):
    logical = "".join(word.capitalize() for word in function.split("-")) + "Role"
    cloudformation = stage.client("cloudformation")
    found = cloudformation.describe_stack_resource(StackName=stage.stack, LogicalResourceId=logical)
    return found["StackResourceDetail"]["PhysicalResourceId"]


def is_on(resource, target, stage):
    """Whether an ARN is what the grants call so."""
    place = resource.split(":", 5)[-1]
    return place == {
        "profiles": f"table/{stage.table}",
        "identities": f"table/{stage.identities}",
        "user_pool": f"userpool/{stage.pool_id}",
    }[target]


@contextlib.contextmanager
def without(stage, role, target, action):
    """The role without one action on one resource; whole again afterwards."""
    iam = stage.client("iam")
    taken = 0
    before = {}
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        before[name] = document
        kept = []
        for statement in json.loads(json.dumps(document))["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            if is_on(statement["Resource"], target, stage) and action in actions:
                taken += 1
                actions = [other for other in actions if other != action]
            if actions:
                kept.append({**statement, "Action": actions})
        changed = json.dumps({**document, "Statement": kept})
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=changed)
    try:
        assert taken == 1, f"{role} is granted {action} on {target} {taken} times"
        yield
    finally:
        for name, document in before.items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def decisions(stage, role):
    """What the cloud judged of a role's calls: action, resource, whether it was allowed."""
    answer = requests.get(f"{stage.endpoint}/_local/decisions", timeout=10).json()["decisions"]
    own = [each for each in answer if f"/{role}/" in each["principal"] and each["action"] not in LOGS]
    return {(each["action"], each["resource"], each["allowed"]) for each in own}


def tell(story, stage, user):
    return story(stage) if story is confirmed else story(stage, user)


def told_without(stage, role, target, action, stories):
    """The stories that fail without a right, and what the role was denied meanwhile."""
    before = decisions(stage, role)
    failed = []
    for story in stories:
        # Who is in it is there before: only what the function itself does is judged.
        made = {} if story is confirmed else {make: make(stage) for make in (somebody, forgotten)}
        with without(stage, role, target, action):
            try:
                tell(story, stage, made.get)
            except Unwell:
                failed.append(story.__doc__)
    denied = {(name, resource) for name, resource, allowed in decisions(stage, role) - before if not allowed}
    return failed, denied


@pytest.mark.parametrize(("function", "target", "action"), RIGHTS, ids=["-".join(right) for right in RIGHTS])
def test_without_this_right_a_story_fails_by_it_and_by_nothing_else(stages, function, target, action):
    stage = stage_with(stages, function)
    role = role_of(stage, function)
    for story in STORIES[function]:
        tell(story, stage, lambda make: make(stage))
    used = {(name, resource) for name, resource, allowed in decisions(stage, role) if allowed}
    assert any(name == action and is_on(resource, target, stage) for name, resource in used), "granted, and never used"

    # A machine that is busy with something else may make a function too slow to ask for anything.
    for _ in range(3):
        failed, denied = told_without(stage, role, target, action, STORIES[function])
        if denied:
            break
    assert failed, "no story needs it"
    assert [name for name, _ in denied] == [action], denied
    assert all(is_on(resource, target, stage) for _, resource in denied), denied
    print(f"{function} without {action} on {target}: {failed[0]}")
