//! The rights that `bootstrap` makes, held against what `up` and `down` really call: an embedded cloud judges each
//! call of the pipeline and of the service role, and every right is taken away in turn. Prints what was caught.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "bootstrap/bed.rs"]
mod bed;
#[path = "bootstrap/flows.rs"]
mod flows;
#[path = "bootstrap/migrator.rs"]
mod migrator;
#[path = "bootstrap/rights.rs"]
mod rights;

use std::collections::BTreeSet;

use deployer::bootstrap::RECOVERY;
use futures::StreamExt as _;
use serde_json::Value;

use bed::Bed;
use rights::{Grant, Rights, Role};

/// Where a stack does not go, `down` looks by hand for what refuses. Pipelines may not, and it is a warning to them.
const BY_HAND: [&str; 2] = ["cognito-idp:DescribeUserPool", "dynamodb:DescribeTable"];

/// What one run of all flows showed.
struct Shown {
    /// A line for each step.
    report: Vec<String>,
    denied: BTreeSet<(Role, String)>,
}

async fn run(rights: &Rights) -> Shown {
    let bed = Bed::new(rights).await;
    let report = flows::all(&bed).await;
    let denied = bed.decisions().into_iter().filter(|decision| !decision.allowed);
    let shown = Shown { report, denied: denied.filter_map(|decision| bed.asked_by(&decision)).collect() };
    bed.stop().await;
    shown
}

