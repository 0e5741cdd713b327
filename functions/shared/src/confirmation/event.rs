//! The trigger's event: only what the row needs is read, everything else may be in any form.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::failure::Reason;
use crate::user::User;

/// The trigger also fires when a forgotten password was replaced: `PostConfirmation_ConfirmForgotPassword`.
const CONFIRMED_SIGN_UP: &str = "PostConfirmation_ConfirmSignUp";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    trigger_source: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Confirmation {
    user_name: String,
    request: Request,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    user_attributes: HashMap<String, Value>,
}

/// The user who confirmed a sign-up, `None` where the event is about something else.
pub(super) fn confirmed_user(event: &str) -> Result<Option<User>, Reason> {
    let source: Source = serde_json::from_str(event).map_err(|_| Reason::NotATriggerEvent)?;
    if source.trigger_source != CONFIRMED_SIGN_UP {
        return Ok(None);
    }
    let Confirmation { user_name, request } =
        serde_json::from_str(event).map_err(|_| Reason::NotATriggerEvent)?;
    User::from_attributes(&user_name, |name| request.user_attributes.get(name).and_then(Value::as_str))
        .map(Some)
        .ok_or(Reason::NoSub)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmed_sign_up_gives_the_user() {
        let user = confirmed_user(include_str!("../../../post-confirmation/events/confirm-sign-up.json"))
            .unwrap()
            .unwrap();
        assert_eq!(user.sub.to_string(), "0d6a3c1e-7b1f-4c55-9a53-0c2f5f0e4a11");
        assert_eq!(user.username, "lopezlucas");
        assert_eq!(user.email.as_deref(), Some("lucas@example.com"));
        assert_eq!((user.given_name.as_deref(), user.family_name.as_deref()), (Some("Lucas"), Some("Lopez")));
    }

    #[test]
    fn a_user_without_an_address_and_fields_of_other_forms_are_no_obstacle() {
        let user =
            confirmed_user(include_str!("../../../post-confirmation/events/unknown-fields-no-email.json"))
                .unwrap()
                .unwrap();
        assert_eq!(user.email, None);
    }

    #[test]
    fn a_replaced_password_is_not_a_sign_up() {
        assert_eq!(
            confirmed_user(include_str!("../../../post-confirmation/events/confirm-forgot-password.json")),
            Ok(None)
        );
        assert_eq!(confirmed_user(r#"{"triggerSource": "PreSignUp_SignUp"}"#), Ok(None));
    }

    #[test]
    fn an_event_without_what_the_row_needs_is_an_error_with_a_cause() {
        assert_eq!(confirmed_user("{}"), Err(Reason::NotATriggerEvent));
        let no_user = r#"{"triggerSource": "PostConfirmation_ConfirmSignUp", "userName": "u"}"#;
        assert_eq!(confirmed_user(no_user), Err(Reason::NotATriggerEvent));
        let no_sub = r#"{"triggerSource": "PostConfirmation_ConfirmSignUp", "userName": "u",
                         "request": {"userAttributes": {}}}"#;
        assert_eq!(confirmed_user(no_sub), Err(Reason::NoSub));
    }
}
