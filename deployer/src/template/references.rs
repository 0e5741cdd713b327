//! Who refers to whom: every name that a template mentions exists, and nothing waits for itself.

use std::collections::{BTreeSet, HashMap};

use crate::project::yaml::{Node, Value};
use crate::project::{Problem, nearest};

use super::merge::{Item, Sections};

/// CloudFormation's pseudo parameters.
const PSEUDO: [&str; 8] = [
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

/// The intrinsic functions that need nothing declared, by their short names.
const PLAIN: [&str; 12] = [
    "And",
    "Base64",
    "Cidr",
    "Equals",
    "GetAZs",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "Select",
    "Split",
];

/// What a resource may have besides its properties.
const ATTRIBUTES: [&str; 9] = [
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "Properties",
    "Type",
    "UpdatePolicy",
    "UpdateReplacePolicy",
];

/// What an output may say.
const OUTPUT: [&str; 4] = ["Condition", "Description", "Export", "Value"];

/// Checks all references of the template.
pub fn check(sections: &Sections, problems: &mut Vec<Problem>) {
    let mut waits: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for (id, item) in sections.section("Resources") {
        attributes("a resource", &ATTRIBUTES, id, item, problems);
        if item.node().get("Type").and_then(Node::text).is_none() {
            problems.push(Problem::new("resource-type", format!("{id} has no Type")).at(item.place()));
        }
        let mut walk = Walk { sections, item, problems, found: BTreeSet::new() };
        walk.node(item.node());
        walk.depends_on();
        walk.condition();
        waits.insert(id, walk.found);
    }
    for (id, item) in sections.section("Outputs") {
        attributes("an output", &OUTPUT, id, item, problems);
        if item.node().get("Value").is_none() {
            let problem = Problem::new("output-value", format!("the output {id} has no Value"));
            problems.push(problem.at(item.place()).help("write Value: and what it shows"));
        }
    }
    for section in ["Conditions", "Outputs"] {
        for (_, item) in sections.section(section) {
            let mut walk = Walk { sections, item, problems, found: BTreeSet::new() };
            walk.node(item.node());
            walk.condition();
        }
    }
    for (name, item) in sections.section("Parameters") {
        if sections.item("Resources", name).is_some() {
            let message = format!("{name} is a parameter and a resource");
            problems.push(Problem::new("duplicate-name", message).at(item.place()));
        }
    }
    circle(sections, &waits, problems);
}

/// Whether an item is a mapping with none but the `known` keys.
fn attributes(what: &str, known: &[&'static str], id: &str, item: &Item, problems: &mut Vec<Problem>) {
    let Some(entries) = item.node().mapping() else {
        problems.push(
            Problem::new("shape", format!("{id} is not {what}: a mapping was expected")).at(item.place()),
        );
        return;
    };
    for (name, entry) in entries {
        if !known.contains(&name.as_str()) {
            let problem = Problem::new("unknown-attribute", format!("{what} has no {name:?}"));
            let help = match nearest(name, known.iter().copied()) {
                Some(meant) => format!("did you mean {meant}?"),
                None if known.contains(&"Properties") => {
                    "it may be a property: indent it below Properties".to_owned()
                }
                None => format!("known are {}", known.join(", ")),
            };
            problems.push(problem.at(item.from.place(&entry.key)).help(help));
        }
    }
}

/// Looks through one item.
struct Walk<'a, 'p> {
    sections: &'a Sections,
    item: &'a Item,
    problems: &'p mut Vec<Problem>,
    /// The resources that the item refers to.
    found: BTreeSet<&'a str>,
}

impl<'a> Walk<'a, '_> {
    fn node(&mut self, node: &'a Node) {
        match intrinsic(node) {
            Some(("Ref", argument)) => self.reference(argument),
            Some(("GetAtt", argument)) => self.attribute(argument),
            Some(("Sub", argument)) => self.substitution(argument),
            Some(("Condition", argument)) => self.named("Conditions", argument, argument.text()),
            Some(("If", argument)) => {
                let items = argument.sequence().unwrap_or_default();
                if items.len() != 3 {
                    self.fail("intrinsic", "If has a condition and two values".into(), node, None);
                }
                let condition = items.first().unwrap_or(argument);
                self.named("Conditions", condition, condition.text());
            }
            Some(("FindInMap", argument)) => {
                let map = argument.sequence().and_then(|items| items.first()).unwrap_or(argument);
                if map.tag.is_none() && map.text().is_some() {
                    self.named("Mappings", map, map.text());
                }
            }
            Some((name, _)) if PLAIN.contains(&name) => {}
            Some((name, _)) => {
                let meant =
                    nearest(name, PLAIN.into_iter().chain(["Ref", "GetAtt", "Sub", "If", "FindInMap"]));
                let help = meant.map(|meant| format!("did you mean !{meant}?"));
                self.fail("intrinsic", format!("there is no intrinsic function {name:?}"), node, help);
            }
            None => {}
        }
        match &node.value {
            Value::Scalar { .. } => {}
            Value::Sequence(items) => items.iter().for_each(|item| self.node(item)),
            Value::Mapping(entries) => entries.values().for_each(|entry| self.node(&entry.node)),
        }
    }

    fn fail(&mut self, rule: &'static str, message: String, node: &Node, help: Option<String>) {
        let problem = Problem { rule, message, place: Some(self.item.place_of(node)), help };
        self.problems.push(problem);
    }

    /// A resource, parameter or pseudo parameter.
    fn reference(&mut self, argument: &'a Node) {
        match argument.text() {
            Some(name) => self.reference_to(name, argument),
            None => self.fail("intrinsic", "Ref takes a name".into(), argument, None),
        }
    }

    fn reference_to(&mut self, name: &'a str, at: &Node) {
        if self.sections.item("Resources", name).is_some() {
            self.found.insert(name);
        } else if self.sections.item("Parameters", name).is_none() && !PSEUDO.contains(&name) {
            let resources = self.sections.section("Resources").map(|(name, _)| name.as_str());
            let parameters = self.sections.section("Parameters").map(|(name, _)| name.as_str());
            let meant = nearest(name, resources.chain(parameters).chain(PSEUDO));
            let help = meant.map(|meant| format!("did you mean {meant}?"));
            let message = format!("no resource or parameter {name:?}");
            self.fail("unknown-reference", message, at, help);
        }
    }

    /// `Resource.Attribute`, or a list of both.
    fn attribute(&mut self, argument: &'a Node) {
        let name = match &argument.value {
            Value::Scalar { text, .. } => text.split_once('.').map(|(name, _)| name),
            Value::Sequence(items) => items.first().filter(|_| items.len() == 2).and_then(Node::text),
            Value::Mapping(_) => None,
        };
        match name {
            Some(name) => self.resource(name, argument),
            None => self.fail("intrinsic", "GetAtt takes Resource.Attribute".into(), argument, None),
        }
    }

    fn resource(&mut self, name: &'a str, at: &Node) {
        if self.sections.item("Resources", name).is_some() {
            self.found.insert(name);
            return;
        }
        let help = nearest(name, self.sections.section("Resources").map(|(name, _)| name.as_str()))
            .map(|meant| format!("did you mean {meant}?"));
        self.fail("unknown-reference", format!("no resource {name:?}"), at, help);
    }

    /// `${Name}`, `${Name.Attribute}` and `${!literal}` in a text.
    fn substitution(&mut self, argument: &'a Node) {
        let (text, own) = match argument.sequence() {
            Some([text, own]) => (text, own.mapping()),
            Some(_) => (argument, None),
            None => (argument, None),
        };
        let Some(mut rest) = text.text() else {
            self.fail("intrinsic", "Sub takes a text".into(), argument, None);
            return;
        };
        while let Some((_, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else {
                self.fail("intrinsic", "${ without }".into(), text, None);
                return;
            };
            rest = after;
            if name.starts_with('!') || own.is_some_and(|own| own.contains_key(name)) {
                continue;
            }
            match name.split_once('.') {
                Some((resource, _)) => self.resource(resource, text),
                None => self.reference_to(name, text),
            }
        }
    }

    fn named(&mut self, section: &str, at: &Node, name: Option<&str>) {
        let Some(name) = name else {
            self.fail("intrinsic", "a name was expected".into(), at, None);
            return;
        };
        if self.sections.item(section, name).is_none() {
            let help = nearest(name, self.sections.section(section).map(|(name, _)| name.as_str()))
                .map(|meant| format!("did you mean {meant}?"));
            self.fail("unknown-reference", format!("{section} has no {name:?}"), at, help);
        }
    }

    fn depends_on(&mut self) {
        let Some(found) = self.item.node().get("DependsOn") else { return };
        let one = std::slice::from_ref(found);
        for node in found.sequence().unwrap_or(one) {
            match node.text() {
                Some(name) => self.resource(name, node),
                None => self.fail("intrinsic", "DependsOn takes names".into(), node, None),
            }
        }
    }

    fn condition(&mut self) {
        if let Some(found) = self.item.node().get("Condition")
            && self.item.node().tag.is_none()
        {
            self.named("Conditions", found, found.text());
        }
    }
}

/// A call of an intrinsic function by its short name: `!Sub x`, or `Fn::Sub: x` and `Ref: x`.
pub fn intrinsic(node: &Node) -> Option<(&str, &Node)> {
    if let Some(tag) = &node.tag {
        return Some((tag.trim_start_matches('!'), node));
    }
    let entries = node.mapping().filter(|entries| entries.len() == 1)?;
    let (key, entry) = entries.first()?;
    let name = key.strip_prefix("Fn::").or_else(|| (key == "Ref").then_some("Ref"))?;
    Some((name, &entry.node))
}

/// CloudFormation refuses resources that wait for each other.
fn circle(sections: &Sections, waits: &HashMap<&str, BTreeSet<&str>>, problems: &mut Vec<Problem>) {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for (start, _) in sections.section("Resources") {
        let mut path: Vec<(&str, Vec<&str>)> = Vec::new();
        let mut next = Some(start.as_str());
        loop {
            if let Some(id) = next.take()
                && !done.contains(id)
            {
                if let Some(position) = path.iter().position(|(on, _)| *on == id) {
                    let mut names: Vec<&str> = path[position..].iter().map(|(on, _)| *on).collect();
                    names.push(id);
                    let message = format!("these wait for each other: {}", names.join(" -> "));
                    let place = sections.item("Resources", id).map(Item::place);
                    problems.push(Problem { rule: "circle", message, place, help: None });
                    return;
                }
                path.push((id, waits.get(id).into_iter().flatten().rev().copied().collect()));
            }
            let Some((id, open)) = path.last_mut() else { break };
            next = open.pop();
            if next.is_none() {
                done.insert(id);
                path.pop();
            }
        }
    }
}
