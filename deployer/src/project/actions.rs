//! Which IAM actions may be granted on what.

/// What an action works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    Table,
    Index,
    UserPool,
    Database,
}

impl Resource {
    /// The actions that mean something on it, from the service authorization reference
    /// (dynamodb: resource types `table` and `index`; cognito-idp: `userpool`;
    /// secretsmanager: `Secret`).
    fn actions(self) -> &'static [&'static str] {
        match self {
            Self::Table => &[
                "dynamodb:BatchGetItem",
                "dynamodb:BatchWriteItem",
                "dynamodb:ConditionCheckItem",
                "dynamodb:DeleteItem",
                "dynamodb:DescribeTable",
                "dynamodb:GetItem",
                "dynamodb:PartiQLDelete",
                "dynamodb:PartiQLInsert",
                "dynamodb:PartiQLSelect",
                "dynamodb:PartiQLUpdate",
                "dynamodb:PutItem",
                "dynamodb:Query",
                "dynamodb:Scan",
                "dynamodb:UpdateItem",
            ],
            Self::Index => &["dynamodb:PartiQLSelect", "dynamodb:Query", "dynamodb:Scan"],
            Self::UserPool => &[
                "cognito-idp:AdminAddUserToGroup",
                "cognito-idp:AdminConfirmSignUp",
                "cognito-idp:AdminCreateUser",
                "cognito-idp:AdminDeleteUser",
                "cognito-idp:AdminDeleteUserAttributes",
                "cognito-idp:AdminDisableUser",
                "cognito-idp:AdminEnableUser",
                "cognito-idp:AdminGetUser",
                "cognito-idp:AdminListGroupsForUser",
                "cognito-idp:AdminRemoveUserFromGroup",
                "cognito-idp:AdminResetUserPassword",
                "cognito-idp:AdminSetUserPassword",
                "cognito-idp:AdminUpdateUserAttributes",
                "cognito-idp:AdminUserGlobalSignOut",
                "cognito-idp:ListUsers",
                "cognito-idp:ListUsersInGroup",
            ],
            Self::Database => &["secretsmanager:GetSecretValue"],
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Table => "a table",
            Self::Index => "an index",
            Self::UserPool => "the user pool",
            Self::Database => "the database's secret",
        }
    }
}

/// Whether `action` may be granted on a resource; if not, why, and what was probably meant.
pub fn check(action: &str, resource: Resource) -> Result<(), (String, String)> {
    if resource.actions().contains(&action) {
        return Ok(());
    }
    let message = format!("{action:?} cannot be granted on {}", resource.words());
    if action.contains('*') {
        return Err((message, "name each action: a role may do exactly what its code calls".into()));
    }
    if matches!(action, "dynamodb:TransactWriteItems" | "dynamodb:TransactGetItems") {
        let help = "a transaction needs the actions of its members: PutItem, UpdateItem, DeleteItem, \
                    ConditionCheckItem, GetItem";
        return Err((message, help.into()));
    }
    let known = resource.actions();
    let help = match super::nearest(action, known.iter().copied()) {
        Some(meant) => format!("did you mean {meant:?}?"),
        None => format!("known are {}", known.join(", ")),
    };
    Err((message, help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_never_granted() {
        for action in ["dynamodb:*", "*", "dynamodb:Get*"] {
            assert!(check(action, Resource::Table).is_err(), "{action}");
        }
    }

    #[test]
    fn an_index_can_only_be_read_by_query_and_scan() {
        assert!(check("dynamodb:Query", Resource::Index).is_ok());
        assert!(check("dynamodb:GetItem", Resource::Index).is_err());
    }

    #[test]
    fn a_misspelt_action_names_the_nearest() {
        let (_, help) = check("dynamodb:GetItems", Resource::Table).unwrap_err();
        assert_eq!(help, "did you mean \"dynamodb:GetItem\"?");
    }

    #[test]
    fn a_transaction_names_the_actions_of_its_members() {
        let (_, help) = check("dynamodb:TransactWriteItems", Resource::Table).unwrap_err();
        assert!(help.contains("ConditionCheckItem"), "{help}");
    }
}
