//! What change sets show and refuse.

use super::*;

fn change_set(bed: &Bed, name: &str, kind: &str, template: &str) -> Value {
    let fields =
        [("StackName", "s"), ("ChangeSetName", name), ("ChangeSetType", kind), ("TemplateBody", template)];
    let made = bed.ask("CreateChangeSet", &fields).unwrap();
    let id = made["Id"].as_str().unwrap().to_owned();
    bed.ask("DescribeChangeSet", &[("ChangeSetName", &id), ("IncludePropertyValues", "true")]).unwrap()
}

async fn stack(template: &str) -> Bed {
    let bed = bed();
    bed.create(template, &[]).unwrap();
    assert_eq!(bed.rest().await, "CREATE_COMPLETE");
    bed
}

#[tokio::test]
async fn replacement_is_told_by_property_with_its_values() {
    let bed = stack(&groups(&[("A", "LogGroupName: x", ""), ("B", "LogGroupName: !Ref A", "")])).await;
    let set = change_set(
        &bed,
        "c",
        "UPDATE",
        &groups(&[
            ("A", "LogGroupName: y, RetentionInDays: 3", "UpdateReplacePolicy: Retain"),
            ("B", "LogGroupName: !Ref A", ""),
        ]),
    );
    let change = |index: usize| &set["Changes"][index]["ResourceChange"];
    assert_eq!(change(0)["Action"], "Modify");
    assert_eq!(change(0)["Replacement"], "True");
    assert_eq!(change(0)["PolicyAction"], "ReplaceAndRetain");
    let target = &change(0)["Details"][0]["Target"];
    assert_eq!(
        (&target["Name"], &target["BeforeValue"], &target["AfterValue"], &target["RequiresRecreation"]),
        (&json!("LogGroupName"), &json!("x"), &json!("y"), &json!("Always"))
    );
    assert_eq!(change(0)["Details"][1]["Target"]["AttributeChangeType"], "Add");
    assert_eq!(change(1)["Replacement"], "Conditional", "what A will be called is not known yet");
    let detail = &change(1)["Details"][0];
    assert_eq!(
        (&detail["Evaluation"], &detail["ChangeSource"], &detail["CausingEntity"]),
        (&json!("Dynamic"), &json!("ResourceReference"), &json!("A"))
    );
    assert_eq!(detail["Target"]["AfterValue"], "{{changeSet:KNOWN_AFTER_APPLY}}");
    let plain = bed.ask("DescribeChangeSet", &[("ChangeSetName", "c"), ("StackName", "s")]).unwrap();
    assert!(!plain.to_string().contains("BeforeValue"));
}

