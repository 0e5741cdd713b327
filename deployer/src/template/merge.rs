//! The sections of all fragments as one template.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::project::yaml::{Entry, Node};
use crate::project::{Place, Problem};

use super::fragments::Rendered;

/// Something with a name in a section, and the fragment that it comes from.
#[derive(Debug, Clone)]
pub struct Item {
    pub entry: Entry,
    pub from: Arc<Rendered>,
}

/// The merged template.
#[derive(Debug, Default)]
pub struct Sections(pub IndexMap<&'static str, IndexMap<String, Item>>);

/// What a fragment may hold, in the order of the template.
pub const SECTIONS: [&str; 5] = ["Parameters", "Mappings", "Conditions", "Resources", "Outputs"];

impl Item {
    pub fn node(&self) -> &Node {
        &self.entry.node
    }

    /// The line of the name.
    pub fn place(&self) -> Place {
        self.from.place(&self.entry.key)
    }

    /// The line of a part.
    pub fn place_of(&self, node: &Node) -> Place {
        self.from.place(&node.range)
    }

    /// The line of a key below the name, or of the deepest one on the way that exists.
    pub fn place_at(&self, path: &[&str]) -> Place {
        self.node().key_range(path).map_or_else(|| self.place(), |range| self.from.place(&range))
    }
}

impl Sections {
    /// The items of a section; none when no fragment has it.
    pub fn section(&self, name: &str) -> impl Iterator<Item = (&String, &Item)> {
        self.0.get(name).into_iter().flatten()
    }

    pub fn item(&self, section: &str, name: &str) -> Option<&Item> {
        self.0.get(section)?.get(name)
    }

    pub fn count(&self, section: &str) -> usize {
        self.0.get(section).map_or(0, IndexMap::len)
    }
}

/// Joins the fragments, in their order. What only one of them may say is said once.
pub fn merge(rendered: Vec<Rendered>, problems: &mut Vec<Problem>) -> Sections {
    let mut sections = Sections(SECTIONS.into_iter().map(|name| (name, IndexMap::new())).collect());
    for fragment in rendered {
        let fragment = Arc::new(fragment);
        if fragment.tree.is_null() {
            continue;
        }
        let Some(found) = fragment.tree.mapping() else {
            let place = fragment.place(&fragment.tree.range);
            problems.push(Problem::new("fragment-shape", "a fragment is a mapping of sections").at(place));
            continue;
        };
        for (name, section) in found {
            let Some(target) = sections.0.get_mut(name.as_str()) else {
                let help = match crate::project::nearest(name, SECTIONS) {
                    Some(meant) => format!("did you mean {meant}?"),
                    None => format!("a fragment has {}", SECTIONS.join(", ")),
                };
                let problem =
                    Problem::new("unknown-section", format!("the section {name:?} is not for fragments"));
                problems.push(problem.at(fragment.place(&section.key)).help(help));
                continue;
            };
            if section.node.is_null() {
                continue;
            }
            let Some(entries) = section.node.mapping() else {
                let message = format!("{name} is a mapping of names");
                problems.push(Problem::new("fragment-shape", message).at(fragment.place(&section.key)));
                continue;
            };
            for (id, entry) in entries {
                let item = Item { entry: entry.clone(), from: fragment.clone() };
                if let Some(problem) = undeclared(&fragment, id, &item) {
                    problems.push(problem);
                } else if let Some(other) = target.get(id) {
                    let first = other.place();
                    let help = format!(
                        "{id} is declared in {}, line {} already",
                        first.file().display(),
                        first.line()
                    );
                    problems.push(
                        Problem::new("duplicate-name", format!("{id} is declared twice"))
                            .at(item.place())
                            .help(help),
                    );
                } else {
                    target.insert(id.clone(), item);
                }
            }
        }
    }
    sections
}

/// A name must stand in the fragment: literally, or as `{{ … | id }}`. Anything else would have
/// come in with a value.
fn undeclared(fragment: &Rendered, id: &str, item: &Item) -> Option<Problem> {
    let written = fragment.written(item.entry.key.start);
    let literal = written.strip_prefix(id).is_some_and(|rest| rest.starts_with(':'));
    let filtered = written.starts_with("{{") && fragment.ids.iter().any(|known| known == id);
    if literal || filtered {
        return None;
    }
    let problem =
        Problem::new("undeclared-name", format!("{id} is not declared by the fragment")).at(item.place());
    Some(problem.help("a name stands at the start of its line, literally or as {{ … | id }}"))
}
