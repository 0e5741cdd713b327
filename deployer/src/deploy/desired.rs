//! What a stage should be: everything that goes into a change set, and its fingerprint.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::aws::{Capability, ChangeSetRequest, Stack, TemplateBody};
use crate::project::Class;
use crate::project::yaml::{self, Node};

/// The parameter that switches the deletion protection of tables and pools.
pub const PROTECTION: &str = "DeletionProtection";
/// The stack's tag with the service's name.
pub const SERVICE_TAG: &str = "deployer:service";
/// CloudFormation takes a template inline up to this many bytes.
pub const INLINE_LIMIT: usize = 51_200;

/// A stack as it should be.
#[derive(Debug, Clone)]
pub struct Desired {
    pub stack: String,
    pub class: Class,
    pub template: String,
    pub parameters: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    /// Set once the stack is known to work: termination protection and a stack policy.
    pub protected: bool,
    pub stack_policy: bool,
}

impl Desired {
    /// Short and the same for the same content: a killed run's operation is recognised by it.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.stack, &self.template] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        for (key, value) in self.parameters.iter().chain(&self.tags) {
            hash.update(key.as_bytes());
            hash.update([0]);
            hash.update(value.as_bytes());
            hash.update([0]);
        }
        hash.finalize().iter().take(10).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Where a template goes that is too large to be sent: below the service's own prefix, as its zips do.
    pub fn template_key(&self) -> String {
        let service = self.tags.get(SERVICE_TAG).unwrap_or(&self.stack);
        format!("{service}/templates/{}/{}.yaml", self.stack, self.fingerprint())
    }

    /// Whether the live stack is this already. `template` is what GetTemplate answered.
    pub fn is_live(&self, stack: &Stack, template: Option<&str>) -> bool {
        template.is_some_and(|live| live.trim_end() == self.template.trim_end())
            && stack.parameters == self.parameters
            && stack.tags == self.tags
            && stack.termination_protection == self.protected
    }

    /// The same stack before it has worked once: deletion protection would keep a failed create
    /// from rolling back.
    pub fn unprotected(&self) -> Self {
        let mut first = self.clone();
        if let Some(value) = first.parameters.get_mut(PROTECTION) {
            "false".clone_into(value);
        }
        first
    }

    /// Whether the template switches protection by the parameter, and it should be on.
    pub fn wants_protection(&self) -> bool {
        self.parameters.get(PROTECTION).is_some_and(|value| value == "true")
    }

    pub(super) fn change_set(&self, request: NewChangeSet<'_>) -> ChangeSetRequest {
        ChangeSetRequest {
            stack: request.stack.to_owned(),
            name: request.name.to_owned(),
            create: request.create,
            template: request.template,
            parameters: self.parameters.clone(),
            tags: self.tags.clone(),
            capability: capability(&self.template),
            description: request.description.to_owned(),
            token: request.name.to_owned(),
        }
    }
}

pub(super) struct NewChangeSet<'a> {
    pub stack: &'a str,
    pub name: &'a str,
    pub create: bool,
    pub template: TemplateBody,
    /// Who deploys what: kept with the change set, and nowhere in the stack.
    pub description: &'a str,
}

/// What CloudFormation wants to be told that a template makes: IAM resources, or IAM resources with names of
/// their own (Acknowledging IAM resources in CloudFormation templates, user guide). Never more than it needs.
fn capability(template: &str) -> Option<Capability> {
    let tree = yaml::parse(template).ok()?;
    let iam = tree.get("Resources")?.mapping()?.values().filter_map(|entry| {
        let kind = entry.node.get("Type").and_then(Node::text)?.strip_prefix("AWS::IAM::")?;
        Some(entry.node.at(&["Properties", name_property(kind)]).is_some())
    });
    iam.max().map(|named| if named { Capability::NamedIam } else { Capability::Iam })
}

/// The property that names a resource of IAM. A policy within a role is named there alone.
fn name_property(kind: &str) -> &'static str {
    match kind {
        "Role" => "RoleName",
        "ManagedPolicy" => "ManagedPolicyName",
        "User" => "UserName",
        "Group" => "GroupName",
        "InstanceProfile" => "InstanceProfileName",
        _ => "Name",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::StackStatus;

    fn desired() -> Desired {
        Desired {
            stack: "s".to_owned(),
            class: Class::Development,
            template: "Resources: {}\n".to_owned(),
            parameters: BTreeMap::from([(PROTECTION.to_owned(), "true".to_owned())]),
            tags: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
            protected: true,
            stack_policy: false,
        }
    }

    fn live(desired: &Desired) -> Stack {
        Stack {
            id: "arn".to_owned(),
            name: desired.stack.clone(),
            status: StackStatus::UpdateComplete,
            reason: None,
            parameters: desired.parameters.clone(),
            tags: desired.tags.clone(),
            outputs: BTreeMap::new(),
            termination_protection: desired.protected,
            notification_arns: Vec::new(),
            created: None,
            updated: None,
        }
    }

    #[test]
    fn a_no_op_compares_template_parameters_tags_and_termination_protection() {
        let desired = desired();
        let stack = live(&desired);
        let template = Some(desired.template.as_str());
        assert!(desired.is_live(&stack, template));
        assert!(!desired.is_live(&stack, Some("Resources: {A: 1}")));
        assert!(!desired.is_live(&stack, None));
        assert!(!desired.is_live(&Stack { parameters: BTreeMap::new(), ..stack.clone() }, template));
        assert!(!desired.is_live(&Stack { tags: BTreeMap::new(), ..stack.clone() }, template));
        assert!(!desired.is_live(&Stack { termination_protection: false, ..stack }, template));
    }

    #[test]
    fn a_capability_is_asked_for_only_where_iam_resources_need_it() {
        let role = |property: &str| {
            format!("Resources: {{R: {{Type: AWS::IAM::Role, Properties: {{{property}}}}}}}")
        };
        assert_eq!(capability("Resources: {T: {Type: AWS::DynamoDB::Table}}"), None);
        assert_eq!(capability(&role("Path: /a/")), Some(Capability::Iam));
        assert_eq!(capability(&role("RoleName: r")), Some(Capability::NamedIam));
        // Inline, within its role.
        assert_eq!(
            capability("Resources: {P: {Type: AWS::IAM::Policy, Properties: {PolicyName: p}}}"),
            Some(Capability::Iam)
        );
    }

    #[test]
    fn the_fingerprint_tells_any_two_contents_apart() {
        let one = desired();
        let mut other = desired();
        other.tags.insert("a".to_owned(), "c".to_owned());
        assert_ne!(one.fingerprint(), other.fingerprint());
        assert_eq!(one.fingerprint(), desired().fingerprint());
        assert_ne!(one.fingerprint(), one.unprotected().fingerprint());
    }
}
