//! What a template says of an app client: its flows, scopes, URLs and token lifetimes.

use serde::{Deserialize, Serialize};

/// The properties of AWS::Cognito::UserPoolClient that this cloud has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct ClientSettings {
    pub user_pool_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    pub generate_secret: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explicit_auth_flows: Option<Vec<AuthFlow>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_validity: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_validity: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token_validity: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_validity_units: Option<TokenValidityUnits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_session_validity: Option<i64>,
    pub prevent_user_existence_errors: ExistenceErrors,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_token_revocation: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token_rotation: Option<RefreshTokenRotation>,
    #[serde(rename = "AllowedOAuthFlows", skip_serializing_if = "Vec::is_empty")]
    pub allowed_oauth_flows: Vec<OAuthFlow>,
    #[serde(rename = "AllowedOAuthFlowsUserPoolClient")]
    pub allowed_oauth_flows_user_pool_client: bool,
    #[serde(rename = "AllowedOAuthScopes", skip_serializing_if = "Vec::is_empty")]
    pub allowed_oauth_scopes: Vec<String>,
    #[serde(rename = "CallbackURLs", skip_serializing_if = "Vec::is_empty")]
    pub callback_urls: Vec<String>,
    #[serde(rename = "LogoutURLs", skip_serializing_if = "Vec::is_empty")]
    pub logout_urls: Vec<String>,
    #[serde(rename = "DefaultRedirectURI", skip_serializing_if = "Option::is_none")]
    pub default_redirect_uri: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_identity_providers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_attributes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_attributes: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum AuthFlow {
    #[serde(rename = "ADMIN_NO_SRP_AUTH")]
    AdminNoSrp,
    #[serde(rename = "ALLOW_ADMIN_USER_PASSWORD_AUTH")]
    AllowAdminUserPassword,
    #[serde(rename = "ALLOW_CUSTOM_AUTH")]
    AllowCustom,
    #[serde(rename = "ALLOW_REFRESH_TOKEN_AUTH")]
    AllowRefreshToken,
    #[serde(rename = "ALLOW_USER_PASSWORD_AUTH")]
    AllowUserPassword,
    #[serde(rename = "ALLOW_USER_SRP_AUTH")]
    AllowUserSrp,
    #[serde(rename = "USER_PASSWORD_AUTH")]
    UserPassword,
}