#[tokio::test]
async fn an_attribute_of_a_changed_resource_is_dynamic_and_the_engine_leaves_its_reader() {
    let bed = stack(
        &groups(&[("A", "RetentionInDays: 3", ""), ("B", "KmsKeyId: !GetAtt A.Arn", "")])
            .replace("KmsKeyId: !GetAtt A.Arn", "ResourcePolicyDocument: {a: !GetAtt A.Arn}"),
    )
    .await;
    let template =
        groups(&[("A", "RetentionInDays: 5", ""), ("B", "ResourcePolicyDocument: {a: !GetAtt A.Arn}", "")]);
    let set = change_set(&bed, "c", "UPDATE", &template);
    let detail = &set["Changes"][1]["ResourceChange"]["Details"][0];
    assert_eq!(
        (&detail["ChangeSource"], &detail["CausingEntity"]),
        (&json!("ResourceAttribute"), &json!("A.Arn"))
    );
    bed.ask("ExecuteChangeSet", &[("ChangeSetName", "c"), ("StackName", "s")]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_COMPLETE");
    assert!(!bed.script.calls.lock().unwrap().contains(&"update B".to_owned()));
}

#[tokio::test]
async fn a_parameter_is_named_as_the_cause() {
    let template = "Parameters: {Days: {Type: Number, Default: 3}}\n".to_owned()
        + &groups(&[("A", "RetentionInDays: !Ref Days", "")]);
    let bed = stack(&template).await;
    let fields = [
        ("StackName", "s"),
        ("ChangeSetName", "c"),
        ("UsePreviousTemplate", "true"),
        ("Parameters.member.1.ParameterKey", "Days"),
        ("Parameters.member.1.ParameterValue", "5"),
    ];
    bed.ask("CreateChangeSet", &fields).unwrap();
    let set = bed.ask("DescribeChangeSet", &[("ChangeSetName", "c"), ("StackName", "s")]).unwrap();
    let detail = &set["Changes"][0]["ResourceChange"]["Details"][0];
    assert_eq!(
        (&detail["ChangeSource"], &detail["CausingEntity"]),
        (&json!("ParameterReference"), &json!("Days"))
    );
}

#[tokio::test]
async fn an_edit_of_outputs_alone_is_executable_and_of_comments_is_no_change() {
    let template = groups(&[("A", "", "")]);
    let bed = stack(&template).await;
    let set = change_set(&bed, "comment", "UPDATE", &format!("# hello\nDescription: d\n{template}"));
    assert_eq!((&set["Status"], &set["ExecutionStatus"]), (&json!("FAILED"), &json!("UNAVAILABLE")));
    assert!(
        set["StatusReason"]
            .as_str()
            .unwrap()
            .starts_with("The submitted information didn't contain changes.")
    );
    let refused =
        bed.ask("ExecuteChangeSet", &[("ChangeSetName", "comment"), ("StackName", "s")]).unwrap_err();
    assert_eq!(refused.code, "InvalidChangeSetStatus");
    assert!(refused.message.ends_with("cannot be executed in its current status of [FAILED]"), "{refused}");
    let set = change_set(&bed, "outputs", "UPDATE", &(template + "Outputs: {O: {Value: x}}\n"));
    assert_eq!((&set["Changes"], &set["ExecutionStatus"]), (&json!([]), &json!("AVAILABLE")));
    bed.ask("ExecuteChangeSet", &[("ChangeSetName", "outputs"), ("StackName", "s")]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_COMPLETE");
    assert_eq!(bed.described()["Outputs"][0]["OutputValue"], "x");
}

#[tokio::test]
async fn early_validation_fails_the_change_set_and_describe_events_says_where() {
    let bed = bed();
    let set = change_set(&bed, "c", "CREATE", &groups(&[("A", "RetentionInDay: 3", "")]));
    assert_eq!(set["Status"], "FAILED");
    assert!(set["StatusReason"].as_str().unwrap().contains("AWS::EarlyValidation::PropertyValidation"));
    assert_eq!(bed.status(), StackStatus::ReviewInProgress);
    let id = set["ChangeSetId"].as_str().unwrap();
    let events =
        bed.ask("DescribeEvents", &[("ChangeSetName", id), ("Filters.FailedEvents", "true")]).unwrap();
    let event = &events["OperationEvents"][0];
    assert_eq!(
        (&event["EventType"], &event["LogicalResourceId"], &event["ValidationPath"]),
        (&json!("VALIDATION_ERROR"), &json!("A"), &json!("/Resources/A/Properties"))
    );
    assert_eq!(event["ValidationStatusReason"], "#: extraneous key [RetentionInDay] is not permitted");
}

#[tokio::test]
async fn a_preview_leaves_a_stack_under_review_that_can_be_deleted() {
    let bed = bed();
    change_set(&bed, "c", "CREATE", &groups(&[("A", "", "")]));
    assert_eq!(bed.status(), StackStatus::ReviewInProgress);
    bed.ask("DeleteChangeSet", &[("ChangeSetName", "c"), ("StackName", "s")]).unwrap();
    let gone = bed.ask("DescribeChangeSet", &[("ChangeSetName", "c"), ("StackName", "s")]).unwrap_err();
    assert_eq!(
        (gone.code.as_str(), gone.message.as_str()),
        ("ChangeSetNotFound", "ChangeSet [c] does not exist")
    );
    bed.ask("DeleteStack", &[("StackName", "s")]).unwrap();
    assert_eq!(bed.rest().await, "DELETE_COMPLETE");
}

#[tokio::test]
async fn changes_and_events_come_in_pages() {
    let names: Vec<String> = (10..35).map(|index| format!("A{index}")).collect();
    let many: Vec<(&str, &str, &str)> = names.iter().map(|name| (name.as_str(), "", "")).collect();
    let bed = bed();
    change_set(&bed, "c", "CREATE", &groups(&many));
    let mut seen = Vec::new();
    let mut token = None;
    loop {
        let mut fields = vec![("ChangeSetName", "c".to_owned()), ("StackName", "s".to_owned())];
        fields.extend(token.map(|token| ("NextToken", token)));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let page = bed.ask("DescribeChangeSet", &fields).unwrap();
        seen.extend(
            page["Changes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["ResourceChange"]["LogicalResourceId"].clone()),
        );
        token = page["NextToken"].as_str().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(json!(seen), json!(names));
    bed.ask("ExecuteChangeSet", &[("ChangeSetName", "c"), ("StackName", "s")]).unwrap();
    bed.rest().await;
    let page = bed.ask("DescribeStackEvents", &[("StackName", "s")]).unwrap();
    assert_eq!(page["StackEvents"][0]["ResourceStatus"], "CREATE_COMPLETE");
    assert!(page["NextToken"].is_string());
}

#[tokio::test]
async fn a_drifted_resource_shows_what_differs() {
    let bed = stack(&groups(&[("A", "RetentionInDays: 3", ""), ("B", "", "")])).await;
    bed.script.live.lock().unwrap().insert("A-1".to_owned(), json!({"RetentionInDays": 9}));
    bed.script.live.lock().unwrap().remove("B-2");
    let id = bed.ask("DetectStackDrift", &[("StackName", "s")]).unwrap()["StackDriftDetectionId"].clone();
    let status = loop {
        tokio::task::yield_now().await;
        let status = bed
            .ask("DescribeStackDriftDetectionStatus", &[("StackDriftDetectionId", id.as_str().unwrap())])
            .unwrap();
        if status["DetectionStatus"] != "DETECTION_IN_PROGRESS" {
            break status;
        }
    };
    assert_eq!(
        (&status["StackDriftStatus"], &status["DriftedStackResourceCount"]),
        (&json!("DRIFTED"), &json!(2))
    );
    let drifts = bed.ask("DescribeStackResourceDrifts", &[("StackName", "s")]).unwrap();
    let drift = &drifts["StackResourceDrifts"];
    assert_eq!(
        drift[0]["PropertyDifferences"],
        json!([{"PropertyPath": "/RetentionInDays", "ExpectedValue": "3", "ActualValue": "9", "DifferenceType": "NOT_EQUAL"}])
    );
    assert_eq!(drift[1]["StackResourceDriftStatus"], "DELETED");
}
