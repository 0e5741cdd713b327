//! When a handler calls an action of its list, and on what: the facts behind [`super`].
//!
//! Sources: the Service Authorization Reference (which actions have no resource), the services' API references
//! (which property an operation serves), "Configure logging for HTTP APIs" (what log delivery takes).

use super::{Handler, On, When};
use Handler::{Create, Delete, Update};
use On::{Any, Code, Collection, Itself, Key, PassedRole, Tags};
use When::{Always, Dropped, Has, Never, Tagged};

/// One rule: the first that fits counts. `action` may end in `*`.
struct Rule {
    kind: &'static str,
    /// Empty: every handler.
    handlers: &'static [Handler],
    action: &'static str,
    when: When,
    on: On,
}

const fn of(kind: &'static str, action: &'static str, when: When, on: On) -> Rule {
    Rule { kind, handlers: &[], action, when, on }
}

const fn within(
    kind: &'static str,
    handlers: &'static [Handler],
    action: &'static str,
    when: When,
    on: On,
) -> Rule {
    Rule { kind, handlers, action, when, on }
}

const API: &str = "AWS::ApiGatewayV2::Api";
const AUTHORIZER: &str = "AWS::ApiGatewayV2::Authorizer";
const INTEGRATION: &str = "AWS::ApiGatewayV2::Integration";
const ROUTE: &str = "AWS::ApiGatewayV2::Route";
const STAGE: &str = "AWS::ApiGatewayV2::Stage";
const POOL: &str = "AWS::Cognito::UserPool";
const CLIENT: &str = "AWS::Cognito::UserPoolClient";
const DOMAIN: &str = "AWS::Cognito::UserPoolDomain";
const TABLE: &str = "AWS::DynamoDB::Table";
const GROUP: &str = "AWS::EC2::SecurityGroup";
const ENDPOINT: &str = "AWS::EC2::VPCEndpoint";
const POLICY: &str = "AWS::IAM::Policy";
const ROLE: &str = "AWS::IAM::Role";
const KEY: &str = "AWS::KMS::Key";
const FUNCTION: &str = "AWS::Lambda::Function";
const LOG: &str = "AWS::Logs::LogGroup";

/// What makes DynamoDB or Lambda use a key of the customer's.
const TABLE_KEY: When = Has(&["SSESpecification.KMSMasterKeyId"]);
const VPC: When = Has(&["VpcConfig"]);
const IMPORT: When = Has(&["ImportSourceSpecification"]);
/// Global tables are another type; this one calls them for a table that becomes one.
const REPLICAS: When = Never;
const STREAM: When = Has(&["KinesisStreamSpecification"]);
const CUSTOM_DOMAIN: When = Has(&["CustomDomainConfig"]);
const SENDER_KEY: When = Has(&["LambdaConfig.KMSKeyID", "KeyConfiguration"]);
const DATA_PROTECTION: When = Has(&["DataProtectionPolicy"]);
const INGRESS: When = Has(&["SecurityGroupIngress"]);
const EGRESS: When = Has(&["SecurityGroupEgress"]);

