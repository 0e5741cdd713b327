// Signs in as a front end does, by SRP with amazon-cognito-identity-js, refreshes the session, and calls the API.
// Standard input: {"endpoint", "poolId", "clientId", "email", "password", "profileUrl"}. Standard output: what the
// API answered, as JSON.

const { AuthenticationDetails, CognitoUser, CognitoUserPool } = require("amazon-cognito-identity-js");
const { text } = require("node:stream/consumers");

function signIn(user, { email, password }) {
  const details = new AuthenticationDetails({ Username: email, Password: password });
  return new Promise((resolve, reject) =>
    user.authenticateUser(details, { onSuccess: resolve, onFailure: reject }),
  );
}

function refresh(user, session) {
  return new Promise((resolve, reject) =>
    user.refreshSession(session.getRefreshToken(), (error, fresh) => (error ? reject(error) : resolve(fresh))),
  );
}

function attributes(user) {
  return new Promise((resolve, reject) =>
    user.getUserAttributes((error, list) => (error ? reject(error) : resolve(list))),
  );
}

async function main() {
  const input = JSON.parse(await text(process.stdin));
  const pool = new CognitoUserPool({
    UserPoolId: input.poolId,
    ClientId: input.clientId,
    endpoint: input.endpoint,
  });
  const user = new CognitoUser({ Username: input.email, Pool: pool });
  const session = await refresh(user, await signIn(user, input));
  const answer = await fetch(input.profileUrl, {
    method: "POST",
    headers: { Authorization: `Bearer ${session.getAccessToken().getJwtToken()}` },
    body: JSON.stringify({ from: "javascript" }),
  });
  const email = (await attributes(user)).find((attribute) => attribute.getName() === "email").getValue();
  console.log(JSON.stringify({ status: answer.status, body: await answer.json(), email }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
