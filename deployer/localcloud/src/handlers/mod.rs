//! Which IAM actions CloudFormation's handlers call for a resource.
//!
//! The registry publishes, for each type and handler, every action that the handler may ever call (`handlers.json`).
//! Which of them it calls for one resource depends on the properties: [`rules`] says on which ones, and on what the
//! action is then judged. What no rule speaks of is always called, on the resource itself. After a create and an
//! update CloudFormation reads the resource back, so that the read handler's actions belong to both.
//!
//! Pure. `cloudformation` judges a stack's principal by it; whoever writes a service role's policy takes it from here.

mod judgement;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde_json::Value;

pub(crate) use judgement::authorize;

/// What CloudFormation does with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Handler {
    Create,
    Read,
    Update,
    Delete,
}

/// What an action is judged on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// The resource itself.
    Itself,
    /// What the resource is made within: an API's list of routes.
    Collection,
    /// The tags of the resource, which are a resource of their own (API Gateway).
    Tags,
    /// The role that the resource is given.
    PassedRole,
    /// The object with a function's code.
    Code,
    /// The customer key that encrypts the resource.
    Key,
    /// Actions that have no resource: their policies say `*`.
    Any,
}

/// An action that a handler calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Needed {
    pub action: &'static str,
    pub on: On,
}

/// When an action is called.
#[derive(Debug, Clone, Copy)]
enum When {
    Always,
    /// One of these properties is set (dots lead inside).
    Has(&'static [&'static str]),
    /// The resource or its stack has tags.
    Tagged,
    /// The property was set before and is no longer.
    Dropped(&'static str),
    /// Not for what the type's API can be asked.
    Never,
}

/// What one request to a handler is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// `AWS::Service::Type`.
    pub kind: &'a str,
    pub properties: &'a Value,
    /// The properties before an update.
    pub previous: Option<&'a Value>,
    /// Whether the stack has tags.
    pub tagged: bool,
}

type Registry = BTreeMap<String, BTreeMap<Handler, Vec<String>>>;

/// The vendored lists. A file that does not parse is a defect of the build, which a test holds.
fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| {
        serde_json::from_str(include_str!("../../schemas/handlers.json")).unwrap_or_else(|error| {
            tracing::error!(%error, "unreadable handlers.json");
            Registry::new()
        })
    })
}

/// Whether the actions of a type's handlers are known here.
pub fn known(kind: &str) -> bool {
    registry().contains_key(kind)
}

impl Subject<'_> {
    /// The actions of one handler, in their order.
    pub fn needs(&self, handler: Handler) -> Vec<Needed> {
        let listed = |handler| {
            let of_kind = registry().get(self.kind).and_then(|handlers| handlers.get(&handler));
            of_kind.into_iter().flatten().map(move |action| (handler, action.as_str()))
        };
        let back = matches!(handler, Handler::Create | Handler::Update).then_some(Handler::Read);
        let added = rules::added(self.kind, handler).iter().map(|action| (handler, *action));
        let all = listed(handler).chain(back.into_iter().flat_map(listed)).chain(added);
        let mut needed: Vec<Needed> = Vec::new();
        for (of, action) in all {
            let (when, on) = rules::rule(self.kind, of, action);
            let one = Needed { action, on };
            if self.is(when) && !needed.contains(&one) {
                needed.push(one);
            }
        }
        needed
    }

    /// All actions that creating, updating and deleting such a resource takes.
    pub fn all_needs(&self) -> BTreeSet<Needed> {
        [Handler::Create, Handler::Update, Handler::Delete]
            .into_iter()
            .flat_map(|handler| self.needs(handler))
            .collect()
    }

    fn is(&self, when: When) -> bool {
        match when {
            When::Always => true,
            When::Never => false,
            When::Tagged => self.tagged || is_set(self.properties, "Tags"),
            When::Has(paths) => {
                let before = self.previous.unwrap_or(&Value::Null);
                paths.iter().any(|path| is_set(self.properties, path) || is_set(before, path))
            }
            When::Dropped(path) => {
                self.previous.is_some_and(|before| is_set(before, path)) && !is_set(self.properties, path)
            }
        }
    }
}

