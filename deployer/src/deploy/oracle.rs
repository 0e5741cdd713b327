//! What an update really does where CloudFormation is silent or wrong about it.
//!
//! Sources: the registry schemas (a user pool's names no create-only property, a table's key is only
//! "conditional"), UpdateUserPool in the API model, aws-cdk#8585, aws-cdk#14920, amplify-cli#4227.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::reading::{Described, Reading};
use crate::aws::{Change, Replacement};

/// An update that cannot succeed, found before anything runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Impossible {
    pub logical_id: String,
    pub property: String,
    pub why: String,
    /// What to do instead, in order.
    pub steps: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// By logical id: made anew, and what comes of it.
    pub replaced: BTreeMap<String, Vec<String>>,
    /// Surely not made anew, whatever CloudFormation thinks possible.
    pub stays: BTreeSet<String>,
    pub impossible: Vec<Impossible>,
}

impl Verdict {
    /// Compares what is deployed with what is wanted.
    pub fn of(live: &Reading, wanted: &Reading) -> Self {
        let mut verdict = Self::default();
        for (id, new) in &wanted.0 {
            let Some(old) = live.get(id).filter(|old| old.kind == new.kind) else { continue };
            let pair = Pair { id, old, new };
            match new.kind.as_str() {
                "AWS::Cognito::UserPool" => verdict.pool(&pair),
                "AWS::DynamoDB::Table" => verdict.table(&pair),
                "AWS::Cognito::UserPoolDomain" => verdict.domain(&pair),
                "AWS::Cognito::UserPoolClient" => verdict.client(&pair),
                "AWS::Lambda::Function" if pair.changed("FunctionName") => verdict
                    .replace(&pair, "callers that know the function by its old name no longer reach it"),
                _ => {}
            }
        }
        verdict
    }

    /// Puts right what the change set says of replacement.
    pub fn correct(&self, changes: &mut [Change]) {
        for change in changes.iter_mut().filter(|change| change.action == "Modify") {
            if self.replaced.contains_key(&change.logical_id) {
                change.replacement = Replacement::Yes;
            } else if change.replacement == Replacement::Conditional
                && self.stays.contains(&change.logical_id)
            {
                change.replacement = Replacement::No;
            }
        }
    }

    fn replace(&mut self, pair: &Pair<'_>, note: &str) {
        let notes = self.replaced.entry(pair.id.to_owned()).or_default();
        if !notes.iter().any(|known| known == note) {
            notes.push(note.to_owned());
        }
    }

    fn refuse(&mut self, pair: &Pair<'_>, property: &str, why: String, steps: Vec<String>) {
        let logical_id = pair.id.to_owned();
        self.impossible.push(Impossible { logical_id, property: property.to_owned(), why, steps });
    }

    fn pool(&mut self, pair: &Pair<'_>) {
        const FIXED: [&str; 3] = ["UsernameAttributes", "AliasAttributes", "UsernameConfiguration"];
        for property in FIXED.into_iter().filter(|property| pair.changed(property)) {
            self.new_pool(pair, property, format!("Cognito settles {property} when a pool is made, and CloudFormation, which calls it changeable, would fail half-way"));
        }
        if let Some(why) = schema_breach(&pair.old.properties["Schema"], &pair.new.properties["Schema"]) {
            self.new_pool(pair, "Schema", why);
        }
    }

    fn new_pool(&mut self, pair: &Pair<'_>, property: &str, why: String) {
        self.replace(pair, "only a new pool can have this, and users do not move into it by themselves");
        let back = match &pair.old.properties[property] {
            Value::Null => format!("take {property} out again"),
            old => format!("put {property} back to {old}"),
        };
        let anew = format!(
            "or give the pool another logical id than {}: a new, empty pool is made, and the users do not come along",
            pair.id
        );
        self.refuse(pair, property, why, vec![back, anew]);
    }

