//! CloudFormation over the wire: what the SDK sees of stacks and change sets.

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::ProvideErrorMetadata as _;
use aws_sdk_cloudformation::types::{
    Capability, ChangeSetStatus, ChangeSetType, ExecutionStatus, Parameter, Stack, StackEvent,
};
use localcloud::Running;

use crate::support;

const TEMPLATE: &str = r#"
# a comment that must come back
Description: two groups
Parameters:
  Stage: {Type: String, AllowedPattern: "[a-z]+"}
  Days: {Type: Number, Default: 3}
Resources:
  First:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: !Sub "/wire/${Stage}/first"
      RetentionInDays: !Ref Days
  Second:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: !Join ["", [!Ref First, "/second"]]
Outputs:
  Arn: {Value: !GetAtt First.Arn, Export: {Name: !Sub "${AWS::StackName}-arn"}}
"#;

fn client(cloud: &Running) -> Client {
    Client::new(&support::administrator(cloud))
}

fn parameter(key: &str, value: &str) -> Parameter {
    Parameter::builder().parameter_key(key).parameter_value(value).build()
}

async fn change_set(client: &Client, name: &str, kind: ChangeSetType, template: &str, days: &str) -> String {
    let created = client
        .create_change_set()
        .stack_name("wire")
        .change_set_name(name)
        .change_set_type(kind)
        .template_body(template)
        .parameters(parameter("Stage", "dev"))
        .parameters(parameter("Days", days))
        .client_token(name)
        .send()
        .await
        .unwrap();
    created.id.unwrap()
}

async fn execute(client: &Client, change_set: &str, token: &str) {
    client.execute_change_set().change_set_name(change_set).client_request_token(token).send().await.unwrap();
}

/// The stack once it rests. The operations of these tests end by themselves in milliseconds.
async fn resting(client: &Client, stack: &str) -> Stack {
    for _ in 0..2000 {
        let described = client.describe_stacks().stack_name(stack).send().await.unwrap();
        let stack = described.stacks.unwrap().remove(0);
        if !stack.stack_status().unwrap().as_str().ends_with("_IN_PROGRESS") {
            return stack;
        }
        tokio::task::yield_now().await;
    }
    panic!("{stack} does not come to rest");
}

/// `LogicalId STATUS reason`, oldest first.
async fn events(client: &Client, stack: &str) -> Vec<String> {
    let mut all: Vec<StackEvent> = Vec::new();
    let mut pages = client.describe_stack_events().stack_name(stack).into_paginator().send();
    while let Some(page) = pages.next().await {
        all.extend(page.unwrap().stack_events.unwrap());
    }
    all.iter()
        .rev()
        .map(|event| {
            let reason =
                event.resource_status_reason().map(|reason| format!(" {reason}")).unwrap_or_default();
            let (id, status) = (event.logical_resource_id().unwrap(), event.resource_status().unwrap());
            format!("{id} {}{reason}", status.as_str())
        })
        .collect()
}

