"""The profile service on the local stage, used the way its users do: sign up, confirm, sign in, call."""

import requests

PROFILE = {"name": "Ana", "languages": ["es", "en"], "nested": {"none": None, "number": 1.5}}


def get(stage, headers):
    return requests.get(stage.profile_url, headers=headers, timeout=30)


def post(stage, headers, **body):
    return requests.post(stage.profile_url, headers=headers, timeout=30, **body)


def problem(answer):
    """The body of a problem that a function answered."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code and body["request_id"]
    return body


def test_confirming_a_sign_up_makes_the_users_row(stage, newcomer):
    row = stage.row(newcomer.sub)
    assert row["sub"] == {"S": newcomer.sub}
    assert row["email"] == {"S": newcomer.email}
    assert row["given_name"] == {"S": "Ana"}
    assert row["created_at"] == row["updated_at"]
    assert "profile" not in row and "family_name" not in row


def test_a_profile_is_404_until_stored_then_the_same_as_stored(stage, newcomer):
    absent = get(stage, newcomer.bearer)
    assert (absent.status_code, problem(absent)["code"]) == (404, "profile_not_found")

    stored = post(stage, newcomer.bearer, json=PROFILE)
    assert (stored.status_code, stored.json()) == (200, PROFILE)
    read = get(stage, newcomer.bearer)
    assert (read.status_code, read.json()) == (200, PROFILE)
    assert read.headers["content-type"] == "application/json"


def test_a_second_profile_replaces_the_first(stage, newcomer):
    post(stage, newcomer.bearer, json=PROFILE)
    assert post(stage, newcomer.bearer, json={"only": "this"}).status_code == 200
    assert get(stage, newcomer.bearer).json() == {"only": "this"}
    assert stage.row(newcomer.sub)["email"] == {"S": newcomer.email}


def test_users_see_their_own_profile_alone(stage, user, newcomer):
    post(stage, user.bearer, json={"whose": "user"})
    post(stage, newcomer.bearer, json={"whose": "newcomer"})
    assert get(stage, user.bearer).json() == {"whose": "user"}
    assert get(stage, newcomer.bearer).json() == {"whose": "newcomer"}


def test_the_caller_is_the_tokens_sub_whatever_the_body_says(stage, user, newcomer):
    forged = {"sub": user.sub, "pk": f"USER#{user.sub}", "userId": user.sub}
    post(stage, user.bearer, json={"mine": True})
    assert post(stage, newcomer.bearer, json=forged).status_code == 200
    assert get(stage, user.bearer).json() == {"mine": True}


def test_bad_bodies_are_400_or_413_with_a_code(stage, user):
    for body, status, code in [
        (b"", 400, "malformed_body"),
        (b"{", 400, "malformed_body"),
        (b"\xff\xfe", 400, "malformed_body"),
        (b"[]", 400, "profile_not_an_object"),
        (b'{"a":"' + b"x" * 8192 + b'"}', 413, "profile_too_large"),
    ]:
        answer = post(stage, user.bearer, data=body)
        assert (answer.status_code, problem(answer)["code"]) == (status, code), body[:20]


def test_a_body_of_a_binary_type_arrives_whole(stage, user):
    headers = {**user.bearer, "Content-Type": "application/octet-stream"}
    assert post(stage, headers, data='{"ñ":"ü"}'.encode()).status_code == 200
    assert get(stage, user.bearer).json() == {"ñ": "ü"}


def test_the_first_request_mends_a_row_that_the_confirmation_left_out(stage, newcomer):
    stage.delete_row(newcomer.sub)
    assert get(stage, newcomer.bearer).status_code == 404
    assert stage.row(newcomer.sub)["email"] == {"S": newcomer.email}

    stage.delete_row(newcomer.sub)
    assert post(stage, newcomer.bearer, json=PROFILE).status_code == 200
    assert stage.row(newcomer.sub)["email"] == {"S": newcomer.email}
    assert get(stage, newcomer.bearer).json() == PROFILE


def test_a_refreshed_token_works_too(stage, user):
    refreshed = stage.client("cognito-idp").initiate_auth(
        ClientId=stage.client_id,
        AuthFlow="REFRESH_TOKEN_AUTH",
        AuthParameters={"REFRESH_TOKEN": user.refresh_token},
    )["AuthenticationResult"]
    headers = {"Authorization": f"Bearer {refreshed['AccessToken']}"}
    assert post(stage, headers, json={"a": 1}).status_code == 200


def test_the_sign_in_page_is_there(stage):
    page = requests.get(stage.sign_in_url, timeout=10)
    assert page.status_code == 200 and "<form" in page.text


def test_the_functions_logs_hold_no_address_and_no_token(stage, newcomer):
    post(stage, newcomer.bearer, json={"secret": "a-very-private-thing"})
    logs = stage.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    events = [
        event["message"]
        for group in groups
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        for event in page["events"]
    ]
    text = "\n".join(events)
    assert '"answered"' in text, "the functions wrote no logs"
    for private in (newcomer.email, newcomer.sub, newcomer.access_token[:40], "a-very-private-thing"):
        assert private not in text
