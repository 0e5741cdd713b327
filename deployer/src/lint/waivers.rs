//! What of the findings is waived, and what is wrong with the waivers: they end, they name rules that there are, and
//! they waive something.

use std::path::Path;

use jiff::ToSpan;
use jiff::civil::Date;

use super::table;
use crate::project::{Problem, Waiver, nearest};

/// Findings and what became of them.
#[derive(Debug, Default)]
pub struct Report {
    /// What has to be mended.
    pub open: Vec<Problem>,
    /// What may stay, for now.
    pub waived: Vec<Waived>,
}

/// A finding that somebody answers for.
#[derive(Debug, Clone)]
pub struct Waived {
    pub finding: Problem,
    pub waiver: Waiver,
}

/// Takes out the findings that a waiver covers. `folder` is the crate's whose waivers these are, in the project.
pub fn judge(findings: Vec<Problem>, waivers: &[Waiver], folder: &Path, today: Date) -> Report {
    let mut report = Report::default();
    let mut used = vec![false; waivers.len()];
    for finding in findings {
        let covering = waivers.iter().position(|waiver| covers(waiver, &finding, folder));
        if let Some(index) = covering {
            used[index] = true;
        }
        match covering.map(|index| &waivers[index]).filter(|waiver| waiver.until >= today) {
            Some(waiver) => report.waived.push(Waived { finding, waiver: waiver.clone() }),
            None => report.open.push(finding),
        }
    }
    for (waiver, used) in waivers.iter().zip(used) {
        report.open.extend(wrong(waiver, used, today));
    }
    report
}

fn covers(waiver: &Waiver, finding: &Problem, folder: &Path) -> bool {
    let file = finding.place.as_ref().map(|place| place.file());
    let there = waiver.file.as_ref().is_none_or(|wanted| {
        file.is_some_and(|file| file == wanted.as_path() || file == folder.join(wanted))
    });
    waiver.rule == finding.rule && there
}

/// What is wrong with a waiver itself.
fn wrong(waiver: &Waiver, used: bool, today: Date) -> Option<Problem> {
    let Waiver { rule, until, .. } = waiver;
    let problem = |id, message: String| Problem::new(id, message).at(waiver.place.clone());
    if !table::rules().any(|known| known.id == rule) {
        let help = match nearest(rule, table::rules().map(|known| known.id)) {
            Some(meant) => format!("did you mean {meant:?}?"),
            None => "`deployer check --rules` lists the rules that can be waived".to_owned(),
        };
        return Some(problem("unknown-rule", format!("no rule {rule:?} can be waived")).help(help));
    }
    if *until < today {
        let help = "mend what it waived, or say anew why that may stay, and until when";
        return Some(problem("expired-waiver", format!("the waiver of {rule} ended on {until}")).help(help));
    }
    // A year from the last day of February is a day that there is.
    if today.saturating_add(1.year()) < *until {
        let message = format!("the waiver of {rule} lasts until {until}, more than a year");
        return Some(problem("long-waiver", message).help("look at it again within a year"));
    }
    if used {
        return None;
    }
    let place = waiver.file.as_ref().map(|file| format!(" in {}", file.display())).unwrap_or_default();
    let message = format!("the waiver of {rule} waives nothing: no such finding is left{place}");
    Some(problem("stale-waiver", message).help("remove it"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::*;
    use crate::project::{Place, Source};

    fn place(path: &str) -> Place {
        Place { source: Arc::new(Source { path: PathBuf::from(path), text: "".into() }), range: 0..0 }
    }

    fn finding(file: &str) -> Problem {
        Problem::new("split-write", "two writes").at(place(file))
    }

    fn waiver(rule: &str, file: Option<&str>, until: &str) -> Waiver {
        Waiver {
            rule: rule.to_owned(),
            file: file.map(PathBuf::from),
            reason: "the second is repeated by a job".to_owned(),
            until: until.parse().unwrap(),
            place: place("Cargo.toml"),
        }
    }

    /// The rules that are left, and how many findings are waived.
    fn judged(findings: Vec<Problem>, waivers: &[Waiver]) -> (Vec<&'static str>, usize) {
        let today = "2026-03-10".parse().unwrap();
        let report = judge(findings, waivers, Path::new("functions/order"), today);
        (report.open.iter().map(|problem| problem.rule).collect(), report.waived.len())
    }

    #[test]
    fn a_waiver_covers_its_rule_until_its_last_day() {
        let found = || vec![finding("functions/order/src/main.rs")];
        assert_eq!(judged(found(), &[waiver("split-write", None, "2026-03-10")]), (vec![], 1));
        assert_eq!(
            judged(found(), &[waiver("split-write", None, "2026-03-09")]),
            (vec!["split-write", "expired-waiver"], 0)
        );
        assert_eq!(
            judged(found(), &[waiver("random-key", None, "2026-12-31")]),
            (vec!["split-write", "stale-waiver"], 0)
        );
    }

    #[test]
    fn a_waiver_of_a_file_covers_that_file_alone() {
        let found = || vec![finding("functions/order/src/main.rs"), finding("functions/shared/src/row.rs")];
        let own = waiver("split-write", Some("src/main.rs"), "2026-12-31");
        let shared = waiver("split-write", Some("functions/shared/src/row.rs"), "2026-12-31");
        assert_eq!(judged(found(), std::slice::from_ref(&own)), (vec!["split-write"], 1));
        assert_eq!(judged(found(), &[own, shared]), (vec![], 2));
    }

    #[test]
    fn a_waiver_lasts_a_year_at_most_and_names_a_rule() {
        let found = || vec![finding("functions/order/src/main.rs")];
        assert_eq!(judged(found(), &[waiver("split-write", None, "2027-03-10")]), (vec![], 1));
        assert_eq!(judged(found(), &[waiver("split-write", None, "2027-03-11")]), (vec!["long-waiver"], 1));
        assert_eq!(
            judged(found(), &[waiver("split-writes", None, "2026-12-31")]),
            (vec!["split-write", "unknown-rule"], 0)
        );
    }
}