/// Whether a property is there and says more than "no".
fn is_set(properties: &Value, path: &str) -> bool {
    match path.split('.').try_fold(properties, |value, name| value.get(name)) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty() && text != "false",
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(entries)) => !entries.is_empty(),
        Some(Value::Bool(true) | Value::Number(_)) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn actions(kind: &str, handler: Handler, properties: Value) -> Vec<&'static str> {
        let subject = Subject { kind, properties: &properties, previous: None, tagged: false };
        subject.needs(handler).into_iter().map(|needed| needed.action).collect()
    }

    #[test]
    fn the_vendored_lists_are_there_for_every_type_that_a_rule_names() {
        assert_eq!(registry().len(), 17);
        for kind in ["AWS::Lambda::Function", "AWS::IAM::Role", "AWS::Cognito::UserPool"] {
            assert!(known(kind), "{kind}");
        }
        assert!(!known("AWS::S3::Bucket"));
    }

    #[test]
    fn an_action_is_needed_only_for_the_property_that_it_serves() {
        let plain = json!({"BillingMode": "PAY_PER_REQUEST", "TimeToLiveSpecification": null});
        let create = actions("AWS::DynamoDB::Table", Handler::Create, plain);
        assert!(create.contains(&"dynamodb:CreateTable") && create.contains(&"dynamodb:DescribeTable"));
        assert!(!create.contains(&"dynamodb:UpdateTimeToLive") && !create.contains(&"dynamodb:Scan"));
        let expiring = json!({"TimeToLiveSpecification": {"Enabled": true}});
        let create = actions("AWS::DynamoDB::Table", Handler::Create, expiring);
        assert!(create.contains(&"dynamodb:UpdateTimeToLive"));
    }

    #[test]
    fn a_group_without_rules_of_its_own_leaves_those_that_ec2_makes() {
        let ingress = json!({"SecurityGroupIngress": [{"IpProtocol": "tcp"}]});
        assert_eq!(
            actions("AWS::EC2::SecurityGroup", Handler::Create, ingress),
            ["ec2:AuthorizeSecurityGroupIngress", "ec2:CreateSecurityGroup", "ec2:DescribeSecurityGroups"]
        );
    }

    #[test]
    fn what_was_made_is_read_back_and_tags_count_wherever_they_come_from() {
        let function = |tagged| {
            let properties = json!({"Role": "r"});
            let subject =
                Subject { kind: "AWS::Lambda::Function", properties: &properties, previous: None, tagged };
            subject.needs(Handler::Create)
        };
        let needed = |list: Vec<Needed>, action: &str| list.iter().any(|one| one.action == action);
        assert!(needed(function(false), "lambda:GetFunctionRecursionConfig"), "of the read handler alone");
        assert!(!needed(function(false), "lambda:TagResource"));
        assert!(needed(function(true), "lambda:TagResource"));
    }

    #[test]
    fn lifting_a_boundary_is_needed_by_who_drops_it_alone() {
        let (with, without) = (json!({"PermissionsBoundary": "arn"}), json!({}));
        let lifts = |properties, previous| {
            let subject = Subject { kind: "AWS::IAM::Role", properties, previous, tagged: false };
            let lift = |one: &Needed| one.action == "iam:DeleteRolePermissionsBoundary";
            subject.needs(Handler::Update).iter().any(lift)
        };
        assert!(lifts(&without, Some(&with)));
        assert!(!lifts(&with, Some(&with)) && !lifts(&with, None) && !lifts(&without, None));
    }

    #[test]
    fn every_rule_speaks_of_an_action_that_the_registry_lists() {
        for (kind, handlers) in registry() {
            let ruled = rules::ruled(kind);
            for action in ruled {
                let listed = handlers.values().flatten().any(|listed| rules::covers(action, listed));
                let added = [Handler::Create, Handler::Update, Handler::Delete];
                let added = added.iter().flat_map(|handler| rules::added(kind, *handler));
                assert!(
                    listed || added.into_iter().any(|one| rules::covers(action, one)),
                    "{kind}: {action}"
                );
            }
        }
    }
}
