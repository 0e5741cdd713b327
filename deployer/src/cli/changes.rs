//! What an update does, for a person: grouped, coloured, the worst first.

use console::Style;

use crate::aws::{Change, Replacement};
use crate::deploy::{Impossible, Loss, Review};

/// A heading, its colour, and which changes stand below it.
type Group = (&'static str, Style, fn(&Change) -> bool);

fn groups() -> [Group; 5] {
    fn modified(change: &Change, replacement: Replacement) -> bool {
        change.action == "Modify" && change.replacement == replacement
    }
    [
        ("to replace", Style::new().red(), |change| modified(change, Replacement::Yes)),
        ("perhaps to replace", Style::new().magenta(), |change| modified(change, Replacement::Conditional)),
        ("to remove", Style::new().red(), |change| change.action == "Remove"),
        ("to change", Style::new().yellow(), |change| modified(change, Replacement::No)),
        ("to add", Style::new().green(), |change| !matches!(change.action.as_str(), "Modify" | "Remove")),
    ]
}

/// `1 to replace, 2 to change, 21 to add`.
pub fn count(changes: &[Change]) -> String {
    let parts: Vec<String> = groups()
        .iter()
        .map(|(heading, _, belongs)| (changes.iter().filter(|change| belongs(change)).count(), heading))
        .filter(|(many, _)| *many > 0)
        .map(|(many, heading)| format!("{many} {heading}"))
        .collect();
    if parts.is_empty() { "nothing but outputs".to_owned() } else { parts.join(", ") }
}

/// The whole of it, for stdout.
pub fn plan(review: &Review) -> Vec<String> {
    let mut lines = Vec::new();
    for (heading, colour, belongs) in groups() {
        let some: Vec<&Change> = review.changes.iter().filter(|change| belongs(change)).collect();
        if !some.is_empty() {
            lines.push(colour.clone().bold().apply_to(heading).to_string());
            lines.extend(some.iter().map(|change| colour.apply_to(describe(change, review)).to_string()));
        }
    }
    let (good, bad) = (Style::new().green(), Style::new().red());
    if !review.access.widened.is_empty() || !review.access.narrowed.is_empty() {
        lines.push(Style::new().bold().apply_to("access").to_string());
    }
    for access in &review.access.widened {
        lines.push(bad.apply_to(format!("  widened: {}", access.text())).to_string());
    }
    for access in &review.access.narrowed {
        lines.push(good.apply_to(format!("  narrowed: {}", access.text())).to_string());
    }
    if !review.approval.losses.is_empty() {
        lines.push(bad.clone().bold().apply_to("lost").to_string());
    }
    let losses = review.approval.losses.iter().map(Loss::text).chain(Loss::total(&review.approval.losses));
    lines.extend(losses.map(|text| bad.apply_to(format!("  {text}")).to_string()));
    lines.extend(review.impossible.iter().flat_map(impossible));
    lines
}

/// What `up` tells on its way (stderr): replacements, and with -v all of it. Losses and wider access are in the
/// question that follows; where none does, losses are told before they happen.
pub fn in_passing(review: &Review, verbose: bool) -> Vec<String> {
    let told = |change: &&Change| verbose || change.replacement != Replacement::No;
    let changes = review.changes.iter().filter(told).map(|change| describe(change, review));
    let narrowed = review.access.narrowed.iter().filter(|_| verbose);
    changes.chain(narrowed.map(|access| format!("    narrowed: {}", access.text()))).collect()
}

/// Why an update cannot succeed, and what to do instead.
pub fn impossible(found: &Impossible) -> Vec<String> {
    let mut lines = vec![format!("cannot be done: {} ({}): {}", found.logical_id, found.property, found.why)];
    lines.extend(found.steps.iter().enumerate().map(|(at, step)| format!("  {}. {step}", at + 1)));
    lines
}

/// One change with what of it changes.
fn describe(change: &Change, review: &Review) -> String {
    let (sign, note) = match (change.action.as_str(), change.replacement) {
        ("Add", _) => ("+", ""),
        ("Remove", _) => ("-", ""),
        (_, Replacement::Yes) => ("!", " REPLACED by a new one"),
        (_, Replacement::Conditional) => ("!", " perhaps replaced by a new one"),
        (_, Replacement::No) => ("~", ""),
    };
    let mut text = format!("{sign:>4} {} ({}){note}", change.logical_id, change.kind);
    for note in review.notes.get(&change.logical_id).into_iter().flatten() {
        text.push_str(&format!("\n       {note}"));
    }
    for detail in &change.details {
        let name = detail.property.as_deref().unwrap_or(&detail.attribute);
        let values = match (&detail.before, &detail.after) {
            (Some(before), Some(after)) => {
                let same = alike(before, after);
                format!(": {} -> {}", short(before, same), short(after, same))
            }
            _ => String::new(),
        };
        let line = format!("\n       {name}{values}");
        if !text.contains(&line) {
            text.push_str(&line);
        }
    }
    text
}

/// What fits beside another value on a line.
const ENOUGH: usize = 60;
/// Of what is the same in both values, as much as tells where they differ.
const LEAD: usize = 20;

/// How many characters at the beginning of long values are left out, because they are the same.
fn alike(before: &str, after: &str) -> usize {
    let same = before.chars().zip(after.chars()).take_while(|(before, after)| before == after).count();
    let long = [before, after].into_iter().any(|value| value.chars().count() > ENOUGH);
    if long { same.saturating_sub(LEAD) } else { 0 }
}

fn short(value: &str, without: usize) -> String {
    let rest: String = value.chars().skip(without).collect();
    let cut: String = rest.chars().take(ENOUGH).collect();
    let more = if cut.len() < rest.len() { "…" } else { "" };
    format!("{}{cut}{more}", if without > 0 { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_shown_from_where_they_differ() {
        let shown = |before: &str, after: &str| {
            let same = alike(before, after);
            (short(before, same), short(after, same))
        };
        let of = |word: &str| format!("{}{word}{}", "a".repeat(100), "z".repeat(100));
        let (before, after) = shown(&of("old"), &of("new"));
        assert_eq!(before, format!("…{}old{}…", "a".repeat(LEAD), "z".repeat(ENOUGH - LEAD - 3)));
        assert!(after.contains("anew"), "{after}");
        assert_eq!(shown("é1", "é2"), ("é1".to_owned(), "é2".to_owned()));
        assert_eq!(shown("", "x"), (String::new(), "x".to_owned()));
        let longer = "b".repeat(70);
        assert_eq!(shown("b", &longer), ("b".to_owned(), format!("{}…", "b".repeat(ENOUGH))));
    }
}
