//! What the baseline and the registry's schemas find in fragments.

use crate::project::Error;
use crate::project::tests::{Fixture, lines};

use super::render;

/// What is wrong with the fragments, a line a problem.
pub fn wrong(fixture: &Fixture) -> Vec<String> {
    let project = fixture.load("dev").unwrap_or_else(|error| panic!("{:?}", lines(&error)));
    let rendered = render(&project).and_then(|template| Error::unless_empty(template.findings));
    rendered.map(|()| Vec::new()).unwrap_or_else(|error| lines(&error))
}

/// What is wrong with one more resource, on the second line of `templates/z.yaml.j2`.
fn with(resource: &str) -> Vec<String> {
    let fixture = Fixture::new().templates();
    fixture.write("templates/z.yaml.j2", &format!("Resources:\n  X: {resource}\n"));
    wrong(&fixture)
}

#[test]
fn what_others_add_is_held_to_the_baseline_too() {
    const ALLOW: &str = "Effect: Allow, Action: 'dynamodb:GetItem', Resource";
    const ROLE: &str =
        "{Type: 'AWS::IAM::Role', Properties: {AssumeRolePolicyDocument: {Statement: []}, ManagedPolicyArns";
    let policy = |kind: &str, statement: &str| {
        format!(
            "{{Type: 'AWS::IAM::{kind}', Properties: {{PolicyDocument: {{Statement: [{{{statement}}}]}}}}}}"
        )
    };
    let bucket = "{Type: 'AWS::S3::BucketPolicy', Properties: {Bucket: b, PolicyDocument: {Statement: [{Effect: Allow, Action: 's3:GetObject', Principal";
    let cases = [
        (
            format!("{ROLE}: ['arn:aws:iam::aws:policy/AdministratorAccess']}}}}"),
            "managed-policy: X: it allows whatever arn:aws:iam::aws:policy/AdministratorAccess does",
        ),
        (
            format!("{ROLE}: [!Sub 'arn:${{AWS::Partition}}:iam::aws:policy/A']}}}}"),
            "managed-policy: X: it allows whatever arn:${AWS::Partition}:iam::aws:policy/A does",
        ),
        (policy("RolePolicy", &format!("{ALLOW}: '*'")), "wildcard-resource: X: Resource is *"),
        (
            policy(
                "ManagedPolicy",
                "Effect: Allow, Action: 'dynamodb:Get?tem', Resource: !GetAtt ThingsTable.Arn",
            ),
            "wildcard-action: X: the action dynamodb:Get?tem",
        ),
        (
            policy(
                "ManagedPolicy",
                "Effect: Allow, Action: !Join [':', [dynamodb, '*']], Resource: !GetAtt ThingsTable.Arn",
            ),
            "wildcard-action: X: the action dynamodb:*",
        ),
        (
            policy("ManagedPolicy", &format!("{ALLOW}: !Sub '${{ThingsTable.Arn}}*'")),
            "wildcard-resource: X: Resource is ${ThingsTable.Arn}*",
        ),
        (
            policy("ManagedPolicy", &format!("{ALLOW}: !Join ['', [!GetAtt ThingsTable.Arn, '*']]")),
            "wildcard-resource: X: Resource is ${ThingsTable.Arn}*",
        ),
        (
            policy("ManagedPolicy", &format!("{ALLOW}: !Join ['', ['*']]")),
            "wildcard-resource: X: Resource is *",
        ),
        (format!("{bucket}: '*'}}]}}}}}}"), "any-principal: X: anybody may use it"),
        (format!("{bucket}: {{AWS: '*'}}}}]}}}}}}"), "any-principal: X: anybody may use it"),
        (
            "{Type: 'AWS::Lambda::Url', Properties: {TargetFunctionArn: f, AuthType: NONE}}".to_owned(),
            "open-route: X: anybody who knows",
        ),
    ];
    for (resource, expected) in cases {
        let found = with(&resource);
        assert_eq!(found.len(), 1, "{resource}: {found:?}");
        assert!(
            found[0].starts_with("templates/z.yaml.j2:2") && found[0].contains(expected),
            "{resource}: {}",
            found[0]
        );
    }
    for harmless in [
        "{Type: 'AWS::Lambda::Url', Properties: {TargetFunctionArn: f, AuthType: AWS_IAM}}".to_owned(),
        policy(
            "ManagedPolicy",
            "Effect: Allow, Action: 'dynamodb:GetItem', Resource: [!GetAtt ThingsTable.Arn, !Sub '${ThingsTable.Arn}/index/a']",
        ),
        policy("ManagedPolicy", "Effect: Deny, Action: '*', Resource: '*'"),
        format!("{bucket}: '*', Condition: {{StringEquals: {{'aws:PrincipalOrgID': o}}}}}}]}}}}}}"),
        format!("{bucket}: {{AWS: !Ref AWS::AccountId}}}}]}}}}}}"),
    ] {
        assert_eq!(with(&harmless), Vec::<String>::new(), "{harmless}");
    }
}

