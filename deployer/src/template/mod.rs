//! `Project` -> CloudFormation template, pure: fragments are rendered, parsed, merged and checked.

mod baseline;
mod context;
#[cfg(test)]
mod database_tests;
mod emit;
#[cfg(test)]
mod findings_tests;
mod fragments;
mod limits;
mod merge;
mod quoting;
mod references;
mod rules;
mod schema;
#[cfg(test)]
mod tests;

use indexmap::IndexMap;
use minijinja::value::{Serde, Value};

use crate::project::yaml::{self, Node};
use crate::project::{LogicalId, Place, Problem, Project};

pub use crate::project::Error;
pub use emit::document;
pub use rules::RULES;

use fragments::{Rendered, Scope};
use merge::{Item, Sections};

/// A stage's template.
#[derive(Debug, Clone)]
pub struct Template {
    /// Deterministic YAML: the same project gives the same bytes.
    pub body: String,
    /// By name, in the order of the body.
    pub parameters: IndexMap<String, Parameter>,
    /// In the order of the body.
    pub resources: IndexMap<LogicalId, Resource>,
    /// By name, in the order of the body.
    pub outputs: IndexMap<String, Place>,
    /// What breaks the security baseline: [`crate::lint`] decides what of it may stay.
    pub findings: Vec<Problem>,
}

/// A template parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// `None`: `up` must give it.
    pub default: Option<String>,
    pub origin: Place,
}

/// A resource and where it was written.
#[derive(Debug, Clone)]
pub struct Resource {
    /// `AWS::Lambda::Function`.
    pub kind: String,
    /// The logical id's line in its fragment.
    pub origin: Place,
    /// Whether losing it loses data: tables, user pools and keys.
    pub stateful: bool,
    item: Item,
}

/// Resources whose loss loses data.
const STATEFUL: [&str; 3] = ["AWS::Cognito::UserPool", "AWS::DynamoDB::Table", "AWS::KMS::Key"];

impl Resource {
    /// The properties as they are written: an intrinsic function stands as its argument.
    pub fn properties(&self) -> serde_json::Value {
        self.item.node().get("Properties").map_or(serde_json::Value::Null, plain)
    }
}

fn plain(node: &Node) -> serde_json::Value {
    match &node.value {
        yaml::Value::Scalar { text, .. } => text.clone().into(),
        yaml::Value::Sequence(items) => items.iter().map(plain).collect(),
        yaml::Value::Mapping(entries) => {
            entries.iter().map(|(key, entry)| (key.clone(), plain(&entry.node))).collect()
        }
    }
}

impl Template {
    /// The fragment's line of a resource, or of one of its properties (`Code`, or a path such as
    /// `LoggingConfig.LogGroup`) as CloudFormation's events and change sets name them. Where the
    /// property is not written, the nearest one around it.
    pub fn origin(&self, logical_id: &str, property: Option<&str>) -> Option<Place> {
        let (_, resource) = self.resources.iter().find(|(id, _)| id.as_str() == logical_id)?;
        let Some(property) = property else { return Some(resource.origin.clone()) };
        let mut node = resource.item.node().get("Properties");
        let mut place = resource.origin.clone();
        for part in property.trim_start_matches("Properties.").split('.') {
            node = match node.map(|node| &node.value) {
                Some(yaml::Value::Mapping(entries)) => entries.get(part).map(|entry| {
                    place = resource.item.from.place(&entry.key);
                    &entry.node
                }),
                Some(yaml::Value::Sequence(items)) => {
                    part.parse::<usize>().ok().and_then(|at| items.get(at)).inspect(|item| {
                        place = resource.item.place_of(item);
                    })
                }
                Some(yaml::Value::Scalar { .. }) | None => break,
            };
        }
        Some(place)
    }
}

/// Renders, merges and checks the template of a stage. Reads `templates/` and nothing else.
///
/// # Errors
/// All mistakes found, each with its fragment and line.
pub fn render(project: &Project) -> Result<Template, Error> {
    let fragments = fragments::read(&project.root)?;
    let rendered = render_all(project, &fragments)?;
    let mut problems = Vec::new();
    let sections = merge::merge(rendered, &mut problems);
    references::check(&sections, &mut problems);
    let mut findings = Vec::new();
    baseline::check(project, &sections, &mut findings);
    schema::check(&sections, &mut findings);
    let description = format!("Stage {} of {}", project.stage, project.service);
    let body = emit::emit(&description, &sections);
    limits::check(&body, &sections, &mut problems);
    if !problems.is_empty() {
        problems.append(&mut findings);
    }
    Error::unless_empty(problems)?;
    Ok(Template {
        parameters: parameters(&sections),
        resources: resources(&sections)?,
        outputs: sections.section("Outputs").map(|(name, item)| (name.clone(), item.place())).collect(),
        findings,
        body,
    })
}

fn render_all(project: &Project, fragments: &[fragments::Fragment]) -> Result<Vec<Rendered>, Error> {
    let renderer = quoting::Renderer::new().map_err(|error| Problem::new("fragment", error.to_string()))?;
    let values = context::stage(project);
    let mut rendered = Vec::new();
    let mut problems = Vec::new();
    let mut render = |fragment: &fragments::Fragment, values: &Value| match fragment.render(&renderer, values)
    {
        Ok(found) => rendered.push(found),
        // A mistake in a fragment is one mistake, however often the fragment is rendered.
        Err(error) => {
            problems.extend(
                error.problems.into_iter().filter(|problem| !problems.contains(problem)).collect::<Vec<_>>(),
            );
        }
    };
    let of = |scope: Scope| fragments.iter().filter(move |fragment| fragment.scope == scope);
    let whole = Value::from(Serde(&values));
    of(Scope::Stage).for_each(|fragment| render(fragment, &whole));
    for table in &project.tables {
        let values = context::table(&values, table);
        of(Scope::Table).for_each(|fragment| render(fragment, &values));
    }
    for function in &project.functions {
        let values = context::function(&values, project, function);
        of(Scope::Function).for_each(|fragment| render(fragment, &values));
    }
    Error::unless_empty(problems)?;
    Ok(rendered)
}

fn parameters(sections: &Sections) -> IndexMap<String, Parameter> {
    let parameter = |item: &Item| Parameter {
        default: item.node().get("Default").and_then(Node::text).map(str::to_owned),
        origin: item.place(),
    };
    sections.section("Parameters").map(|(name, item)| (name.clone(), parameter(item))).collect()
}

fn resources(sections: &Sections) -> Result<IndexMap<LogicalId, Resource>, Problem> {
    let mut resources = IndexMap::new();
    for (name, item) in sections.section("Resources") {
        let id: LogicalId =
            name.parse().map_err(|error| Problem::new("logical-id", format!("{error}")).at(item.place()))?;
        let kind = item.node().get("Type").and_then(Node::text).unwrap_or_default().to_owned();
        let stateful = STATEFUL.contains(&kind.as_str());
        resources.insert(id, Resource { kind, origin: item.place(), stateful, item: item.clone() });
    }
    Ok(resources)
}