/// Takes each of the rights away in turn and answers which they were. `but` are those that another stage has tried.
async fn every_removal_is_caught(stage: &str, rights: &Rights, but: &BTreeSet<String>) -> BTreeSet<String> {
    let whole = run(rights).await;
    assert!(whole.report.last().is_some_and(|last| last == "deleted"), "{:#?}", whole.report);
    assert_eq!(whole.denied, BTreeSet::new());
    let grants = rights.grants();
    let tried: Vec<_> = grants.iter().filter(|grant| !but.contains(&grant.to_string())).collect();
    let missed: Vec<String> = futures::stream::iter(&tried)
        .map(async |grant| {
            let shown = run(&rights.without(grant)).await;
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
    let mut tried = BTreeSet::new();
    for stage in ["pr-7", "dev", "prod"] {
        let own = every_removal_is_caught(stage, &Rights::of(stage), &tried).await;
        tried.extend(own);
    }
    let database = every_removal_is_caught("database", &Rights::with_database(""), &tried).await;
    let migrating = "Pipeline lambda:InvokeFunction on";
    assert!(database.iter().any(|grant| grant.starts_with(migrating)));
    assert!(!tried.iter().any(|grant| grant.starts_with(migrating)), "only where there is a database");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_to_invoke_it_the_migration_fails_by_that_name_and_the_stack_stays() {
    let rights = Rights::with_database("");
    let invoking = |grant: &Grant| grant.action == "lambda:InvokeFunction";
    let grants: Vec<Grant> = rights.grants().into_iter().filter(invoking).collect();
    let [grant] = grants.as_slice() else { panic!("{grants:?}") };
    assert!(grant.to_string().contains(":function:STACKS-post-confirmation-postgres\"}]"), "{grant}");
    let shown = run(&rights.without(grant)).await;
    let [.., created, refused] = shown.report.as_slice() else { panic!("{:?}", shown.report) };
    assert_eq!(created, "created");
    assert!(refused.starts_with("not migrated") && refused.contains("lambda:InvokeFunction"), "{refused}");
    assert_eq!(shown.denied, BTreeSet::from([(Role::Pipeline, "lambda:InvokeFunction".to_owned())]));
}

/// The embedded cloud has no EC2: its judge is asked as EC2 would ask it, by the Service Authorization Reference.
#[tokio::test]
async fn the_network_s_rights_are_over_what_the_stage_makes_in_the_one_vpc() {
    let bed = Bed::new(&Rights::with_database("  secrets_endpoint: vpc-0a1b2c3d\n")).await;
    let asked = |stage| {
        [("aws:RequestTag/deployer:service", "profile-service"), ("aws:RequestTag/deployer:stage", stage)]
    };
    let has = |stage| {
        [("aws:ResourceTag/deployer:service", "profile-service"), ("aws:ResourceTag/deployer:stage", stage)]
    };
    let (preview, previews, prod) = (asked("pr-7"), has("pr-7"), has("prod"));
    let group = "security-group/sg-1";
    let endpoint = "vpc-endpoint/vpce-1";
    let may = |action: &str, on: &[(&str, &[(&str, &str)])]| bed.service_may(action, on);

    assert!(may("ec2:CreateSecurityGroup", &[(group, &preview), ("vpc/vpc-0a1b2c3d", &[])]));
    assert!(!may("ec2:CreateSecurityGroup", &[("vpc/vpc-other000", &[])]));
    assert!(!may("ec2:CreateSecurityGroup", &[(group, &asked("prod"))]));
    assert!(!may("ec2:CreateSecurityGroup", &[(group, &[])]));

    let of = |service: &'static str| [preview.as_slice(), &[("ec2:VpceServiceName", service)]].concat();
    let secrets = of("com.amazonaws.us-east-1.secretsmanager");
    let around: [(&str, &[(&str, &str)]); 3] =
        [("vpc/vpc-0a1b2c3d", &[]), ("subnet/subnet-0a1b2c3d", &[]), ("subnet/subnet-0a1b2c3e", &[])];
    assert!(may(
        "ec2:CreateVpcEndpoint",
        &[&around[..], &[(endpoint, &secrets), (group, &previews)]].concat()
    ));
    assert!(!may("ec2:CreateVpcEndpoint", &[(endpoint, &of("com.amazonaws.us-east-1.s3"))]));
    assert!(!may("ec2:CreateVpcEndpoint", &[(group, &prod)]));
    assert!(!may("ec2:CreateVpcEndpoint", &[("subnet/subnet-other", &[])]));

    let creating = |action: &'static str| [preview.as_slice(), &[("ec2:CreateAction", action)]].concat();
    assert!(may("ec2:CreateTags", &[(group, &creating("CreateSecurityGroup"))]));
    assert!(may("ec2:CreateTags", &[(endpoint, &creating("CreateVpcEndpoint"))]));
    assert!(!may("ec2:CreateTags", &[(group, &preview)]), "somebody else's group is not made one's own");
    for action in [
        "CreateTags",
        "DeleteTags",
        "AuthorizeSecurityGroupIngress",
        "RevokeSecurityGroupIngress",
        "DeleteSecurityGroup",
    ] {
        let action = format!("ec2:{action}");
        assert!(may(&action, &[(group, &previews)]) && !may(&action, &[(group, &prod)]), "{action}");
        assert!(!may(&action, &[(group, &[])]), "{action}");
    }
    for action in ["ec2:ModifyVpcEndpoint", "ec2:DeleteVpcEndpoints"] {
        assert!(may(action, &[(endpoint, &previews)]) && !may(action, &[(endpoint, &prod)]), "{action}");
    }
    for action in [
        "DescribeSecurityGroups",
        "DescribeSubnets",
        "DescribeVpcEndpoints",
        "DescribeVpcs",
        "DescribeNetworkInterfaces",
    ] {
        assert!(may(&format!("ec2:{action}"), &[("*", &[])]), "{action}");
    }
    // Rules on what leaves are EC2's own here, and nothing of the VPC itself changes.
    for action in [
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:CreateSubnet",
        "ec2:DeleteVpc",
        "vpc-lattice:CreateServiceNetworkVpcEndpointAssociation",
    ] {
        assert!(!may(action, &[(group, &previews)]) && !may(action, &[("*", &[])]), "{action}");
    }
    bed.stop().await;
}

#[test]
fn every_action_that_the_registry_lists_for_the_network_is_granted_or_has_no_cause() {
    let rights = Rights::with_database("  secrets_endpoint: vpc-0a1b2c3d\n");
    let granted: BTreeSet<String> = rights
        .grants()
        .into_iter()
        .filter(|grant| grant.role == Role::Service)
        .map(|grant| grant.action)
        .collect();
    // Of endpoints of other kinds, in other regions, and of rules on what leaves, which the template has none of.
    let without_cause = [
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupEgress",
        "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
        "vpc-lattice:CreateServiceNetworkVpcEndpointAssociation",
        "vpc-lattice:DescribeServiceNetworkVpcEndpointAssociation",
        "vpce:AllowMultiRegion",
    ];
    let handlers: Value =
        serde_json::from_str(include_str!("../deployer/localcloud/schemas/handlers.json")).unwrap();
    for kind in ["AWS::EC2::SecurityGroup", "AWS::EC2::VPCEndpoint"] {
        let lists = handlers[kind].as_object().unwrap().values();
        for action in lists.flat_map(|list| list.as_array().unwrap()).filter_map(Value::as_str) {
            assert_ne!(granted.contains(action), without_cause.contains(&action), "{kind} {action}");
        }
    }
    assert!(!Rights::of("pr-7").grants().iter().any(|grant| grant.action.starts_with("ec2:")));
}

#[tokio::test]
async fn only_the_repository_s_jobs_in_the_stage_s_environment_become_the_pipeline() {
    let bed = Bed::new(&Rights::of("dev")).await;
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
    let bed = Bed::new(&Rights::of("dev")).await;
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
    // "Resource types" of Cognito user pools, EC2, CloudWatch Logs and KMS in the Service Authorization Reference: these
    // actions have none. (Log delivery: "Actions that require * in the resource".)
    let without = [
        "cognito-idp:CreateUserPool",
        "cognito-idp:DescribeUserPoolDomain",
        "ec2:DescribeInstances",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcEndpoints",
        "ec2:DescribeVpcs",
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
    let stages = ["pr-7", "dev", "staging", "prod"].map(Rights::of);
    let networked = Rights::with_database("  secrets_endpoint: vpc-0a1b2c3d\n");
    for rights in stages.iter().chain([&networked]) {
        let stage = &rights.project.stage;
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
