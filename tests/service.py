"""The local stage as its users see it: outputs, inbox, rows, and people who sign up and in."""

import dataclasses
import re
import secrets

import boto3
import requests
from pycognito.aws_srp import AWSSRP

PASSWORD = "Correct-horse-battery-7"


@dataclasses.dataclass
class Stage:
    """What a user of the stage knows of it: the deployer's outputs."""

    endpoint: str
    api_url: str
    pool_id: str
    client_id: str
    sign_in_url: str
    table: str

    @property
    def region(self):
        return self.pool_id.split("_")[0]

    @property
    def profile_url(self):
        return self.api_url.rstrip("/") + "/user/profile"

    @property
    def issuer(self):
        return f"https://cognito-idp.{self.region}.amazonaws.com/{self.pool_id}"

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def inbox(self, address):
        """The messages sent to `address`, newest first."""
        answer = requests.get(f"{self.endpoint}/_local/inbox.json", params={"to": address}, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def row(self, sub):
        """The user's row in the `profiles` table, as DynamoDB has it, or None."""
        key = {"pk": {"S": f"USER#{sub}"}, "sk": {"S": "PROFILE"}}
        answer = self.client("dynamodb").get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return answer.get("Item")

    def delete_row(self, sub):
        key = {"pk": {"S": f"USER#{sub}"}, "sk": {"S": "PROFILE"}}
        self.client("dynamodb").delete_item(TableName=self.table, Key=key)


@dataclasses.dataclass
class User:
    email: str
    sub: str
    access_token: str
    id_token: str
    refresh_token: str

    @property
    def bearer(self):
        return {"Authorization": f"Bearer {self.access_token}"}


def sign_up(stage, pool_client):
    """Signs a new user up and confirms them with the code from the inbox, as they would. Gives address and sub."""
    email = f"ana-{secrets.token_hex(6)}@example.com"
    cognito = stage.client("cognito-idp")
    signed_up = cognito.sign_up(
        ClientId=pool_client,
        Username=email,
        Password=PASSWORD,
        UserAttributes=[{"Name": "email", "Value": email}, {"Name": "given_name", "Value": "Ana"}],
    )
    code = stage.inbox(email)[0]["code"]
    assert re.fullmatch(r"\d{6}", code)
    cognito.confirm_sign_up(ClientId=pool_client, Username=email, ConfirmationCode=code)
    return email, signed_up["UserSub"]


def sign_in(stage, email, sub):
    """Signs in by SRP: the password never leaves the client."""
    srp = AWSSRP(email, PASSWORD, stage.pool_id, stage.client_id, client=stage.client("cognito-idp"))
    tokens = srp.authenticate_user()["AuthenticationResult"]
    return User(email, sub, tokens["AccessToken"], tokens["IdToken"], tokens["RefreshToken"])