#[tokio::test]
async fn a_change_set_makes_a_stack_that_can_be_changed_and_deleted() {
    let cloud = support::cloud().await;
    let client = client(&cloud);
    let id = change_set(&client, "one", ChangeSetType::Create, TEMPLATE, "3").await;
    let described = client.describe_change_set().change_set_name(&id).send().await.unwrap();
    assert_eq!(described.status(), Some(&ChangeSetStatus::CreateComplete));
    assert_eq!(described.execution_status(), Some(&ExecutionStatus::Available));
    let added: Vec<&str> = described
        .changes()
        .iter()
        .filter_map(|change| change.resource_change()?.logical_resource_id())
        .collect();
    assert_eq!(added, ["First", "Second"]);
    execute(&client, &id, "create-1").await;
    let stack = resting(&client, "wire").await;
    assert_eq!(stack.stack_status().unwrap().as_str(), "CREATE_COMPLETE");
    assert_eq!(stack.description(), Some("two groups"));
    let output = &stack.outputs()[0];
    assert_eq!(
        output.output_value(),
        Some("arn:aws:logs:us-east-1:000000000000:log-group:/wire/dev/first:*")
    );
    assert_eq!(
        events(&client, "wire").await,
        [
            "wire REVIEW_IN_PROGRESS User Initiated",
            "wire CREATE_IN_PROGRESS User Initiated",
            "First CREATE_IN_PROGRESS",
            "First CREATE_IN_PROGRESS Resource creation Initiated",
            "First CREATE_COMPLETE",
            "Second CREATE_IN_PROGRESS",
            "Second CREATE_IN_PROGRESS Resource creation Initiated",
            "Second CREATE_COMPLETE",
            "wire CREATE_COMPLETE",
        ]
    );
    let template = client.get_template().stack_name("wire").send().await.unwrap();
    assert_eq!(template.template_body(), Some(TEMPLATE));

    let none = change_set(&client, "none", ChangeSetType::Update, TEMPLATE, "3").await;
    let none = client.describe_change_set().change_set_name(none).send().await.unwrap();
    assert_eq!(none.status(), Some(&ChangeSetStatus::Failed));
    assert_eq!(none.execution_status(), Some(&ExecutionStatus::Unavailable));
    assert_eq!(
        none.status_reason(),
        Some(
            "The submitted information didn't contain changes. Submit different information to create a change set."
        )
    );

    let id = change_set(&client, "two", ChangeSetType::Update, TEMPLATE, "5").await;
    execute(&client, &id, "update-1").await;
    let stack = resting(&client, "wire").await;
    assert_eq!(stack.stack_status().unwrap().as_str(), "UPDATE_COMPLETE");
    let after = events(&client, stack.stack_id().unwrap()).await;
    assert_eq!(
        after[9..],
        [
            "wire UPDATE_IN_PROGRESS User Initiated",
            "First UPDATE_IN_PROGRESS",
            "First UPDATE_COMPLETE",
            "wire UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
            "wire UPDATE_COMPLETE",
        ]
    );
    let left = client.list_change_sets().stack_name("wire").send().await.unwrap();
    let names: Vec<&str> = left.summaries().iter().filter_map(|set| set.change_set_name()).collect();
    assert_eq!(names, ["two"], "the executed change set's siblings are gone");

    client.delete_stack().stack_name("wire").client_request_token("delete-1").send().await.unwrap();
    let stack = resting(&client, stack.stack_id().unwrap()).await;
    assert_eq!(stack.stack_status().unwrap().as_str(), "DELETE_COMPLETE");
    let refused = client.describe_stacks().stack_name("wire").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationError"));
    assert_eq!(refused.message(), Some("Stack with id wire does not exist"));
    let groups = aws_sdk_cloudwatchlogs::Client::new(&support::administrator(&cloud));
    let groups = groups.describe_log_groups().send().await.unwrap();
    assert!(groups.log_groups().is_empty());
}

/// The kinds of resources that a service has, without its functions' code.
const SERVICE: &str = r#"
Parameters:
  Prefix: {Type: String}
  Replace: {Type: String, Default: "no"}
Conditions:
  Broken: !Equals [!Ref Replace, broken]
Resources:
  ProfilesTable:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - {AttributeName: pk, AttributeType: S}
        - {AttributeName: sk, AttributeType: S}
      KeySchema:
        - {AttributeName: pk, KeyType: HASH}
        - {AttributeName: sk, KeyType: RANGE}
      GlobalSecondaryIndexes:
        - IndexName: sk-pk-index
          KeySchema:
            - {AttributeName: sk, KeyType: HASH}
            - {AttributeName: pk, KeyType: RANGE}
          Projection: {ProjectionType: ALL}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - {Effect: Allow, Action: "sts:AssumeRole", Principal: {Service: lambda.amazonaws.com}}
      Policies:
        - PolicyName: table
          PolicyDocument:
            Version: "2012-10-17"
            Statement: {Effect: Allow, Action: "dynamodb:GetItem", Resource: !GetAtt ProfilesTable.Arn}
  UserPool:
    Type: AWS::Cognito::UserPool
    Properties: {UsernameAttributes: [email], AutoVerifiedAttributes: [email]}
  UserPoolClient:
    Type: AWS::Cognito::UserPoolClient
    Properties:
      UserPoolId: !Ref UserPool
      ExplicitAuthFlows: [ALLOW_USER_SRP_AUTH, ALLOW_REFRESH_TOKEN_AUTH]
  UserPoolDomain:
    Type: AWS::Cognito::UserPoolDomain
    Properties: {Domain: !Ref Prefix, UserPoolId: !Ref UserPool}
  HttpApi:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: !Ref "AWS::StackName", ProtocolType: HTTP}
  HttpApiStage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref HttpApi, StageName: $default, AutoDeploy: "true"}
  JwtAuthorizer:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref HttpApi
      Name: jwt
      AuthorizerType: JWT
      IdentitySource: ["$request.header.Authorization"]
      JwtConfiguration:
        Audience: [!Ref UserPoolClient]
        Issuer: !Sub "https://cognito-idp.${AWS::Region}.amazonaws.com/${UserPool}"
  Twin:
    Type: AWS::Logs::LogGroup
    Condition: Broken
    DependsOn: [JwtAuthorizer, UserPoolDomain]
    Properties: {LogGroupName: /taken}
