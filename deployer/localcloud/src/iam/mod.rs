//! IAM: roles and policies, and the judgement of every call.

mod api;
mod condition;
mod decisions;
mod judge;
mod managed;
mod pattern;
mod policy;
pub mod resources;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde_json::Value;

pub use api::handle;
pub use decisions::{Decision, decisions};
pub use policy::Kind;

use crate::auth::Principal;
use crate::cloud::ACCOUNT;
use crate::store::{Persisted, Store};
use crate::wire::AwsError;
use decisions::Decisions;
use judge::{Ask, Verdict, judge};
use policy::Policy;

/// How long a session of a role lasts that a service assumes.
const SERVICE_SESSION: jiff::SignedDuration = jiff::SignedDuration::from_hours(12);

pub struct Iam {
    state: Persisted<State>,
    decisions: Decisions,
}

#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
struct State {
    /// By name.
    roles: BTreeMap<String, Role>,
    /// Customer managed policies, by ARN.
    policies: BTreeMap<String, ManagedPolicy>,
    /// OpenID Connect providers, by ARN.
    #[serde(default)]
    providers: BTreeMap<String, Provider>,
    /// By access key id.
    sessions: BTreeMap<String, Session>,
}

/// Who else may say who somebody is.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Provider {
    /// With `https://`.
    url: String,
    /// Audiences of the tokens that count.
    client_ids: Vec<String>,
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Role {
    name: String,
    path: String,
    /// `AROA…`
    id: String,
    arn: String,
    description: Option<String>,
    /// Seconds.
    max_session_duration: i64,
    created_at: jiff::Timestamp,
    trust: Value,
    /// Inline policies by name.
    inline: BTreeMap<String, Value>,
    /// ARNs of managed policies.
    attached: BTreeSet<String>,
    /// ARN of a managed policy.
    boundary: Option<String>,
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct ManagedPolicy {
    name: String,
    path: String,
    arn: String,
    description: Option<String>,
    document: Value,
}

/// Credentials of a role's session.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
    /// Milliseconds since the epoch.
    pub expires_at: i64,
}

/// Credentials and whose they are.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Session {
    pub credentials: Credentials,
    pub principal: Principal,
}

impl Iam {
    pub fn open(store: &Store) -> io::Result<Self> {
        Ok(Self { state: store.open("iam")?, decisions: Decisions::default() })
    }

    /// Whether `principal` may do `action` on `resource` (an ARN). The error is AccessDenied and
    /// names the principal, the action and the resource as AWS does.
    /// `context` holds condition keys: `[("aws:SourceArn", "…")]`.
    pub fn authorize(
        &self,
        principal: &Principal,
        action: &str,
        resource: &str,
        context: &[(&str, &str)],
    ) -> Result<(), AwsError> {
        self.authorize_with(principal, action, resource, context, None)
    }

    /// As [`Iam::authorize`] for a resource that has a policy of its own: within one account either
    /// side may allow, and either side's explicit deny is final.
    pub fn authorize_with(
        &self,
        principal: &Principal,
        action: &str,
        resource: &str,
        context: &[(&str, &str)],
        resource_policy: Option<&Value>,
    ) -> Result<(), AwsError> {
        let ask = Ask { principal, action, resource, context };
        let of_resource = match resource_policy {
            Some(document) => judge([&Policy::parse(document, Kind::Resource)?], &ask),
            None => Verdict::Silent,
        };
        let finding = match (of_resource, self.judge_identity(&ask)?) {
            (Verdict::Denied, _) => Finding::Denied("a resource-based policy"),
            (Verdict::Allowed, Finding::Silent(IDENTITY | RESOURCE)) => Finding::Allowed,
            (Verdict::Allowed | Verdict::Silent, identity) => identity,
        };
        self.decisions.record(principal, action, resource, finding == Finding::Allowed);
        finding.into_result(&ask)
    }

