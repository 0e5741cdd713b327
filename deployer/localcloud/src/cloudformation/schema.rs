//! The registry schemas of the resource types: which property is create-only, which attribute
//! exists.

use std::sync::OnceLock;

use serde_json::Value;

/// One type's schema as the registry publishes it.
pub struct Schema {
    root: Value,
}

struct Entry {
    name: &'static str,
    text: &'static str,
    parsed: OnceLock<Result<Schema, String>>,
}

macro_rules! schemas {
    ($($name:literal = $file:literal),* $(,)?) => {
        static SCHEMAS: [Entry; [$($name),*].len()] = [$(Entry {
            name: $name,
            text: include_str!(concat!("../../schemas/", $file, ".json")),
            parsed: OnceLock::new(),
        }),*];
    };
}

schemas! {
    "AWS::ApiGatewayV2::Api" = "aws-apigatewayv2-api",
    "AWS::ApiGatewayV2::Authorizer" = "aws-apigatewayv2-authorizer",
    "AWS::ApiGatewayV2::Integration" = "aws-apigatewayv2-integration",
    "AWS::ApiGatewayV2::Route" = "aws-apigatewayv2-route",
    "AWS::ApiGatewayV2::Stage" = "aws-apigatewayv2-stage",
    "AWS::Cognito::UserPool" = "aws-cognito-userpool",
    "AWS::Cognito::UserPoolClient" = "aws-cognito-userpoolclient",
    "AWS::Cognito::UserPoolDomain" = "aws-cognito-userpooldomain",
    "AWS::DynamoDB::Table" = "aws-dynamodb-table",
    "AWS::IAM::ManagedPolicy" = "aws-iam-managedpolicy",
    "AWS::IAM::OIDCProvider" = "aws-iam-oidcprovider",
    "AWS::IAM::Policy" = "aws-iam-policy",
    "AWS::IAM::Role" = "aws-iam-role",
    "AWS::KMS::Alias" = "aws-kms-alias",
    "AWS::KMS::Key" = "aws-kms-key",
    "AWS::Lambda::Function" = "aws-lambda-function",
    "AWS::Lambda::Permission" = "aws-lambda-permission",
    "AWS::Logs::LogGroup" = "aws-logs-loggroup",
    "AWS::S3::Bucket" = "aws-s3-bucket",
    "AWS::S3::BucketPolicy" = "aws-s3-bucketpolicy",
    "AWS::SecretsManager::Secret" = "aws-secretsmanager-secret",
}

/// How a change of one property is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recreation {
    Never,
    Conditionally,
    Always,
}

impl Recreation {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "Never",
            Self::Conditionally => "Conditionally",
            Self::Always => "Always",
        }
    }
}

