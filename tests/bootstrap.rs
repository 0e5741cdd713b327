//! The rights that `bootstrap` makes, held against what `up` and `down` really call: an embedded cloud judges each
//! call of the pipeline and of the service role, and every right is taken away in turn. Prints what was caught.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "bootstrap/bed.rs"]
mod bed;
#[path = "bootstrap/flows.rs"]
mod flows;

use std::collections::BTreeSet;

use deployer::bootstrap::RECOVERY;
use futures::StreamExt as _;
use serde_json::Value;

use bed::{Bed, Rights, Role};

/// Where a stack does not go, `down` looks by hand for what refuses. Pipelines may not, and it is a warning to them.
const BY_HAND: [&str; 2] = ["cognito-idp:DescribeUserPool", "dynamodb:DescribeTable"];

/// What one run of all flows showed.
struct Shown {
    /// A line for each step.
    report: Vec<String>,
    denied: BTreeSet<(Role, String)>,
}

async fn run(stage: &str, rights: &Rights) -> Shown {
    let bed = Bed::new(stage, rights).await;
    let report = flows::all(&bed).await;
    let denied = bed.decisions().into_iter().filter(|decision| !decision.allowed);
    let shown = Shown { report, denied: denied.filter_map(|decision| bed.asked_by(&decision)).collect() };
    bed.stop().await;
    shown
}

/// Takes each right of the stage away in turn and answers how many there were. `but` are those that another
/// stage has tried.
async fn every_removal_is_caught(stage: &str, but: &BTreeSet<String>) -> BTreeSet<String> {
    let rights = Rights::of(stage);
    let whole = run(stage, &rights).await;
    assert!(whole.report.last().is_some_and(|last| last == "deleted"), "{:#?}", whole.report);
    assert_eq!(whole.denied, BTreeSet::new());
    let grants = rights.grants();
    let tried: Vec<_> = grants.iter().filter(|grant| !but.contains(&grant.to_string())).collect();
    let missed: Vec<String> = futures::stream::iter(&tried)
        .map(async |grant| {
            let shown = run(stage, &rights.without(grant)).await;
            let denied = (grant.role, grant.action.clone());
            let others =
                shown.denied.iter().filter(|other| **other != denied && !BY_HAND.contains(&other.1.as_str()));
            let caught =
                shown.denied.contains(&denied) && others.count() == 0 && shown.report != whole.report;
            (!caught).then(|| format!("{grant}: {:?}", shown.denied))
        })
        .buffer_unordered(4)
        .filter_map(async |missed| missed)
        .collect()
        .await;
    println!(
        "{stage:<8} {:>3}/{} removals caught, {} of them of recovery alone",
        tried.len() - missed.len(),
        tried.len(),
        tried.iter().filter(|grant| RECOVERY.contains(&grant.action.as_str())).count()
    );
    assert_eq!(missed, Vec::<String>::new());
    grants.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_and_down_pass_with_exactly_these_rights_and_fail_without_any_one() {
    let ephemeral = every_removal_is_caught("pr-7", &BTreeSet::new()).await;
    let development = every_removal_is_caught("dev", &ephemeral).await;
    let tried = ephemeral.union(&development).cloned().collect();
    every_removal_is_caught("prod", &tried).await;
}

#[tokio::test]
async fn only_the_repository_s_jobs_in_the_stage_s_environment_become_the_pipeline() {
    let bed = Bed::new("dev", &Rights::of("dev")).await;
    assert_eq!(bed.assume("repo:acme/shop:environment:dev", "sts.amazonaws.com"), Ok(()));
    for subject in [
        "repo:acme/shop:environment:prod",
        "repo:acme/shop:ref:refs/heads/main",
        "repo:acme/shop:pull_request",
        "repo:acme/other:environment:dev",
        "repo:acme/shop:environment:dev-2",
    ] {
        assert_eq!(bed.assume(subject, "sts.amazonaws.com"), Err("AccessDenied".to_owned()), "{subject}");
    }
    let elsewhere = bed.assume("repo:acme/shop:environment:dev", "https://github.com/acme");
    assert_eq!(elsewhere, Err("AccessDenied".to_owned()));
    bed.stop().await;
}

#[tokio::test]
async fn a_pipeline_reaches_no_other_stack_and_makes_no_role_outside_of_the_boundary() {
    let bed = Bed::new("dev", &Rights::of("dev")).await;
    let other = bed.up_as("profile-service-prod", &bed.template).await;
    assert!(other.contains("cloudformation:DescribeStacks"), "{other}");
    let boundary = bed.template.lines().find(|line| line.contains("PermissionsBoundary:")).unwrap();
    let unbounded = bed.template.replace(&format!("{boundary}\n"), "");
    let refused = bed.up_as("profile-service-dev", &unbounded).await;
    assert!(refused.contains("iam:CreateRole"), "{refused}");
    bed.stop().await;
}

#[test]
fn no_statement_has_every_resource_but_those_whose_actions_have_none() {
    // "Resource types" of Cognito user pools, CloudWatch Logs and KMS in the Service Authorization Reference: these
    // actions have none. (Log delivery: "Actions that require * in the resource".)
    let without = [
        "cognito-idp:CreateUserPool",
        "cognito-idp:DescribeUserPoolDomain",
        "kms:CreateKey",
        "kms:ListAliases",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
    ];
    for stage in ["pr-7", "dev", "staging", "prod"] {
        let rights = Rights::of(stage);
        for (role, statement) in rights.statements() {
            if statement["Resource"] != serde_json::json!(["*"]) {
                continue;
            }
            let actions = statement["Action"].as_array().unwrap().iter().filter_map(Value::as_str);
            let wide: Vec<_> = actions.filter(|action| !without.contains(action)).collect();
            assert_eq!(wide, Vec::<&str>::new(), "{stage} {role:?}");
        }
    }
}