    fn table(&mut self, pair: &Pair<'_>) {
        let mut anew: Vec<&str> =
            ["KeySchema", "TableName", "LocalSecondaryIndexes", "ImportSourceSpecification"]
                .into_iter()
                .filter(|property| pair.changed(property))
                .collect();
        let (old, new) = (
            named(&pair.old.properties["AttributeDefinitions"], "AttributeName"),
            named(&pair.new.properties["AttributeDefinitions"], "AttributeName"),
        );
        if old.iter().any(|(name, definition)| new.get(name).is_some_and(|other| other != definition)) {
            anew.push("AttributeDefinitions");
        }
        let Some(property) = anew.first() else {
            self.stays.insert(pair.id.to_owned());
            return self.indexes(pair);
        };
        self.replace(pair, "the new table is empty");
        if let (Some(name), false) = (pair.new.properties["TableName"].as_str(), pair.changed("TableName")) {
            let why = format!(
                "{property} makes a new table, which cannot have the name {name} while the old one exists"
            );
            self.refuse(
                pair,
                property,
                why,
                vec![
                    "take TableName out, so that CloudFormation names the tables".to_owned(),
                    "or change TableName together with it".to_owned(),
                ],
            );
        }
    }

    /// DynamoDB makes or removes one index a table in one update (UpdateTable), and CloudFormation
    /// finds that out only at execution.
    fn indexes(&mut self, pair: &Pair<'_>) {
        const PROPERTY: &str = "GlobalSecondaryIndexes";
        let (old, new) = (
            named(&pair.old.properties[PROPERTY], "IndexName"),
            named(&pair.new.properties[PROPERTY], "IndexName"),
        );
        let shape = |index: &Value| (index["KeySchema"].clone(), index["Projection"].clone());
        let other = |name: &String| matches!((old.get(name), new.get(name)), (Some(old), Some(new)) if shape(old) != shape(new));
        let gone = old.keys().filter(|name| !new.contains_key(*name) || other(name));
        let made = new.keys().filter(|name| !old.contains_key(*name) || other(name));
        let steps: Vec<String> = gone
            .map(|name| format!("run `up` with the index {name} removed"))
            .chain(made.map(|name| format!("run `up` with the index {name} added")))
            .collect();
        if steps.len() > 1 {
            let why = format!(
                "{} indexes of {} are made or removed at once, and DynamoDB does one in an update",
                steps.len(),
                pair.id
            );
            self.refuse(pair, PROPERTY, why, steps);
        }
    }

    /// A pool has one prefix domain, a prefix one pool, and CloudFormation makes the new domain
    /// before it removes the old one.
    fn domain(&mut self, pair: &Pair<'_>) {
        let Some(property) = ["Domain", "UserPoolId"].into_iter().find(|property| pair.changed(property))
        else {
            return;
        };
        self.replace(pair, "the sign-in pages get another address");
        if pair.changed("Domain") != pair.changed("UserPoolId") {
            let text = |described: &Described| described.properties[property].to_string();
            let why = format!(
                "{property} changes from {} to {}: CloudFormation makes the new domain before it removes the old one, and Cognito refuses the second",
                text(pair.old),
                text(pair.new)
            );
            self.refuse(pair, property, why, vec![
                format!("take {} (and what names it) out of the templates and run `up`: the sign-in pages are gone meanwhile", pair.id),
                "put it back with the new value and run `up`".to_owned(),
            ]);
        }
    }

    fn client(&mut self, pair: &Pair<'_>) {
        let secret = |described: &Described| described.properties["GenerateSecret"].as_str() == Some("true");
        if secret(pair.old) != secret(pair.new) || pair.changed("UserPoolId") {
            self.replace(pair, "a new client id: every front end needs it, and refresh tokens end");
        }
    }
}

struct Pair<'a> {
    id: &'a str,
    old: &'a Described,
    new: &'a Described,
}

impl Pair<'_> {
    fn changed(&self, property: &str) -> bool {
        self.old.properties[property] != self.new.properties[property]
    }
}

/// A list of objects by the name that each has.
fn named<'a>(list: &'a Value, key: &str) -> BTreeMap<String, &'a Value> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|item| Some((item[key].as_str()?.to_owned(), item))).collect()
}