    fn judge_identity(&self, ask: &Ask<'_>) -> Result<Finding, AwsError> {
        let role_name = match ask.principal {
            Principal::Administrator => return Ok(Finding::Allowed),
            Principal::Role { role_name, .. } => role_name,
            Principal::Service(_) | Principal::Federated(_) | Principal::Anonymous => {
                return Ok(Finding::Silent(RESOURCE));
            }
        };
        let (identity, boundary) = self.policies_of(role_name)?;
        let of_boundary = boundary.map(|boundary| judge([&boundary], ask));
        Ok(match (judge(&identity, ask), of_boundary) {
            (Verdict::Denied, _) => Finding::Denied("an identity-based policy"),
            (_, Some(Verdict::Denied)) => Finding::Denied("a permissions boundary"),
            (_, Some(Verdict::Silent)) => Finding::Silent("permissions boundary"),
            (Verdict::Silent, _) => Finding::Silent(IDENTITY),
            (Verdict::Allowed, _) => Finding::Allowed,
        })
    }

    /// A role's identity policies and its boundary. A role that is gone has none.
    fn policies_of(&self, role_name: &str) -> Result<(Vec<Policy>, Option<Policy>), AwsError> {
        let documents = self.state.read(|state| {
            let role = state.roles.get(role_name)?;
            let managed = |arn: &String| state.managed(arn).map(|policy| policy.document);
            let identity: Vec<Value> =
                role.inline.values().cloned().chain(role.attached.iter().filter_map(managed)).collect();
            Some((identity, role.boundary.as_ref().and_then(managed)))
        });
        let Some((identity, boundary)) = documents else { return Ok((Vec::new(), None)) };
        let parse = |document: &Value| Policy::parse(document, Kind::Identity);
        let identity = identity.iter().map(parse).collect::<Result<_, _>>()?;
        Ok((identity, boundary.as_ref().map(parse).transpose()?))
    }

    /// Assumes a role for a service (`lambda.amazonaws.com`), judged by the role's trust policy.
    pub fn assume_for_service(
        &self,
        role_arn: &str,
        service: &str,
        session: &str,
        context: &[(&str, &str)],
    ) -> Result<Credentials, AwsError> {
        let principal = Principal::Service(service.to_owned());
        self.assume(&principal, role_arn, session, context, SERVICE_SESSION)
            .map(|(session, _)| session.credentials)
    }

    /// Assumes a role for whom an identity provider of the account vouches. `claims` are those of the token, as
    /// condition keys (`token.actions.githubusercontent.com:sub`). Whoever calls has verified the token: the
    /// provider's keys are on the network, which this cloud never asks.
    pub fn assume_for_identity(
        &self,
        provider: &str,
        claims: &[(&str, &str)],
        role_arn: &str,
        session: &str,
    ) -> Result<Credentials, AwsError> {
        if !self.state.read(|state| state.providers.contains_key(provider)) {
            let text = "No OpenIDConnect provider found in your account for the token's issuer";
            return Err(AwsError::new(400, "InvalidIdentityToken", text));
        }
        let principal = Principal::Federated(provider.to_owned());
        self.assume(&principal, role_arn, session, claims, SERVICE_SESSION)
            .map(|(session, _)| session.credentials)
    }

