//! Throttling, errors, resets and lost answers at every call of a stage's life.

use deployer::deploy::{Desired, Outcome};
use localcloud::faults::Kind;

use crate::bed::{Bed, fault, on_a_thread, protected, refusal};

/// Every call that the engine makes of CloudFormation in [`life`].
const CALLS: [&str; 12] = [
    "CreateChangeSet",
    "DeleteChangeSet",
    "DeleteStack",
    "DescribeChangeSet",
    "DescribeStackEvents",
    "DescribeStacks",
    "ExecuteChangeSet",
    "GetTemplate",
    "ListChangeSets",
    "ListStackResources",
    "SetStackPolicy",
    "UpdateTerminationProtection",
];

/// The row's name, how often in a row, and what happens.
fn kinds() -> Vec<(&'static str, u32, Kind)> {
    vec![
        ("throttled, 30 in a row", 30, Kind::Throttle),
        ("500, 10 in a row", 10, refusal(500, "InternalFailure")),
        ("503, 10 in a row", 10, refusal(503, "ServiceUnavailable")),
        ("connection reset, 10 in a row", 10, Kind::Reset),
        ("answer lost after the work, 6 in a row", 6, Kind::DropAnswer),
        ("answer cut short, 6 in a row", 6, Kind::Truncate),
        ("answer of garbage, 6 in a row", 6, Kind::Garbage),
    ]
}

/// A stage's whole life: created and protected, asked for once more, changed in words alone, changed, taken down. Each
/// end must be the right one, whatever happens on the way.
async fn life(bed: &Bed, stack: &str) -> Result<(), String> {
    let first = protected(stack, 3);
    let words = Desired { template: format!("# words\n{}", first.template), ..first.clone() };
    let steps = [
        ("create", &first, "deployed"),
        ("again", &first, "unchanged"),
        ("words", &words, "unchanged"),
        ("change", &protected(stack, 7), "deployed"),
    ];
    for (step, desired, expected) in steps {
        let outcome = bed.up(desired).await.map_err(|error| format!("{step}: {error:?}"))?;
        let found = match &outcome {
            Outcome::Deployed { .. } => "deployed",
            Outcome::Unchanged { .. } => "unchanged",
            _ => "something else",
        };
        if found != expected {
            return Err(format!("{step}: {outcome:?}"));
        }
        let stray = bed.stray_change_sets(stack).await;
        if !stray.is_empty() {
            return Err(format!("{step}: left lying: {stray:?}"));
        }
    }
    let id = bed.aws.stack(stack).await.unwrap().unwrap().id;
    let down = bed.down(&first).await.map_err(|error| format!("down: {error:?}"))?;
    if !matches!(down, Outcome::Deleted { .. }) || bed.status(stack).await.is_some() {
        return Err(format!("down: {down:?}"));
    }
    let operations = bed.operations(&id).await.len();
    // Created, protected, changed, unprotected, deleted.
    if operations == 5 { Ok(()) } else { Err(format!("{operations} operations")) }
}

async fn row(name: &'static str, count: u32, kind: Kind) -> (String, Vec<String>) {
    let bed = Bed::new().await;
    let mut wrong = Vec::new();
    for call in CALLS {
        bed.faults().set(vec![fault(call, count, kind.clone())]);
        let mut lived = life(&bed, &format!("life-{call}")).await;
        // After a lost answer a call is sent again only where nothing shows that it was carried out.
        if lived.is_ok() && bed.faults().left().iter().any(|fault| fault.count == count) {
            lived = Err("it never came to that call".to_owned());
        }
        wrong.extend(lived.err().map(|why| format!("{call} {name}: {why}")));
    }
    (format!("{name:<40} {:>4}/{} calls survived", CALLS.len() - wrong.len(), CALLS.len()), wrong)
}

#[test]
fn passing_faults_at_any_call_change_no_outcome() {
    let rows = kinds().into_iter().map(|(name, count, kind)| on_a_thread(move || row(name, count, kind)));
    let rows: Vec<_> = rows.collect();
    let mut wrong = Vec::new();
    for row in rows {
        let (line, found) = row.join().unwrap();
        println!("{line}");
        wrong.extend(found);
    }
    assert_eq!(wrong, Vec::<String>::new());
}