impl Schema {
    /// The schema of a type; `None` where this cloud does not know the type.
    pub fn of(name: &str) -> Option<&'static Self> {
        let entry = SCHEMAS.iter().find(|entry| entry.name == name)?;
        let parsed = entry.parsed.get_or_init(|| {
            serde_json::from_str(entry.text).map(|root| Schema { root }).map_err(|error| error.to_string())
        });
        // A vendored schema that does not parse is a defect of the build, which a test holds.
        parsed.as_ref().inspect_err(|error| tracing::error!(name, %error, "unreadable schema")).ok()
    }

    /// The types that have one.
    pub fn types() -> impl Iterator<Item = &'static str> {
        SCHEMAS.iter().map(|entry| entry.name)
    }

    /// The attributes that `Fn::GetAtt` may name.
    pub fn attributes(&self) -> Vec<String> {
        self.paths("readOnlyProperties").map(|path| path.join(".")).collect()
    }

    pub fn root(&self) -> &Value {
        &self.root
    }

    /// `/properties/A/B` -> `["A", "B"]`.
    fn paths(&self, list: &str) -> impl Iterator<Item = Vec<&str>> {
        self.root.get(list).and_then(Value::as_array).into_iter().flatten().filter_map(|path| {
            let path = path.as_str()?.strip_prefix("/properties/")?;
            Some(path.split('/').collect())
        })
    }

    /// Whether `Fn::GetAtt` may name the attribute: the read-only properties, nested ones with dots.
    pub fn has_attribute(&self, name: &str) -> bool {
        self.paths("readOnlyProperties").any(|path| path.join(".") == name)
    }

    /// Properties that users never set.
    pub fn read_only(&self, property: &str) -> bool {
        self.paths("readOnlyProperties").any(|path| path == [property])
    }

    /// Properties that the live resource does not show: drift detection cannot compare them.
    pub fn write_only(&self, path: &[&str]) -> bool {
        self.paths("writeOnlyProperties").any(|listed| path.starts_with(&listed))
    }

    /// What a change of a property from one value to another takes.
    pub fn recreation(&self, property: &str, before: Option<&Value>, after: Option<&Value>) -> Recreation {
        let differs = |path: &Vec<&str>| {
            path.first() == Some(&property) && {
                let inner = path.get(1..).unwrap_or_default();
                dig(before, inner) != dig(after, inner)
            }
        };
        if self.paths("createOnlyProperties").any(|path| differs(&path)) {
            Recreation::Always
        } else if self.paths("conditionalCreateOnlyProperties").any(|path| differs(&path)) {
            Recreation::Conditionally
        } else {
            Recreation::Never
        }
    }

    /// The name that the user fixed for the resource and that a replacement would need too, where
    /// the whole primary identifier comes from the properties and does not change.
    pub fn fixed_name<'a>(&self, before: &'a Value, after: &Value) -> Option<&'a str> {
        let mut name = None;
        for path in self.paths("primaryIdentifier") {
            let old = dig(Some(before), &path)?;
            if Some(old) != dig(Some(after), &path) {
                return None;
            }
            name = name.or(old.as_str());
        }
        name
    }

    /// The property that holds the resource's tags, where stack tags are passed on to it.
    pub fn tag_property(&self) -> Option<&str> {
        let tagging = self.root.get("tagging")?;
        if tagging.get("taggable") != Some(&Value::Bool(true)) {
            return None;
        }
        tagging.get("tagProperty")?.as_str()?.strip_prefix("/properties/")
    }
}

fn dig<'a>(value: Option<&'a Value>, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value?, |value, name| value.get(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_vendored_schema_is_its_types_own() {
        for entry in &SCHEMAS {
            let schema = Schema::of(entry.name).expect(entry.name);
            assert_eq!(schema.root()["typeName"], entry.name);
            assert!(schema.root()["properties"].is_object());
        }
    }

    #[test]
    fn every_type_of_this_cloud_has_a_schema() {
        for kind in crate::resource::all() {
            assert!(Schema::of(kind.name()).is_some(), "{} has no schema", kind.name());
        }
    }

    #[test]
    fn a_tables_name_is_create_only_and_its_keys_conditionally() {
        let table = Schema::of("AWS::DynamoDB::Table").unwrap();
        let change = |name: &str| table.recreation(name, Some(&json!("a")), Some(&json!("b")));
        assert_eq!(change("TableName"), Recreation::Always);
        assert_eq!(change("KeySchema"), Recreation::Conditionally);
        assert_eq!(change("BillingMode"), Recreation::Never);
        assert!(table.has_attribute("StreamArn") && !table.has_attribute("TableName"));
    }

    #[test]
    fn a_fixed_name_stands_in_the_way_of_a_replacement() {
        let table = Schema::of("AWS::DynamoDB::Table").unwrap();
        let named = json!({"TableName": "t"});
        assert_eq!(table.fixed_name(&named, &named), Some("t"));
        assert_eq!(table.fixed_name(&named, &json!({"TableName": "u"})), None);
        assert_eq!(table.fixed_name(&json!({}), &json!({})), None);
    }
}