#[test]
fn a_resource_is_held_against_its_type_s_schema() {
    let group =
        |more: &str| format!("{{Type: 'AWS::Logs::LogGroup', Properties: {{RetentionInDays: 3{more}}}}}");
    let cases = [
        ("{Type: 'AWS::DynamoDB::Tabel'}".to_owned(), "unknown-type: there is no type AWS::DynamoDB::Tabel"),
        (group(", LogGroupNam: a"), "schema: X: LogGroupNam: extraneous key [LogGroupNam] is not permitted"),
        (group("3"), "schema: X: RetentionInDays: 33 is not a valid enum value"),
        (
            group(", Tags: [{Key: a, Value: b}, {Value: c}]"),
            "schema: X: Tags.1: required key [Key] not found",
        ),
        (group(", LogGroupClass: "), "schema: X: LogGroupClass: expected type: String, found: Null"),
        (
            group(", LogGroupName: !GetAtt UserPool.Arnn"),
            "unknown-attribute: AWS::Cognito::UserPool (UserPool) has no attribute Arnn",
        ),
        (
            group(", LogGroupName: !Sub '${UserPool}-${UserPool.Providername}'"),
            "unknown-attribute: AWS::Cognito::UserPool (UserPool) has no attribute Providername",
        ),
    ];
    for (resource, expected) in cases {
        let found = with(&resource);
        assert_eq!(found.len(), 1, "{resource}: {found:?}");
        assert!(
            found[0].starts_with(&format!("templates/z.yaml.j2:2 {expected}")),
            "{resource}: {}",
            found[0]
        );
    }
    for fine in [
        group(", LogGroupName: !Sub '${!UserPool.Arnn}-${UserPool.Arn}'"),
        group(", Tags: [!Ref AWS::NoValue, !Ref AWS::NoValue]"),
        "{Type: 'AWS::Logs::LogGroups::Other'}".to_owned(),
        "{Type: 'Custom::Table', Properties: {ServiceToken: a}}".to_owned(),
    ] {
        assert_eq!(with(&fine), Vec::<String>::new(), "{fine}");
    }
}