/// Attributes of a pool can be added, if custom and not required; nothing else (AddCustomAttributes).
fn schema_breach(old: &Value, new: &Value) -> Option<String> {
    let (old, new) = (named(old, "Name"), named(new, "Name"));
    let changed = old.iter().find(|(name, attribute)| new.get(*name).is_none_or(|other| other != *attribute));
    if let Some((name, _)) = changed {
        return Some(format!("the attribute {name} of a pool cannot be changed or removed"));
    }
    let (name, attribute) = new.iter().find(|(name, attribute)| {
        !old.contains_key(*name)
            && (attribute["Required"].as_str() == Some("true") || STANDARD.contains(&name.as_str()))
    })?;
    let what = if attribute["Required"].as_str() == Some("true") { "a required" } else { "the standard" };
    Some(format!("{what} attribute ({name}) cannot be added to a pool that exists"))
}

/// OpenID Connect's claims, which every pool has.
const STANDARD: [&str; 17] = [
    "address",
    "birthdate",
    "email",
    "family_name",
    "gender",
    "given_name",
    "locale",
    "middle_name",
    "name",
    "nickname",
    "phone_number",
    "picture",
    "preferred_username",
    "profile",
    "updated_at",
    "website",
    "zoneinfo",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(kind: &str, properties: &str) -> Reading {
        let template = format!("Resources:\n  It:\n    Type: {kind}\n    Properties: {{{properties}}}\n");
        Reading::of(&template, &BTreeMap::new()).unwrap()
    }

    fn judge(kind: &str, old: &str, new: &str) -> (bool, Vec<String>) {
        let verdict = Verdict::of(&reading(kind, old), &reading(kind, new));
        let impossible = verdict.impossible.iter().map(|found| found.property.clone()).collect();
        (verdict.replaced.contains_key("It"), impossible)
    }

    const NOTHING: Vec<String> = Vec::new();

    #[test]
    fn sign_in_attributes_and_case_of_a_pool_cannot_change() {
        for (property, old, new) in [
            ("UsernameAttributes", "UsernameAttributes: [email]", "UsernameAttributes: [phone_number]"),
            ("AliasAttributes", "", "AliasAttributes: [email]"),
            ("UsernameConfiguration", "", "UsernameConfiguration: {CaseSensitive: false}"),
        ] {
            assert_eq!(judge("AWS::Cognito::UserPool", old, new), (true, vec![property.to_owned()]));
        }
        assert_eq!(
            judge("AWS::Cognito::UserPool", "MfaConfiguration: ON", "MfaConfiguration: OPTIONAL"),
            (false, NOTHING)
        );
    }

    #[test]
    fn custom_attributes_of_a_pool_only_grow() {
        const ONE: &str = "Schema: [{Name: plan, AttributeDataType: String}]";
        for (new, fine) in [
            (
                "Schema: [{Name: team, AttributeDataType: String}, {Name: plan, AttributeDataType: String}]",
                true,
            ),
            ("", false),
            ("Schema: [{Name: plan, AttributeDataType: Number}]", false),
            ("Schema: [{Name: plan, AttributeDataType: String}, {Name: team, Required: true}]", false),
            ("Schema: [{Name: plan, AttributeDataType: String}, {Name: email, Mutable: true}]", false),
        ] {
            assert_eq!(judge("AWS::Cognito::UserPool", ONE, new).1.is_empty(), fine, "{new}");
        }
    }

    #[test]
    fn a_key_makes_a_new_table_and_a_fixed_name_forbids_it() {
        const TABLE: &str = "AWS::DynamoDB::Table";
        let keyed =
            |key: &str, more: &str| format!("KeySchema: [{{AttributeName: {key}, KeyType: HASH}}]{more}");
        assert_eq!(judge(TABLE, &keyed("a", ""), &keyed("b", "")), (true, NOTHING));
        let fixed = ", TableName: orders";
        assert_eq!(
            judge(TABLE, &keyed("a", fixed), &keyed("b", fixed)),
            (true, vec!["KeySchema".to_owned()])
        );
        let typed =
            |kind: &str| format!("AttributeDefinitions: [{{AttributeName: a, AttributeType: {kind}}}]");
        assert_eq!(judge(TABLE, &typed("S"), &typed("N")), (true, NOTHING));
        let more = "AttributeDefinitions: [{AttributeName: a, AttributeType: S}, {AttributeName: b, AttributeType: S}]";
        let verdict = Verdict::of(&reading(TABLE, &typed("S")), &reading(TABLE, more));
        assert!(verdict.stays.contains("It"), "an attribute for a new index keeps the table");
    }

    #[test]
    fn two_index_changes_of_a_table_at_once_are_refused_with_the_steps() {
        let indexes = |names: &[&str]| {
            let each: Vec<String> = names
                .iter()
                .map(|name| {
                    let (name, key) = name.split_once(':').unwrap_or((name, "k"));
                    format!("{{IndexName: {name}, KeySchema: [{{AttributeName: {key}, KeyType: HASH}}]}}")
                })
                .collect();
            format!("GlobalSecondaryIndexes: [{}]", each.join(", "))
        };
        for (old, new, steps) in [
            (&["a"][..], &["a", "b"][..], 0),
            (&["a", "b"], &["b"], 0),
            (&[], &["a", "b"], 2),
            (&["a"], &["b"], 2),
            (&["a"], &["a:other"], 2),
            (&["a", "b", "c"], &[], 3),
        ] {
            let table = "AWS::DynamoDB::Table";
            let verdict = Verdict::of(&reading(table, &indexes(old)), &reading(table, &indexes(new)));
            assert_eq!(
                verdict.impossible.first().map_or(0, |found| found.steps.len()),
                steps,
                "{old:?} {new:?}"
            );
        }
    }

    #[test]
    fn a_changed_domain_prefix_is_refused_and_a_pool_with_a_new_domain_is_not() {
        const DOMAIN: &str = "AWS::Cognito::UserPoolDomain";
        let prefix = vec!["Domain".to_owned()];
        assert_eq!(
            judge(DOMAIN, "Domain: a, UserPoolId: !Ref P", "Domain: b, UserPoolId: !Ref P"),
            (true, prefix)
        );
        let pool = vec!["UserPoolId".to_owned()];
        assert_eq!(
            judge(DOMAIN, "Domain: a, UserPoolId: !Ref P", "Domain: a, UserPoolId: !Ref Q"),
            (true, pool)
        );
        assert_eq!(
            judge(DOMAIN, "Domain: a, UserPoolId: !Ref P", "Domain: b, UserPoolId: !Ref Q"),
            (true, NOTHING)
        );
    }

    #[test]
    fn a_client_secret_and_a_function_name_make_new_ones() {
        let client = "AWS::Cognito::UserPoolClient";
        assert_eq!(judge(client, "GenerateSecret: false", "GenerateSecret: true"), (true, NOTHING));
        assert_eq!(judge(client, "", "GenerateSecret: false"), (false, NOTHING));
        assert_eq!(judge("AWS::Lambda::Function", "FunctionName: a", "FunctionName: b"), (true, NOTHING));
    }

    #[test]
    fn the_change_set_is_put_right_in_both_directions() {
        let change = |id: &str, replacement| Change {
            action: "Modify".to_owned(),
            logical_id: id.to_owned(),
            physical_id: None,
            kind: String::new(),
            replacement,
            details: Vec::new(),
        };
        let verdict = Verdict {
            replaced: BTreeMap::from([("Pool".to_owned(), Vec::new())]),
            stays: BTreeSet::from(["Table".to_owned()]),
            impossible: Vec::new(),
        };
        let mut changes = [change("Pool", Replacement::No), change("Table", Replacement::Conditional)];
        verdict.correct(&mut changes);
        assert_eq!(changes.map(|change| change.replacement), [Replacement::Yes, Replacement::No]);
    }
}
