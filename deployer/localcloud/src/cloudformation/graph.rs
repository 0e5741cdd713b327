//! Which resource needs which: the order of creation, and of deletion when reversed.

use std::collections::{BTreeMap, BTreeSet};

use super::eval::Scope;
use super::functions::{self, Reference};
use super::template::Template;

/// The resources of one deployment and, for each, those that must exist before it.
pub type Graph = BTreeMap<String, BTreeSet<String>>;

/// The resources whose conditions hold, with their dependencies. Errors: a reference to a resource
/// that a condition leaves out; a cycle.
pub fn of(template: &Template, scope: &Scope<'_>) -> Result<Graph, String> {
    let mut included = BTreeSet::new();
    for (name, resource) in &template.resources {
        if resource.condition.as_deref().map_or(Ok(true), |condition| scope.condition(condition))? {
            included.insert(name.clone());
        }
    }
    let mut graph = Graph::new();
    for name in &included {
        let Some(resource) = template.resources.get(name) else { continue };
        let mut needs: BTreeSet<String> =
            resource.depends_on.iter().filter(|other| included.contains(*other)).cloned().collect();
        let value = branches(&resource.properties, scope)?;
        functions::references(&value, &mut |reference| {
            let (Reference::Name(other) | Reference::Attribute(other, _)) = reference else { return Ok(()) };
            if included.contains(other) {
                needs.insert(other.to_owned());
            } else if template.resources.contains_key(other) {
                return Err(format!(
                    "Template format error: Unresolved resource dependencies [{other}] in the Resources block of the template"
                ));
            }
            Ok(())
        })?;
        graph.insert(name.clone(), needs);
    }
    acyclic(&graph)?;
    Ok(graph)
}

/// The value with the branches of `Fn::If` that are not taken left out: they make no dependency.
fn branches(value: &serde_json::Value, scope: &Scope<'_>) -> Result<serde_json::Value, String> {
    use serde_json::Value;
    Ok(match value {
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| branches(item, scope)).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => match map.get("Fn::If").and_then(Value::as_array).map(Vec::as_slice) {
            Some([Value::String(condition), yes, no]) if map.len() == 1 => {
                branches(if scope.condition(condition)? { yes } else { no }, scope)?
            }
            _ => Value::Object(
                map.iter()
                    .map(|(name, item)| branches(item, scope).map(|item| (name.clone(), item)))
                    .collect::<Result<_, String>>()?,
            ),
        },
        other => other.clone(),
    })
}

/// `Circular dependency between resources: [A, B]`, naming the members of the cycles alone.
fn acyclic(graph: &Graph) -> Result<(), String> {
    let mut left = graph.clone();
    // Peel off what needs nothing that is left, then what nothing left needs: the rest is cycles.
    loop {
        let before = left.len();
        let names: BTreeSet<String> = left.keys().cloned().collect();
        let needed: BTreeSet<String> = left.values().flatten().cloned().collect();
        left.retain(|name, needs| needs.iter().any(|other| names.contains(other)) && needed.contains(name));
        if left.len() == before {
            break;
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = left.keys().map(String::as_str).collect();
    Err(format!("Circular dependency between resources: [{}]", names.join(", ")))
}

/// Every resource after all that it needs.
pub fn order(graph: &Graph) -> Vec<String> {
    let mut ordered: Vec<String> = Vec::new();
    while ordered.len() < graph.len() {
        let before = ordered.len();
        for (name, needs) in graph {
            let ready = needs.iter().all(|other| ordered.contains(other) || !graph.contains_key(other));
            if ready && !ordered.contains(name) {
                ordered.push(name.clone());
            }
        }
        if ordered.len() == before {
            break;
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn graph(text: &str) -> Result<Graph, String> {
        let template = Template::parse(text)?;
        let scope = Scope {
            template: &template,
            parameters: &BTreeMap::new(),
            stack_id: "",
            stack_name: "",
            region: "",
            resource: &|_, _| Ok(json!("")),
            import: &|_| Ok(json!("")),
        };
        of(&template, &scope)
    }

    #[test]
    fn references_and_depends_on_make_the_order() {
        let graph = graph(
            "Resources:\n  C: {Type: 'AWS::Logs::LogGroup', DependsOn: B}\n  B: {Type: 'AWS::Logs::LogGroup', Properties: {LogGroupName: !Sub '${A.Arn}'}}\n  A: {Type: 'AWS::Logs::LogGroup'}",
        )
        .unwrap();
        assert_eq!(order(&graph), ["A", "B", "C"]);
    }

    #[test]
    fn a_cycle_names_its_members_alone() {
        let refused = graph(
            "Resources:\n  A: {Type: 'AWS::Logs::LogGroup', DependsOn: B}\n  B: {Type: 'AWS::Logs::LogGroup', DependsOn: A}\n  C: {Type: 'AWS::Logs::LogGroup', DependsOn: A}\n  D: {Type: 'AWS::Logs::LogGroup'}",
        );
        assert_eq!(refused.unwrap_err(), "Circular dependency between resources: [A, B]");
    }

    #[test]
    fn a_resource_that_a_condition_leaves_out_cannot_be_referred_to() {
        let text = |value: &str| {
            format!(
                "Conditions: {{No: !Equals [a, b]}}\nResources:\n  A: {{Type: 'AWS::Logs::LogGroup', Condition: 'No'}}\n  B: {{Type: 'AWS::Logs::LogGroup', Properties: {{LogGroupName: {value}}}}}"
            )
        };
        assert!(graph(&text("!Ref A")).unwrap_err().contains("Unresolved resource dependencies [A]"));
        assert_eq!(order(&graph(&text("!If ['No', !Ref A, x]")).unwrap()), ["B"]);
    }
}