const RULES: &[Rule] = &[
    of(API, "s3:getObject", Has(&["BodyS3Location"]), Any),
    within(API, &[Create], "apigateway:POST", Always, Collection),
    // TagResource and UntagResource of the tags' own resource; PUT would import a definition.
    of(API, "apigateway:PUT", Has(&["Body", "BodyS3Location"]), Itself),
    within(API, &[Update], "apigateway:POST", Tagged, Tags),
    within(API, &[Update], "apigateway:DELETE", Tagged, Tags),
    within(AUTHORIZER, &[Create], "apigateway:POST", Always, Collection),
    of(AUTHORIZER, "iam:PassRole", Has(&["AuthorizerCredentialsArn"]), PassedRole),
    // HTTP APIs have no PUT on their parts (API Gateway V2 API reference).
    of(AUTHORIZER, "apigateway:PUT", Never, Itself),
    within(INTEGRATION, &[Create], "apigateway:POST", Always, Collection),
    of(INTEGRATION, "iam:PassRole", Has(&["CredentialsArn"]), PassedRole),
    of(INTEGRATION, "apigateway:PUT", Never, Itself),
    within(ROUTE, &[Create], "apigateway:POST", Always, Collection),
    of(ROUTE, "apigateway:PUT", Never, Itself),
    within(STAGE, &[Create], "apigateway:POST", Always, Collection),
    within(STAGE, &[Update], "apigateway:POST", Tagged, Tags),
    within(STAGE, &[Update], "apigateway:DELETE", Tagged, Tags),
    of(STAGE, "apigateway:TagResource", Tagged, Itself),
    of(STAGE, "apigateway:UntagResource", Tagged, Itself),
    of(STAGE, "logs:*", Has(&["AccessLogSettings"]), Any),
    of(POOL, "cognito-idp:CreateUserPool", Always, Any),
    of(POOL, "iam:PassRole", Has(&["SmsConfiguration"]), PassedRole),
    of(POOL, "iam:CreateServiceLinkedRole", Has(&["EmailConfiguration"]), Any),
    of(POOL, "kms:*", SENDER_KEY, Key),
    of(POOL, "cognito-idp:SetUserPoolMfaConfig", Has(&["MfaConfiguration", "EnabledMfas"]), Itself),
    of(POOL, "cognito-idp:AddCustomAttributes", Has(&["Schema"]), Itself),
    of(POOL, "cognito-idp:ListTagsForResource", Tagged, Itself),
    of(POOL, "cognito-idp:TagResource", Tagged, Itself),
    of(POOL, "cognito-idp:UntagResource", Tagged, Itself),
    of(CLIENT, "iam:*", Has(&["AnalyticsConfiguration"]), Any),
    of(CLIENT, "cognito-idp:ListUserPoolClientSecrets", Has(&["GenerateSecret"]), Itself),
    of(DOMAIN, "cloudfront:updateDistribution", CUSTOM_DOMAIN, Any),
    of(DOMAIN, "kms:*", CUSTOM_DOMAIN, Key),
    of(DOMAIN, "cognito-idp:DescribeUserPoolDomain", Always, Any),
    // Prefix and pool are create-only.
    of(
        DOMAIN,
        "cognito-idp:UpdateUserPoolDomain",
        Has(&["ManagedLoginVersion", "Routing", "CustomDomainConfig"]),
        Itself,
    ),
    of(TABLE, "dynamodb:DescribeImport", IMPORT, Itself),
    of(TABLE, "dynamodb:ImportTable", IMPORT, Itself),
    of(TABLE, "logs:*", IMPORT, Any),
    of(TABLE, "s3:*", IMPORT, Any),
    of(TABLE, "dynamodb:UpdateTimeToLive", Has(&["TimeToLiveSpecification"]), Itself),
    of(TABLE, "dynamodb:UpdateContinuousBackups", Has(&["PointInTimeRecoverySpecification"]), Itself),
    of(TABLE, "dynamodb:UpdateContributorInsights", Has(&["ContributorInsightsSpecification"]), Itself),
    of(TABLE, "dynamodb:EnableKinesisStreamingDestination", STREAM, Itself),
    of(TABLE, "dynamodb:DisableKinesisStreamingDestination", STREAM, Itself),
    of(TABLE, "dynamodb:UpdateKinesisStreamingDestination", STREAM, Itself),
    of(TABLE, "kinesis:*", STREAM, Any),
    of(TABLE, "dynamodb:PutResourcePolicy", Has(&["ResourcePolicy"]), Itself),
    of(TABLE, "dynamodb:DeleteResourcePolicy", Dropped("ResourcePolicy"), Itself),
    of(TABLE, "dynamodb:TagResource", Tagged, Itself),
    of(TABLE, "dynamodb:UntagResource", Tagged, Itself),
    of(TABLE, "dynamodb:CreateTableReplica", REPLICAS, Itself),
    of(TABLE, "dynamodb:AssociateTableReplica", REPLICAS, Itself),
    of(TABLE, "dynamodb:Scan", REPLICAS, Itself),
    of(TABLE, "dynamodb:Query", REPLICAS, Itself),
    of(TABLE, "dynamodb:UpdateItem", REPLICAS, Itself),
    of(TABLE, "dynamodb:PutItem", REPLICAS, Itself),
    of(TABLE, "dynamodb:GetItem", REPLICAS, Itself),
    of(TABLE, "dynamodb:DeleteItem", REPLICAS, Itself),
    of(TABLE, "dynamodb:BatchWriteItem", REPLICAS, Itself),
    of(TABLE, "iam:CreateServiceLinkedRole", REPLICAS, Any),
    of(TABLE, "kms:ListAliases", TABLE_KEY, Any),
    of(TABLE, "kms:*", TABLE_KEY, Key),
    // EC2's Describe calls have no resource.
    of(GROUP, "ec2:Describe*", Always, Any),
    of(GROUP, "ec2:AuthorizeSecurityGroupIngress", INGRESS, Itself),
    of(GROUP, "ec2:RevokeSecurityGroupIngress", INGRESS, Itself),
    of(GROUP, "ec2:UpdateSecurityGroupRuleDescriptionsIngress", INGRESS, Itself),
    // A new group lets everything out, until the rules that it is given take that one's place.
    of(GROUP, "ec2:AuthorizeSecurityGroupEgress", EGRESS, Itself),
    of(GROUP, "ec2:RevokeSecurityGroupEgress", EGRESS, Itself),
    of(GROUP, "ec2:UpdateSecurityGroupRuleDescriptionsEgress", EGRESS, Itself),
    of(GROUP, "ec2:CreateTags", Tagged, Itself),
    of(GROUP, "ec2:DeleteTags", Tagged, Itself),
    of(ENDPOINT, "ec2:Describe*", Always, Any),
    of(ENDPOINT, "vpc-lattice:*", Has(&["ServiceNetworkArn"]), Any),
    of(ENDPOINT, "vpce:AllowMultiRegion", Has(&["ServiceRegion"]), Any),
    // Deleting an endpoint deletes its tags.
    within(ENDPOINT, &[Delete], "ec2:CreateTags", Never, Itself),
    within(ENDPOINT, &[Delete], "ec2:DeleteTags", Never, Itself),
    // A create sets tags and takes none away.
    within(ENDPOINT, &[Create], "ec2:DeleteTags", Never, Itself),
    of(ENDPOINT, "ec2:CreateTags", Tagged, Itself),
    of(ENDPOINT, "ec2:DeleteTags", Tagged, Itself),
    of(POLICY, "iam:GetUserPolicy", Has(&["Users"]), Any),
    of(POLICY, "iam:PutUserPolicy", Has(&["Users"]), Any),
    of(POLICY, "iam:DeleteUserPolicy", Has(&["Users"]), Any),
    of(POLICY, "iam:GetGroupPolicy", Has(&["Groups"]), Any),
    of(POLICY, "iam:PutGroupPolicy", Has(&["Groups"]), Any),
    of(POLICY, "iam:DeleteGroupPolicy", Has(&["Groups"]), Any),
    of(ROLE, "iam:PutRolePolicy", Has(&["Policies"]), Itself),
    of(ROLE, "iam:GetRolePolicy", Has(&["Policies"]), Itself),
    of(ROLE, "iam:DeleteRolePolicy", Has(&["Policies"]), Itself),
    of(ROLE, "iam:AttachRolePolicy", Has(&["ManagedPolicyArns"]), Itself),
    of(ROLE, "iam:DetachRolePolicy", Has(&["ManagedPolicyArns"]), Itself),
    of(ROLE, "iam:UpdateRole", Has(&["Description", "MaxSessionDuration"]), Itself),
    of(ROLE, "iam:UpdateRoleDescription", Has(&["Description"]), Itself),
    of(ROLE, "iam:PutRolePermissionsBoundary", Has(&["PermissionsBoundary"]), Itself),
    of(ROLE, "iam:DeleteRolePermissionsBoundary", Dropped("PermissionsBoundary"), Itself),
    // A role's tags go with it.
    within(ROLE, &[Delete], "iam:TagRole", Never, Itself),
    within(ROLE, &[Delete], "iam:UntagRole", Never, Itself),
    within(ROLE, &[Create], "iam:UntagRole", Never, Itself),
    of(ROLE, "iam:TagRole", Tagged, Itself),
    of(ROLE, "iam:UntagRole", Tagged, Itself),
    of(KEY, "kms:CreateKey", Always, Any),
    of(KEY, "kms:DisableKey", Dropped("Enabled"), Itself),
    of(KEY, "kms:EnableKey", Has(&["Enabled"]), Itself),
    of(KEY, "kms:EnableKeyRotation", Has(&["EnableKeyRotation"]), Itself),
    of(KEY, "kms:DisableKeyRotation", Dropped("EnableKeyRotation"), Itself),
    of(KEY, "kms:UpdateKeyDescription", Has(&["Description"]), Itself),
    of(KEY, "kms:TagResource", Tagged, Itself),
    of(KEY, "kms:UntagResource", Tagged, Itself),
    of(FUNCTION, "iam:PassRole", Always, PassedRole),
    of(FUNCTION, "s3:GetObject", Has(&["Code.S3Bucket"]), Code),
    of(FUNCTION, "s3:GetObjectVersion", Has(&["Code.S3ObjectVersion"]), Code),
    of(FUNCTION, "ec2:*", VPC, Any),
    of(FUNCTION, "elasticfilesystem:*", Has(&["FileSystemConfigs"]), Any),
    of(FUNCTION, "s3files:*", Has(&["FileSystemConfigs"]), Any),
    of(FUNCTION, "kms:*", Has(&["KmsKeyArn"]), Key),
    of(FUNCTION, "lambda:PutFunctionConcurrency", Has(&["ReservedConcurrentExecutions"]), Itself),
    of(FUNCTION, "lambda:DeleteFunctionConcurrency", Dropped("ReservedConcurrentExecutions"), Itself),
    of(FUNCTION, "lambda:GetCodeSigningConfig", Has(&["CodeSigningConfigArn"]), Any),
    of(FUNCTION, "lambda:PutFunctionCodeSigningConfig", Has(&["CodeSigningConfigArn"]), Itself),
    of(FUNCTION, "lambda:DeleteFunctionCodeSigningConfig", Dropped("CodeSigningConfigArn"), Itself),
    of(FUNCTION, "lambda:GetLayerVersion", Has(&["Layers"]), Any),
    of(FUNCTION, "lambda:PutRuntimeManagementConfig", Has(&["RuntimeManagementConfig"]), Itself),
    of(FUNCTION, "lambda:AssociateRuntimeAlias", Has(&["RuntimeManagementConfig"]), Itself),
    of(FUNCTION, "lambda:PutFunctionRecursionConfig", Has(&["RecursiveLoop"]), Itself),
    of(FUNCTION, "lambda:PutFunctionScalingConfig", Has(&["FunctionScalingConfig"]), Itself),
    of(FUNCTION, "lambda:PassCapacityProvider", Has(&["CapacityProviderConfig"]), Any),
    of(FUNCTION, "lambda:PublishVersion", Has(&["PublishToLatestPublished"]), Itself),
    of(FUNCTION, "lambda:TagResource", Tagged, Itself),
    of(FUNCTION, "lambda:UntagResource", Tagged, Itself),
    of(LOG, "logs:PutRetentionPolicy", Has(&["RetentionInDays"]), Itself),
    of(LOG, "logs:DeleteRetentionPolicy", Dropped("RetentionInDays"), Itself),
    of(LOG, "logs:AssociateKmsKey", Has(&["KmsKeyId"]), Itself),
    of(LOG, "logs:DisassociateKmsKey", Dropped("KmsKeyId"), Itself),
    of(LOG, "logs:PutDataProtectionPolicy", DATA_PROTECTION, Itself),
    of(LOG, "logs:DeleteDataProtectionPolicy", DATA_PROTECTION, Itself),
    of(LOG, "logs:CreateLogDelivery", DATA_PROTECTION, Any),
    of(LOG, "s3:REST.PUT.OBJECT", DATA_PROTECTION, Any),
    of(LOG, "firehose:TagDeliveryStream", DATA_PROTECTION, Any),
    of(LOG, "logs:PutIndexPolicy", Has(&["FieldIndexPolicies"]), Itself),
    of(LOG, "logs:DeleteIndexPolicy", Dropped("FieldIndexPolicies"), Itself),
    of(LOG, "logs:PutResourcePolicy", Has(&["ResourcePolicyDocument"]), Any),
    of(LOG, "logs:DeleteResourcePolicy", Dropped("ResourcePolicyDocument"), Any),
    of(LOG, "logs:DescribeResourcePolicies", Always, Any),
    of(LOG, "logs:PutLogGroupDeletionProtection", Has(&["DeletionProtectionEnabled"]), Itself),
    of(LOG, "logs:PutBearerTokenAuthentication", Has(&["BearerTokenAuthenticationEnabled"]), Itself),
    of(LOG, "logs:DescribeLogGroups", Always, Any),
    of(LOG, "logs:TagResource", Tagged, Itself),
    of(LOG, "logs:UntagResource", Tagged, Itself),
    of(LOG, "logs:ListTagsForResource", Always, Itself),
];

/// When a handler calls an action, and on what.
pub(super) fn rule(kind: &str, handler: Handler, action: &str) -> (When, On) {
    let fits = |rule: &&Rule| {
        rule.kind == kind
            && (rule.handlers.is_empty() || rule.handlers.contains(&handler))
            && covers(rule.action, action)
    };
    RULES.iter().find(fits).map_or((Always, Itself), |rule| (rule.when, rule.on))
}

/// Actions that the registry's list lacks. An access log needs log delivery, which the caller sets up.
pub(super) fn added(kind: &str, handler: Handler) -> &'static [&'static str] {
    match (kind, handler) {
        (STAGE, Create | Update) => &[
            "logs:CreateLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ],
        (STAGE, Delete) => &["logs:DeleteLogDelivery"],
        (_, Create | Handler::Read | Update | Delete) => &[],
    }
}

pub(super) fn covers(pattern: &str, action: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => action.starts_with(start),
        None => pattern == action,
    }
}

/// The actions that the rules of a type name.
#[cfg(test)]
pub(super) fn ruled(kind: &str) -> impl Iterator<Item = &'static str> {
    RULES.iter().filter(move |rule| rule.kind == kind).map(|rule| rule.action)
}
