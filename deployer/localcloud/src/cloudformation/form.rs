//! The query protocol's requests: form fields with dotted names, read as AWS's model nests them.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::wire::{AwsError, Call};

/// The fields of one request, or of one member of a list in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form(BTreeMap<String, String>);

impl Form {
    pub fn of(call: &Call) -> Self {
        Self(call.form())
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn required(&self, name: &str) -> Result<&str, AwsError> {
        self.text(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let mut characters = name.chars();
            let member: String =
                characters.next().iter().flat_map(|first| first.to_lowercase()).chain(characters).collect();
            invalid(format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>, AwsError> {
        match self.text(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(invalid(format!("{name} is not a boolean: {other}"))),
        }
    }

    /// `Name.member.N`. The SDKs send an empty list as `Name=`; a list that was not sent is `None`.
    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        let members = self.structures(name)?;
        Some(members.into_iter().filter_map(|member| member.0.into_values().next()).collect())
    }

    /// `Name.member.N.Field`, each member as a form of its own; a plain member has the field ``.
    pub fn structures(&self, name: &str) -> Option<Vec<Self>> {
        let prefix = format!("{name}.member.");
        let mut members: BTreeMap<usize, Self> = BTreeMap::new();
        for (key, value) in &self.0 {
            let Some(rest) = key.strip_prefix(&prefix) else { continue };
            let (index, field) = rest.split_once('.').unwrap_or((rest, ""));
            if let Ok(index) = index.parse() {
                members.entry(index).or_default().0.insert(field.to_owned(), value.clone());
            }
        }
        if members.is_empty() && !self.0.contains_key(name) {
            return None;
        }
        Some(members.into_values().collect())
    }

    /// Pairs of two fields of a list: tags, parameters.
    pub fn pairs(&self, name: &str, key: &str, value: &str) -> Option<BTreeMap<String, String>> {
        Some(
            self.structures(name)?
                .into_iter()
                .filter_map(|member| {
                    Some((member.text(key)?.to_owned(), member.text(value).unwrap_or_default().to_owned()))
                })
                .collect(),
        )
    }

    /// The same for the same request, whatever its token.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for (name, value) in &self.0 {
            if !matches!(name.as_str(), "ClientToken" | "ClientRequestToken") {
                hash.update(format!("{}:{name}={}:{value}", name.len(), value.len()));
            }
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Refuses members that the operation does not have here: nothing is accepted and ignored.
    pub fn only(&self, operation: &str, known: &[&str]) -> Result<(), AwsError> {
        for name in self.0.keys() {
            let member = name.split('.').next().unwrap_or(name);
            if !matches!(member, "Action" | "Version") && !known.contains(&member) {
                return Err(AwsError::not_implemented(format_args!("{member} of {operation}")));
            }
        }
        Ok(())
    }
}

/// CloudFormation's one code for wrong input.
pub fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::validation("ValidationError", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Form {
        Form(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn an_absent_list_differs_from_an_empty_one() {
        let form = form(&[("Tags", ""), ("Action", "UpdateStack")]);
        assert_eq!(form.list("Tags"), Some(vec![]));
        assert_eq!(form.list("Capabilities"), None);
    }

    #[test]
    fn members_keep_their_numeric_order() {
        let fields = (1..=11).map(|index| (format!("C.member.{index}"), format!("v{index}")));
        let form = Form(fields.collect());
        let list = form.list("C").unwrap();
        assert_eq!((list[1].as_str(), list[9].as_str(), list.len()), ("v2", "v10", 11));
    }

    #[test]
    fn an_unknown_member_is_refused_by_name() {
        let form = form(&[("Action", "X"), ("StackName", "s"), ("Rollback.member.1", "1")]);
        let refused = form.only("CreateStack", &["StackName"]).unwrap_err();
        assert!(refused.message.contains("Rollback of CreateStack"), "{refused}");
    }
}
