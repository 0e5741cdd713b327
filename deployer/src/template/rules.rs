//! The rules of the security baseline and on resources' types: what each finds, why it is a mistake, and how it is mended.

use deployer_source::rules::Rule;

const fn rule(id: &'static str, why: &'static str, mend: &'static str) -> Rule {
    Rule { id, why, mend }
}

/// All of them.
pub const RULES: &[Rule] = &[
    rule(
        "unknown-type",
        "a resource's type is one letter or two away from one that CloudFormation's registry has",
        "write the type that is meant",
    ),
    rule(
        "schema",
        "the properties are not those of the type's schema in CloudFormation's registry: the deployment would be refused",
        "see the type's reference; a waiver is for what is newer than this deployer",
    ),
    rule(
        "unknown-attribute",
        "Fn::GetAtt names an attribute that the type's schema in CloudFormation's registry does not have",
        "see \"Return values\" in the type's reference",
    ),
    rule(
        "retain",
        "a stateful resource is deleted or kept otherwise than the stage's class says",
        "take DeletionPolicy and UpdateReplacePolicy from `class`",
    ),
    rule(
        "role-trust",
        "a role may be assumed for a function of another account (\"The confused deputy problem\", IAM user guide)",
        "limit the trust by aws:SourceAccount",
    ),
    rule("wildcard-action", "a policy allows actions that it does not name", "name each action"),
    rule(
        "wildcard-resource",
        "a policy allows actions on resources that it does not name, in any region, or in any account",
        "name the resource: !GetAtt <resource>.Arn",
    ),
    rule(
        "managed-policy",
        "a role has a policy that stands elsewhere: nobody here sees what it allows, and its owner may change it",
        "write the statements that are needed into the role's Policies",
    ),
    rule(
        "any-principal",
        "the policy of a resource lets anybody use it, of any account",
        "name who may, or limit it by a Condition",
    ),
    rule(
        "create-log-group",
        "a function that makes its own log group leaves one behind, without retention, that blocks the next create",
        "declare the group, and grant CreateLogStream and PutLogEvents on it",
    ),
    rule(
        "log-retention",
        "a log group keeps its lines for ever, or is left for Lambda to make, which is the same",
        "declare the group with RetentionInDays, and name it in the function's LoggingConfig",
    ),
    rule("log-encryption", "production logs have the customer's key", "write KmsKeyId: !GetAtt DataKey.Arn"),
    rule(
        "shared-role",
        "two functions share a role, so each may do what only the other needs",
        "one role a function",
    ),
    rule(
        "code-key",
        "the zip's key does not carry the content's hash: CloudFormation sees no change",
        "refer to the function's code key parameter",
    ),
    rule(
        "environment",
        "a variable of a function names a secret, holds one, or belongs to Lambda",
        "keep secrets in Secrets Manager",
    ),
    rule(
        "invoke-source",
        "a permission lets others invoke the function: without SourceArn, or for Cognito without SourceAccount",
        "write SourceArn, and SourceAccount where the service sends it",
    ),
    rule(
        "email-change",
        "a changed address counts before it is verified",
        "list email in AttributesRequireVerificationBeforeUpdate",
    ),
    rule(
        "password-length",
        "passwords may be shorter than the class allows",
        "take MinimumLength from `class`",
    ),
    rule("mfa", "a production pool does without a second factor", "write MfaConfiguration: ON"),
    rule(
        "implicit-flow",
        "the implicit flow puts tokens into addresses (RFC 9700, section 2.1.2)",
        "write AllowedOAuthFlows: [code]",
    ),
    rule(
        "admin-scope",
        "tokens of the hosted pages may change the user's own attributes",
        "leave out aws.cognito.signin.user.admin",
    ),
    rule("user-existence", "answers tell whether a user exists", "write PreventUserExistenceErrors: ENABLED"),
    rule("token-revocation", "tokens cannot be revoked", "write EnableTokenRevocation: true"),
    rule("password-flow", "a production client sends passwords", "leave it to ALLOW_USER_SRP_AUTH"),
    rule("table-encryption", "a table lacks the key that its class demands", "write SSESpecification"),
    rule("table-recovery", "a table lacks point-in-time recovery", "write PointInTimeRecoveryEnabled: true"),
    rule(
        "table-protection",
        "a table can be deleted by mistake",
        "write DeletionProtectionEnabled: !If [Protected, true, false]",
    ),
    rule("cors-origins", "any site may call the API from its visitors' browsers", "list the origins"),
    rule("throttling", "requests are not throttled", "write ThrottlingRateLimit and ThrottlingBurstLimit"),
    rule(
        "access-log",
        "requests are not logged, or tokens and people are",
        "log ids, route and status alone",
    ),
    rule(
        "open-route",
        "a route, or a function's own address, needs no token, and its function does not say that it is public",
        "write AuthorizationType: JWT, or public = true in the function's Cargo.toml",
    ),
    rule(
        "payload-version",
        "a function gets payload 1.0, which has the claims elsewhere (\"Working with AWS Lambda proxy integrations for \
         HTTP APIs\", API Gateway developer guide)",
        "write PayloadFormatVersion: '2.0'",
    ),
];