impl AuthFlow {
    /// The names from before `ALLOW_…`; a client has the one kind or the other.
    pub fn is_legacy(self) -> bool {
        matches!(self, Self::AdminNoSrp | Self::UserPassword)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum ExistenceErrors {
    Enabled,
    #[default]
    Legacy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OAuthFlow {
    Code,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct TokenValidityUnits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<Unit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<Unit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Unit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Unit {
    Seconds,
    Minutes,
    Hours,
    Days,
}

impl Unit {
    fn seconds(self) -> i64 {
        match self {
            Self::Seconds => 1,
            Self::Minutes => 60,
            Self::Hours => 3600,
            Self::Days => 86_400,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RefreshTokenRotation {
    pub feature: Feature,
    #[serde(default)]
    pub retry_grace_period_seconds: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Feature {
    Enabled,
    Disabled,
}

impl ClientSettings {
    /// Whether a flow is allowed; `legacy` is the name that it had before `ALLOW_…`.
    pub fn allows(&self, flow: AuthFlow) -> bool {
        let Some(flows) = self.explicit_auth_flows.as_ref().filter(|flows| !flows.is_empty()) else {
            // Without a list: refresh, SRP and custom (API reference, ExplicitAuthFlows).
            return matches!(
                flow,
                AuthFlow::AllowRefreshToken | AuthFlow::AllowUserSrp | AuthFlow::AllowCustom
            );
        };
        let legacy = flows.iter().any(|flow| flow.is_legacy());
        flows.contains(&flow)
            || match flow {
                AuthFlow::AllowAdminUserPassword => flows.contains(&AuthFlow::AdminNoSrp),
                AuthFlow::AllowUserPassword => flows.contains(&AuthFlow::UserPassword),
                // The legacy lists only ever added to these two.
                AuthFlow::AllowRefreshToken | AuthFlow::AllowUserSrp => legacy,
                AuthFlow::AdminNoSrp => flows.contains(&AuthFlow::AllowAdminUserPassword),
                AuthFlow::UserPassword => flows.contains(&AuthFlow::AllowUserPassword),
                AuthFlow::AllowCustom => false,
            }
    }

    pub fn hides_existence(&self) -> bool {
        self.prevent_user_existence_errors == ExistenceErrors::Enabled
    }

    pub fn revokes(&self) -> bool {
        self.enable_token_revocation.unwrap_or(true)
    }

    pub fn rotates(&self) -> bool {
        self.refresh_token_rotation.as_ref().is_some_and(|rotation| rotation.feature == Feature::Enabled)
    }

    /// How long a rotated refresh token still works, in milliseconds.
    pub fn rotation_grace(&self) -> i64 {
        self.refresh_token_rotation.as_ref().map_or(0, |rotation| rotation.retry_grace_period_seconds * 1000)
    }

    /// Seconds that an access token lives: an hour unless the client says otherwise.
    pub fn access_seconds(&self) -> i64 {
        let unit = self.units().access_token.unwrap_or(Unit::Hours);
        self.access_token_validity.map_or(3600, |count| count.saturating_mul(unit.seconds()))
    }

    pub fn id_seconds(&self) -> i64 {
        let unit = self.units().id_token.unwrap_or(Unit::Hours);
        self.id_token_validity.map_or(3600, |count| count.saturating_mul(unit.seconds()))
    }

    /// Seconds that a refresh token lives: thirty days unless the client says otherwise.
    pub fn refresh_seconds(&self) -> i64 {
        let unit = self.units().refresh_token.unwrap_or(Unit::Days);
        self.refresh_token_validity.map_or(30 * 86_400, |count| count.saturating_mul(unit.seconds()))
    }

    /// Milliseconds that a challenge waits for its answer: three minutes unless the client says otherwise.
    pub fn challenge_milliseconds(&self) -> i64 {
        self.auth_session_validity.unwrap_or(3) * 60_000
    }

    fn units(&self) -> TokenValidityUnits {
        self.token_validity_units.clone().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(flows: &[AuthFlow]) -> ClientSettings {
        ClientSettings { explicit_auth_flows: Some(flows.to_vec()), ..ClientSettings::default() }
    }

    #[test]
    fn a_client_without_a_list_has_srp_and_refresh_but_no_password_flow() {
        let client = ClientSettings::default();
        assert!(client.allows(AuthFlow::AllowUserSrp));
        assert!(client.allows(AuthFlow::AllowRefreshToken));
        assert!(!client.allows(AuthFlow::AllowUserPassword));
        assert!(!client.allows(AuthFlow::AllowAdminUserPassword));
    }

    #[test]
    fn a_list_allows_what_it_names_alone() {
        let client = with(&[AuthFlow::AllowUserPassword]);
        assert!(client.allows(AuthFlow::AllowUserPassword));
        assert!(!client.allows(AuthFlow::AllowUserSrp));
        assert!(!client.allows(AuthFlow::AllowRefreshToken));
    }

    #[test]
    fn a_legacy_list_keeps_srp_and_refresh() {
        let client = with(&[AuthFlow::AdminNoSrp]);
        assert!(client.allows(AuthFlow::AllowAdminUserPassword));
        assert!(client.allows(AuthFlow::AllowUserSrp));
        assert!(client.allows(AuthFlow::AllowRefreshToken));
        assert!(!client.allows(AuthFlow::AllowUserPassword));
    }

    #[test]
    fn lifetimes_follow_their_units() {
        let client = ClientSettings {
            access_token_validity: Some(10),
            token_validity_units: Some(TokenValidityUnits {
                access_token: Some(Unit::Minutes),
                ..TokenValidityUnits::default()
            }),
            refresh_token_validity: Some(1),
            ..ClientSettings::default()
        };
        assert_eq!(client.access_seconds(), 600);
        assert_eq!(client.id_seconds(), 3600);
        assert_eq!(client.refresh_seconds(), 86_400);
    }
}
