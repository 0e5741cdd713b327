//! The messages that Cognito "sends": codes and invitations, kept in an inbox that a person can read.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

use super::settings::PoolSettings;
use super::state::{Code, Millis, User};
use super::{errors, random};
use crate::wire::AwsError;

/// How many messages are kept; the oldest go first.
const KEPT: usize = 500;
/// Tries that a code takes before it is worth nothing.
const TRIES: u32 = 5;

/// Oldest first.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Inbox {
    #[serde(serialize_with = "without_passwords")]
    messages: Vec<Message>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Message {
    pub to: String,
    pub subject: String,
    pub body: String,
    /// The code, or the temporary password of an invitation.
    pub code: String,
    pub sent: Millis,
    #[serde(skip)]
    has_password: bool,
}

/// An invitation holds a password in clear: it is shown while the cloud runs and never written.
fn without_passwords<S: Serializer>(messages: &[Message], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(messages.iter().filter(|message| !message.has_password))
}

impl Inbox {
    /// Newest first; `to` in any case.
    pub fn to(&self, to: Option<&str>) -> impl Iterator<Item = &Message> {
        let to = to.map(str::to_lowercase);
        self.messages
            .iter()
            .rev()
            .filter(move |message| to.as_ref().is_none_or(|to| message.to.to_lowercase() == *to))
    }

    pub fn send_code(&mut self, settings: &PoolSettings, to: &str, kind: Kind, code: &str, now: Millis) {
        let template = settings.verification_message_template.clone().unwrap_or_default();
        let subject = template
            .email_subject
            .or_else(|| settings.email_verification_subject.clone())
            .unwrap_or_else(|| kind.subject().to_owned());
        let body = template
            .email_message
            .or_else(|| settings.email_verification_message.clone())
            .unwrap_or_else(|| kind.body().to_owned())
            .replace("{####}", code);
        self.keep(Message {
            to: to.to_owned(),
            subject,
            body,
            code: code.to_owned(),
            sent: now,
            has_password: false,
        });
    }

    pub fn send_invitation(
        &mut self,
        settings: &PoolSettings,
        to: &str,
        username: &str,
        password: &str,
        now: Millis,
    ) {
        let template = settings.admin_create_user_config.invite_message_template.clone().unwrap_or_default();
        let subject = template.email_subject.unwrap_or_else(|| "Your temporary password".to_owned());
        let body = template
            .email_message
            .unwrap_or_else(|| "Your username is {username} and temporary password is {####}.".to_owned())
            .replace("{username}", username)
            .replace("{####}", password);
        self.keep(Message {
            to: to.to_owned(),
            subject,
            body,
            code: password.to_owned(),
            sent: now,
            has_password: true,
        });
    }

    fn keep(&mut self, message: Message) {
        self.messages.push(message);
        let surplus = self.messages.len().saturating_sub(KEPT);
        self.messages.drain(..surplus);
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    SignUp,
    Password,
    Attribute,
}

impl Kind {
    fn subject(self) -> &'static str {
        match self {
            Self::SignUp | Self::Attribute => "Your verification code",
            Self::Password => "Your password reset code",
        }
    }

    fn body(self) -> &'static str {
        match self {
            Self::SignUp => "Your confirmation code is {####}",
            Self::Password => "Your password reset code is {####}",
            Self::Attribute => "Your verification code is {####}",
        }
    }

    /// A day for sign-up and attributes, an hour for a password.
    fn lifetime(self) -> Millis {
        match self {
            Self::SignUp | Self::Attribute => 24 * 3_600_000,
            Self::Password => 3_600_000,
        }
    }
}

/// A fresh code of this kind.
pub(super) fn new_code(kind: Kind, now: Millis) -> Result<Code, AwsError> {
    Ok(Code { code: random::code()?, expires: now + kind.lifetime(), failures: 0 })
}

/// Judges a code that a user sent back; a right one is to be forgotten by the caller.
pub(super) fn check_code(kept: Option<&mut Code>, given: &str, now: Millis) -> Result<(), AwsError> {
    let Some(kept) = kept else { return Err(errors::code_expired()) };
    if kept.failures >= TRIES {
        return Err(errors::limit_exceeded());
    }
    if kept.expires <= now {
        return Err(errors::code_expired());
    }
    if kept.code != given {
        kept.failures += 1;
        return Err(errors::code_mismatch());
    }
    Ok(())
}

/// CodeDeliveryDetails of a message to an address.
pub(super) fn delivery(address: &str) -> Value {
    json!({"AttributeName": "email", "DeliveryMedium": "EMAIL", "Destination": masked(address)})
}

/// `someone@example.com` -> `s***@e***`.
fn masked(address: &str) -> String {
    let first = |text: &str| text.chars().next().map(String::from).unwrap_or_default();
    let (local, domain) = address.split_once('@').unwrap_or((address, ""));
    format!("{}***@{}***", first(local), first(domain))
}

/// What an absent user's request for a code answers where a client hides who exists.
pub(super) fn simulated_delivery(name: &str, user: Option<&User>) -> Value {
    let address = user.and_then(|user| user.attribute("email")).unwrap_or(name);
    if address.contains('@') { delivery(address) } else { delivery(&format!("{address}@example.com")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_masked_to_its_first_letters() {
        assert_eq!(masked("someone@example.com"), "s***@e***");
    }

    #[test]
    fn a_code_works_until_it_expires() {
        let mut code = Code { code: "123456".to_owned(), expires: 1000, failures: 0 };
        assert_eq!(check_code(Some(&mut code), "123456", 999), Ok(()));
        assert_eq!(check_code(Some(&mut code), "123456", 1000), Err(errors::code_expired()));
    }

    #[test]
    fn five_wrong_codes_end_the_tries() {
        let mut code = Code { code: "123456".to_owned(), expires: 1000, failures: 0 };
        for _ in 0..5 {
            assert_eq!(check_code(Some(&mut code), "000000", 0), Err(errors::code_mismatch()));
        }
        assert_eq!(check_code(Some(&mut code), "123456", 0), Err(errors::limit_exceeded()));
    }

    #[test]
    fn an_invitation_is_shown_and_never_written() {
        let mut inbox = Inbox::default();
        let settings = PoolSettings::default();
        inbox.send_invitation(&settings, "a@example.com", "a", "Temporary-1", 0);
        inbox.send_code(&settings, "a@example.com", Kind::SignUp, "123456", 1);
        let shown: Vec<_> = inbox.to(Some("A@example.com")).map(|message| message.code.as_str()).collect();
        assert_eq!(shown, ["123456", "Temporary-1"]);
        assert!(!serde_json::to_string(&inbox).unwrap().contains("Temporary-1"));
    }

    #[test]
    fn a_pools_own_words_are_used() {
        let settings: PoolSettings = serde_json::from_value(json!({
            "EmailVerificationSubject": "Hello", "EmailVerificationMessage": "Use {####} now"
        }))
        .unwrap();
        let mut inbox = Inbox::default();
        inbox.send_code(&settings, "a@example.com", Kind::SignUp, "123456", 1);
        let message = inbox.to(None).next().unwrap();
        assert_eq!((message.subject.as_str(), message.body.as_str()), ("Hello", "Use 123456 now"));
    }
}