    /// Assumes a role; answers the session and the role's id. The trust policy decides; a principal
    /// of this account also needs nothing else where the policy names it, and its own policies'
    /// leave where the policy names the account.
    pub fn assume(
        &self,
        principal: &Principal,
        role_arn: &str,
        session: &str,
        context: &[(&str, &str)],
        lifetime: jiff::SignedDuration,
    ) -> Result<(Session, String), AwsError> {
        let action = match principal {
            Principal::Federated(_) => "sts:AssumeRoleWithWebIdentity",
            Principal::Administrator
            | Principal::Role { .. }
            | Principal::Service(_)
            | Principal::Anonymous => "sts:AssumeRole",
        };
        let ask = Ask { principal, action, resource: role_arn, context };
        let role = self
            .state
            .read(|state| state.roles.values().find(|role| role.arn == role_arn).cloned())
            .filter(|role| {
                Policy::parse(&role.trust, Kind::Trust)
                    .is_ok_and(|trust| judge([&trust], &ask) == Verdict::Allowed)
            });
        self.decisions.record(principal, ask.action, role_arn, role.is_some());
        let Some(role) = role else {
            // An absent role and a closed one read the same, so that names cannot be probed.
            return Err(AwsError::new(
                403,
                "AccessDenied",
                format!(
                    "User: {} is not authorized to perform: {action} on resource: {role_arn}",
                    principal.arn()
                ),
            ));
        };
        let now = jiff::Timestamp::now();
        let session = Session {
            credentials: Credentials {
                access_key_id: format!("ASIA{}", random_id(16)),
                secret_access_key: secret(),
                session_token: secret() + &secret(),
                expires_at: now.saturating_add(lifetime).unwrap_or(now).as_millisecond(),
            },
            principal: Principal::Role {
                role_arn: role.arn,
                role_name: role.name,
                session: session.to_owned(),
            },
        };
        self.state.write(|state| {
            let now = now.as_millisecond();
            state.sessions.retain(|_, session| session.credentials.expires_at > now);
            state.sessions.insert(session.credentials.access_key_id.clone(), session.clone());
        });
        Ok((session, role.id))
    }

    /// The session of an access key.
    pub fn session(&self, access_key_id: &str) -> Option<Session> {
        self.state.read(|state| state.sessions.get(access_key_id).cloned())
    }

    /// The id (`AROA…`) of a role; `None` where it is gone.
    pub fn role_id(&self, role_name: &str) -> Option<String> {
        self.state.read(|state| state.roles.get(role_name).map(|role| role.id.clone()))
    }

    /// Whether a policy document (a resource policy of Lambda, S3, …) lets `principal` do `action`.
    /// A pure helper over the same evaluator; `context` as above.
    pub fn resource_policy_allows(
        policy: &Value,
        principal: &Principal,
        action: &str,
        resource: &str,
        context: &[(&str, &str)],
    ) -> bool {
        Policy::parse(policy, Kind::Resource).is_ok_and(|policy| {
            judge([&policy], &Ask { principal, action, resource, context }) == Verdict::Allowed
        })
    }

    /// Refuses a document that AWS refuses: MalformedPolicyDocument.
    pub fn validate_policy(document: &Value, kind: Kind) -> Result<(), AwsError> {
        Policy::parse(document, kind).map(drop)
    }

    /// The last decisions, oldest first.
    pub fn decisions(&self) -> Vec<Decision> {
        self.decisions.all()
    }
}

impl State {
    /// A customer's managed policy or one of AWS's.
    fn managed(&self, arn: &str) -> Option<ManagedPolicy> {
        self.policies.get(arn).cloned().or_else(|| managed::of_aws(arn))
    }
}

const IDENTITY: &str = "identity-based policy";
const RESOURCE: &str = "resource-based policy";

/// What a judgement found, and in which kind of policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finding {
    Allowed,
    Denied(&'static str),
    Silent(&'static str),
}

impl Finding {
    /// The words are AWS's: "Troubleshoot access denied error messages" in the IAM user guide.
    fn into_result(self, ask: &Ask<'_>) -> Result<(), AwsError> {
        let cause = match self {
            Self::Allowed => return Ok(()),
            Self::Denied(place) => format!("with an explicit deny in {place}"),
            Self::Silent(kind) => format!("because no {kind} allows the {} action", ask.action),
        };
        let (user, action, resource) = (ask.principal.arn(), ask.action, ask.resource);
        Err(AwsError::new(
            403,
            "AccessDenied",
            format!("User: {user} is not authorized to perform: {action} on resource: {resource} {cause}"),
        ))
    }
}

fn role_arn(path: &str, name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role{path}{name}")
}

/// Letters and digits as AWS's ids have them.
fn random_id(length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bytes = [uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes()].concat();
    bytes.iter().take(length).map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

fn secret() -> String {
    [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].iter().map(|part| part.simple().to_string()).collect()
}
