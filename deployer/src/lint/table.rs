//! All rules that can be waived: those on code, those on what a function says of itself, and those on templates.

use deployer_source::rules::{RULES, Rule};

/// Every rule, those on code first.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().chain(FUNCTIONS).chain(crate::template::RULES)
}

/// Rules on a function's `Cargo.toml`.
const FUNCTIONS: &[Rule] = &[
    Rule {
        id: "unlisted-migration",
        why: "a file in the folder of migrations is not in the binary: nothing ever applies it, and it stays pending",
        mend: "list it beside the others, with include_str!",
    },
    Rule {
        id: "public-write-route",
        why: "a route that changes something is public: anybody may call it, as often as they like",
        mend: "take `public` out; what must be public goes into a crate of its own that only reads",
    },
];
