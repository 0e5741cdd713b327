//! Requests that are refused, in CloudFormation's words, and tokens.

use super::*;

#[tokio::test]
async fn a_busy_stack_refuses() {
    let bed = bed();
    bed.create(&groups(&[("A", "", "")]), &[]).unwrap();
    bed.rest().await;
    let held = bed.script.hold("update A");
    let wanted = groups(&[("A", "RetentionInDays: 5", "")]);
    bed.update(&wanted, &[]).unwrap();
    bed.begun("update A").await;
    let expected = format!("Stack:{} is in UPDATE_IN_PROGRESS state and can not be updated.", bed.id());
    assert_eq!(bed.update(&wanted, &[]).unwrap_err().message, expected);
    let set = [("StackName", "s"), ("ChangeSetName", "c"), ("TemplateBody", wanted.as_str())];
    assert_eq!(bed.ask("CreateChangeSet", &set).unwrap_err().message, expected);
    assert_eq!(
        bed.ask("DeleteStack", &[("StackName", "s")]).unwrap_err().message,
        "Stack [s] cannot be deleted while in status UPDATE_IN_PROGRESS"
    );
    held.notify_one();
    assert_eq!(bed.rest().await, "UPDATE_COMPLETE");
}

#[tokio::test]
async fn after_a_rolled_back_create_only_delete_is_legal() {
    let bed = bed();
    bed.script.fail("create A");
    let template = groups(&[("A", "", "")]);
    bed.create(&template, &[]).unwrap();
    assert_eq!(bed.rest().await, "ROLLBACK_COMPLETE");
    assert!(
        bed.update(&template, &[])
            .unwrap_err()
            .message
            .contains("is in ROLLBACK_COMPLETE state and can not be updated.")
    );
    let again = bed.create(&template, &[]).unwrap_err();
    assert_eq!(
        (again.code.as_str(), again.message.as_str()),
        ("AlreadyExistsException", "Stack [s] already exists")
    );
    bed.ask("DeleteStack", &[("StackName", "s")]).unwrap();
    assert_eq!(bed.rest().await, "DELETE_COMPLETE");
}

#[tokio::test]
async fn a_token_repeats_its_answer_and_belongs_to_one_request() {
    let bed = bed();
    let template = groups(&[("A", "", "")]);
    let first = bed.create(&template, &[("ClientRequestToken", "t")]).unwrap();
    assert_eq!(bed.create(&template, &[("ClientRequestToken", "t")]), Ok(first));
    bed.rest().await;
    let other = bed.update(&groups(&[("A", "RetentionInDays: 1", "")]), &[("ClientRequestToken", "t")]);
    assert_eq!(other.unwrap_err().code, "TokenAlreadyExistsException");
    let wanted = groups(&[("A", "RetentionInDays: 3", "")]);
    bed.update(&wanted, &[("ClientRequestToken", "u")]).unwrap();
    bed.rest().await;
    let events = bed.events_so_far();
    bed.update(&wanted, &[("ClientRequestToken", "u")]).unwrap();
    assert_eq!(bed.events_so_far(), events, "the repeat did nothing");
}

#[tokio::test]
async fn capabilities_are_exact() {
    let bed = bed();
    let role = |name: &str| {
        format!(
            "Resources: {{R: {{Type: 'AWS::IAM::Role', Properties: {{{name}AssumeRolePolicyDocument: {{}}}}}}}}"
        )
    };
    let capability = |name| [("Capabilities.member.1", name)];
    let refused = bed.create(&role(""), &[]).unwrap_err();
    assert_eq!(refused.code, "InsufficientCapabilitiesException");
    assert_eq!(refused.message, "Requires capabilities : [CAPABILITY_IAM]");
    let refused = bed.create(&role("RoleName: r, "), &capability("CAPABILITY_IAM")).unwrap_err();
    assert_eq!(refused.message, "Requires capabilities : [CAPABILITY_NAMED_IAM]");
    assert!(bed.create(&role(""), &capability("CAPABILITY_NAMED_IAM")).is_ok());
}

#[tokio::test]
async fn limits_and_names_are_checked() {
    let bed = bed();
    let long = format!("# {}\n{}", "x".repeat(51_200), groups(&[("A", "", "")]));
    assert!(bed.create(&long, &[]).unwrap_err().message.contains("less than or equal to 51200"));
    let names: Vec<String> = (0..501).map(|index| format!("A{index}")).collect();
    let many: Vec<(&str, &str, &str)> = names.iter().map(|name| (name.as_str(), "", "")).collect();
    let refused = bed.create(&groups(&many).replace("    Properties: {}\n", ""), &[]).unwrap_err();
    assert_eq!(
        refused.message,
        "Template format error: Number of resources, 501, is greater than maximum allowed, 500"
    );
    let template = groups(&[("A", "", "")]);
    let named = |name: &str| bed.ask("CreateStack", &[("StackName", name), ("TemplateBody", &template)]);
    assert!(named("1x").unwrap_err().message.contains("[a-zA-Z][-a-zA-Z0-9]*"));
    assert!(named(&"x".repeat(129)).unwrap_err().message.contains("less than or equal to 128"));
}

#[tokio::test]
async fn what_is_not_implemented_is_named() {
    let bed = bed();
    let refused = bed.ask("CreateStackSet", &[]).unwrap_err();
    assert_eq!(refused.code, "NotImplemented");
    assert!(refused.message.contains("cloudformation:CreateStackSet"));
    let refused = bed.create(&groups(&[("A", "", "")]), &[("TimeoutInMinutes", "5")]).unwrap_err();
    assert!(refused.message.contains("TimeoutInMinutes of CreateStack"), "{refused}");
}

#[tokio::test]
async fn a_cycle_and_a_retyped_resource_are_refused_before_anything_runs() {
    let bed = bed();
    bed.create(&groups(&[("A", "", "")]), &[]).unwrap();
    bed.rest().await;
    let cycle = groups(&[("A", "LogGroupName: !Ref B", ""), ("B", "LogGroupName: !Ref A", "")]);
    assert_eq!(bed.update(&cycle, &[]).unwrap_err().message, "Circular dependency between resources: [A, B]");
    let retyped = groups(&[("A", "", "")]).replace("Logs::LogGroup", "S3::Bucket");
    assert!(
        bed.update(&retyped, &[])
            .unwrap_err()
            .message
            .starts_with("Update of resource type is not permitted.")
    );
}