Outputs:
  ApiUrl: {Value: !GetAtt HttpApi.ApiEndpoint}
  TableProfiles: {Value: !Ref ProfilesTable}
"#;

async fn service(client: &Client, update: bool, replace: &str) -> Stack {
    let kind = if update { ChangeSetType::Update } else { ChangeSetType::Create };
    let name = format!("c-{replace}");
    let made = client
        .create_change_set()
        .stack_name("service")
        .change_set_name(name)
        .change_set_type(kind)
        .template_body(SERVICE)
        .capabilities(Capability::CapabilityIam)
        .parameters(parameter("Prefix", "profile-dev-x1y2"))
        .parameters(parameter("Replace", replace))
        .send()
        .await
        .unwrap();
    let set = client.describe_change_set().change_set_name(made.id().unwrap()).send().await.unwrap();
    assert_eq!(set.status(), Some(&ChangeSetStatus::CreateComplete), "{:?}", set.status_reason());
    execute(client, made.id().unwrap(), replace).await;
    resting(client, "service").await
}

#[tokio::test]
async fn a_whole_service_comes_up_goes_back_after_a_failure_and_leaves_nothing() {
    let cloud = support::cloud().await;
    let config = support::administrator(&cloud);
    let client = client(&cloud);
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config);
    logs.create_log_group().log_group_name("/taken").send().await.unwrap();
    let stack = service(&client, false, "no").await;
    let log = events(&client, "service").await.join("\n");
    assert_eq!(stack.stack_status().unwrap().as_str(), "CREATE_COMPLETE", "{log}");
    let output = |key: &str| {
        let found = stack.outputs().iter().find(|output| output.output_key() == Some(key));
        found.and_then(|output| output.output_value()).unwrap().to_owned()
    };
    assert!(output("ApiUrl").starts_with(&format!("{}/_api/", cloud.endpoint())), "{}", output("ApiUrl"));
    let tables = aws_sdk_dynamodb::Client::new(&config);
    let table = tables.describe_table().table_name(output("TableProfiles")).send().await.unwrap();
    assert_eq!(table.table().unwrap().global_secondary_indexes().len(), 1);

    let stack = service(&client, true, "broken").await;
    let log = events(&client, "service").await.join("\n");
    assert_eq!(stack.stack_status().unwrap().as_str(), "UPDATE_ROLLBACK_COMPLETE", "{log}");
    assert!(log.contains("Twin CREATE_FAILED Resource handler returned message:"), "{log}");
    assert!(log.contains("HandlerErrorCode: AlreadyExists"), "{log}");

    client.delete_stack().stack_name("service").send().await.unwrap();
    let stack = resting(&client, stack.stack_id().unwrap()).await;
    let log = events(&client, stack.stack_id().unwrap()).await.join("\n");
    assert_eq!(stack.stack_status().unwrap().as_str(), "DELETE_COMPLETE", "{log}");
    assert!(tables.list_tables().send().await.unwrap().table_names().is_empty());
    let pools = aws_sdk_cognitoidentityprovider::Client::new(&config);
    assert!(pools.list_user_pools().max_results(10).send().await.unwrap().user_pools().is_empty());
}

#[tokio::test]
async fn refusals_carry_the_code_and_the_words_of_aws() {
    let cloud = support::cloud().await;
    let client = client(&cloud);
    let create = || client.create_stack().stack_name("refused");
    let role = "Resources: {R: {Type: 'AWS::IAM::Role', Properties: {AssumeRolePolicyDocument: {}}}}";
    let refused = create().template_body(role).send().await.unwrap_err();
    assert!(refused.as_service_error().unwrap().is_insufficient_capabilities_exception());
    assert_eq!(refused.message(), Some("Requires capabilities : [CAPABILITY_IAM]"));
    let refused = create().template_body("Resources: [").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationError"));
    let gone = client.describe_change_set().change_set_name("c").stack_name("refused").send().await;
    assert_eq!(gone.unwrap_err().message(), Some("Stack [refused] does not exist"));
}
