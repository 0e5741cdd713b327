"""A function may do what its role's policy says and nothing else; the deployer puts back what was changed by hand."""

import pytest
import requests

STACK = "profile-service-local"


@pytest.fixture
def without_update_item(stage, deployer):
    """The stack with an action of the roles that write profiles exchanged for another, by somebody with an AWS client."""
    cloudformation = stage.client("cloudformation")
    template = cloudformation.get_template(StackName=STACK)["TemplateBody"]
    assert template.count("dynamodb:UpdateItem") == 2  # put-profile and update-account
    parameters = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0].get("Parameters", [])
    cloudformation.update_stack(
        StackName=STACK,
        TemplateBody=template.replace("dynamodb:UpdateItem", "dynamodb:DescribeTable"),
        Parameters=[{"ParameterKey": each["ParameterKey"], "UsePreviousValue": True} for each in parameters],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    cloudformation.get_waiter("stack_update_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    yield
    deployer("up", "--stage", "local", "--yes")


def logged(stage, text):
    """The lines of all log groups that contain `text`."""
    logs = stage.client("logs")
    return [
        event["message"]
        for group in logs.describe_log_groups()["logGroups"]
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for event in page["events"]
        if text in event["message"]
    ]


def test_a_missing_action_fails_exactly_the_calls_that_need_it(stage, user, without_update_item):
    refused = requests.post(stage.profile_url, headers=user.bearer, json={}, timeout=30)
    assert (refused.status_code, refused.json()["code"]) == (500, "internal_error")
    assert stage.table not in refused.text

    cause = [line for line in logged(stage, "AccessDenied") if refused.json()["request_id"] in line]
    assert len(cause) == 1
    assert "dynamodb:UpdateItem" in cause[0] and f"table/{stage.table}" in cause[0]

    read = requests.get(stage.profile_url, headers=user.bearer, timeout=30)
    assert read.status_code in (200, 404)


def test_up_puts_back_what_was_changed_by_hand(stage, user, deployer):
    assert "dynamodb:UpdateItem" in stage.client("cloudformation").get_template(StackName=STACK)["TemplateBody"]
    assert requests.post(stage.profile_url, headers=user.bearer, json={}, timeout=30).status_code == 200