#[test]
fn the_value_of_a_variable_is_no_secret() {
    const FUNCTION: &str = "templates/function/function.yaml.j2";
    let value = |value: &str| {
        let about = "[package.metadata.deployer]\nroute = [\"GET /a\"]\n\
                     [package.metadata.deployer.grants]\nuser_pool = [\"cognito-idp:AdminGetUser\"]\n";
        wrong(&Fixture::new().function("a", about).templates().edit(
            FUNCTION,
            "USER_POOL_ID: !Ref UserPool",
            &format!("PLACE: {value}"),
        ))
    };
    for secret in [
        "postgres://u:hunter2@host/db",
        "AKIAIOSFODNN7EXAMPLE",
        "{% raw %}'{{resolve:secretsmanager:db}}'{% endraw %}",
    ] {
        let found = value(secret);
        assert!(found.len() == 1 && found[0].contains(" environment: "), "{secret}: {found:?}");
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
    for plain in ["postgres://host/db", "https://example.com/a:b@c", "!Ref UserPool"] {
        assert_eq!(value(plain), Vec::<String>::new(), "{plain}");
    }
}

#[test]
fn each_rule_of_the_baseline_finds_its_fault() {
    const FUNCTION: &str = "templates/function/function.yaml.j2";
    const ROUTES: &str = "templates/function/routes.yaml.j2";
    const TRIGGER: &str = "templates/function/trigger.yaml.j2";
    const TABLE: &str = "templates/table/table.yaml.j2";
    const API: &str = "templates/http-api.yaml.j2";
    const POOL: &str = "templates/user-pool.yaml.j2";
    let cases = [
        (
            FUNCTION,
            "Resource: !GetAtt {{ function.log_group_logical_id | id }}.Arn",
            "Resource: '*'",
            "wildcard-resource",
        ),
        (FUNCTION, "[logs:CreateLogStream, logs:PutLogEvents]", "logs:*", "wildcard-action"),
        (FUNCTION, "[logs:CreateLogStream,", "[logs:CreateLogGroup,", "create-log-group"),
        (FUNCTION, "aws:SourceAccount", "aws:SourceVpc", "role-trust"),
        (FUNCTION, "RetentionInDays", "# RetentionInDays", "log-retention"),
        (FUNCTION, "S3Key: !Ref {{ function.code_key_parameter | id }}", "S3Key: latest.zip", "code-key"),
        (FUNCTION, "USER_POOL_ID: !Ref UserPool", "API_TOKEN: !Ref UserPool", "environment"),
        (FUNCTION, "LogGroup: !Ref", "LogFormat: !Ref", "log-retention"),
        (
            FUNCTION,
            "Resource: !GetAtt {{ statement.resource | id }}.Arn",
            "Resource: !Sub arn:aws:dynamodb:*:*:table/${ThingsTable}",
            "wildcard-resource",
        ),
        (ROUTES, "PayloadFormatVersion: '2.0'", "PayloadFormatVersion: '1.0'", "payload-version"),
        (ROUTES, "SourceArn: ", "# SourceArn: ", "invoke-source"),
        (ROUTES, "AuthorizationType: JWT", "AuthorizationType: NONE", "open-route"),
        (TRIGGER, "SourceAccount: ", "# SourceAccount: ", "invoke-source"),
        (TRIGGER, "Principal: cognito-idp.amazonaws.com", "Principal: '*'", "invoke-source"),
        (TABLE, "SSEEnabled: true", "SSEEnabled: false", "table-encryption"),
        (TABLE, "PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false", "table-recovery"),
        (TABLE, "!If [Protected, true, false]", "false", "table-protection"),
        (TABLE, "DeletionPolicy: {{ class.deletion_policy | yaml }}", "DeletionPolicy: Delete", "retain"),
        (API, "{{ http_api.cors_origins | yaml }}", "['*']", "cors-origins"),
        (API, "ThrottlingRateLimit", "# ThrottlingRateLimit", "throttling"),
        (API, "$context.routeKey", "$context.authorizer.claims.email", "access-log"),
        (POOL, "AllowedOAuthFlows: [code]", "AllowedOAuthFlows: [code, implicit]", "implicit-flow"),
        (POOL, "[openid, email, profile]", "[openid, aws.cognito.signin.user.admin]", "admin-scope"),
        (POOL, "PreventUserExistenceErrors: ENABLED", "PreventUserExistenceErrors: LEGACY", "user-existence"),
        (POOL, "EnableTokenRevocation: true", "EnableTokenRevocation: false", "token-revocation"),
        (POOL, "BeforeUpdate: [email]", "BeforeUpdate: []", "email-change"),
        (POOL, "{{ class.password_length | yaml }}", "8", "password-length"),
    ];
    let about = "[package.metadata.deployer]\ntrigger = \"PostConfirmation\"\n";
    let grants = "[package.metadata.deployer]\nroute = [\"GET /pool\"]\n\
                  [package.metadata.deployer.grants]\nuser_pool = [\"cognito-idp:AdminGetUser\"]\n";
    let project = || Fixture::new().function("confirm", about).function("pool", grants).templates();
    assert_eq!(wrong(&project()), Vec::<String>::new());
    for (file, old, new, rule) in cases {
        let found = wrong(&project().edit(file, old, new));
        assert!(!found.is_empty(), "{rule} finds nothing");
        for line in &found {
            assert!(line.starts_with(file) && line.contains(&format!(" {rule}: ")), "{rule}: {line}");
        }
    }
}

#[test]
fn no_table_is_keyed_by_an_address() {
    let fixture = Fixture::new().templates().edit(
        "environments/base.yaml",
        "partition_key: pk",
        "partition_key: email",
    );
    let found = wrong(&fixture);
    assert!(found.len() == 1 && found[0].contains(" keyed-by-email: ThingsTable: "), "{found:?}");
}

#[test]
fn two_functions_never_share_a_role() {
    let fixture =
        Fixture::new().function("other", "[package.metadata.deployer]\nroute = [\"GET /b\"]\n").templates();
    let fixture = fixture.edit(
        "templates/function/function.yaml.j2",
        "Role: !GetAtt {{ function.role_logical_id | id }}.Arn",
        "Role: !GetAtt GetThingRole.Arn",
    );
    let found = wrong(&fixture);
    assert!(
        found.len() == 1
            && found[0].contains("shared-role: OtherFunction: shares its role with GetThingFunction")
    );
}
