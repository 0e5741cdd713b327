"""Which tokens open the API: a valid access token of the stage's own pool, and nothing else."""

import base64
import json
import time

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from service import PASSWORD, sign_up
from support import ROOT


def call(stage, token):
    """The status of both routes: 401 when both refuse the token, 200 when both accept it."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    statuses = {
        # First: a profile that is not there would be 404.
        requests.post(stage.profile_url, headers=headers, json={}, timeout=30).status_code,
        requests.get(stage.profile_url, headers=headers, timeout=30).status_code,
    }
    assert len(statuses) == 1, statuses
    return statuses.pop()


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


def unsigned(header, claims):
    """A token's first two parts."""
    parts = [json.dumps(part).encode() for part in (header, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def test_no_token_is_401(stage):
    assert call(stage, None) == 401


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "…"])
def test_what_is_no_token_is_401(stage, token):
    assert call(stage, token.encode().decode("latin-1")) == 401


def test_a_broken_signature_is_401(stage, user):
    head, claims, signature = user.access_token.split(".")
    other = ("A" if signature[0] != "A" else "B") + signature[1:]
    assert call(stage, f"{head}.{claims}.{other}") == 401


def test_claims_changed_under_the_signature_are_401(stage, user):
    head, _, signature = user.access_token.split(".")
    claims = claims_of(user.access_token) | {"sub": "00000000-0000-4000-8000-000000000000"}
    changed = unsigned({}, claims).split(".")[1]
    assert call(stage, f"{head}.{changed}.{signature}") == 401


def test_the_algorithm_none_is_401(stage, user):
    header = jwt.get_unverified_header(user.access_token) | {"alg": "none"}
    assert call(stage, unsigned(header, claims_of(user.access_token)) + ".") == 401


def test_an_hmac_made_with_the_public_key_is_401(stage, user):
    header = jwt.get_unverified_header(user.access_token)
    keys = requests.get(f"{stage.endpoint}/{stage.pool_id}/.well-known/jwks.json", timeout=10).json()
    key = next(key for key in keys["keys"] if key["kid"] == header["kid"])
    forged = jwt.encode(
        claims_of(user.access_token), key["n"], algorithm="HS256", headers={"kid": header["kid"]}
    )
    assert call(stage, forged) == 401


def test_a_key_of_somebody_elses_is_401(stage, user):
    header = jwt.get_unverified_header(user.access_token)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forged = jwt.encode(
        claims_of(user.access_token), key, algorithm="RS256", headers={"kid": header["kid"]}
    )
    assert call(stage, forged) == 401


def signed_by_the_pool(stage, token, **changes):
    """A copy of `token` with other claims, signed with the pool's own key, which only its cloud has."""
    state = next((ROOT / ".deployer" / "local").rglob("cognito.json"))
    keys = json.loads(state.read_text())["pools"][stage.pool_id]["keys"]
    kid = jwt.get_unverified_header(token)["kid"]
    key = next(key for key in keys.values() if key["kid"] == kid)
    return jwt.encode(claims_of(token) | changes, key["pem"], algorithm="RS256", headers={"kid": kid})


def test_an_expired_token_is_401(stage, user):
    now = int(time.time())
    assert call(stage, signed_by_the_pool(stage, user.access_token, exp=now + 60)) == 200
    expired = signed_by_the_pool(stage, user.access_token, auth_time=now - 7200, iat=now - 7200, exp=now - 3600)
    assert call(stage, expired) == 401


def test_a_token_of_another_client_is_401(stage, user):
    assert call(stage, signed_by_the_pool(stage, user.access_token, client_id="another")) == 401


def test_a_token_of_another_pool_is_401(stage):
    cloudformation = stage.client("cloudformation")
    pool = {"Type": "AWS::Cognito::UserPool", "Properties": {"UsernameAttributes": ["email"], "AutoVerifiedAttributes": ["email"]}}
    client = {
        "Type": "AWS::Cognito::UserPoolClient",
        "Properties": {
            "UserPoolId": {"Ref": "Pool"},
            "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        },
    }
    template = {"Resources": {"Pool": pool, "Client": client}, "Outputs": {"Client": {"Value": {"Ref": "Client"}}}}
    cloudformation.create_stack(StackName="another-pool", TemplateBody=json.dumps(template))
    try:
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName="another-pool", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        outputs = cloudformation.describe_stacks(StackName="another-pool")["Stacks"][0]["Outputs"]
        other_client = outputs[0]["OutputValue"]
        email, _ = sign_up(stage, other_client)
        tokens = stage.client("cognito-idp").initiate_auth(
            ClientId=other_client,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": PASSWORD},
        )["AuthenticationResult"]
        assert call(stage, tokens["AccessToken"]) == 401
    finally:
        cloudformation.delete_stack(StackName="another-pool")
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName="another-pool", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )


def test_an_id_token_passes_the_authorizer_and_is_refused_by_the_function(stage, user):
    answer = requests.get(
        stage.profile_url, headers={"Authorization": f"Bearer {user.id_token}"}, timeout=30
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "access_token_required")


def test_an_access_token_says_what_cognitos_says(stage, user):
    claims = claims_of(user.access_token)
    assert claims["iss"] == stage.issuer
    assert (claims["token_use"], claims["client_id"], claims["sub"]) == ("access", stage.client_id, user.sub)
    assert claims["exp"] > time.time()
    assert "aud" not in claims
