//! One table, as one request acts on it: through the same judged operations as the wire's.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{Refusal, operate};
use super::Properties;
use super::changes::wanted_recovery;
use crate::cloud::{Cloud, arn};
use crate::resource::{Created, Request, Tag};

/// One table, as one request acts on it.
pub struct Target<'a> {
    pub cloud: &'a Arc<Cloud>,
    pub request: &'a Request,
    pub name: &'a str,
}

impl Target<'_> {
    pub async fn call(&self, operation: &str, mut input: Value) -> Result<Value, Refusal> {
        let region = &self.request.region;
        if operation.ends_with("Resource") || operation.ends_with("OfResource") {
            input["ResourceArn"] = json!(self.arn());
        } else {
            input["TableName"] = json!(self.name);
        }
        let input = input.as_object().cloned().unwrap_or_default();
        let answer = operate(self.cloud, region, &self.request.principal, operation, input).await?;
        // TagResource answers with nothing.
        Ok(serde_json::from_str(&answer).unwrap_or_default())
    }

    fn arn(&self) -> String {
        arn("dynamodb", &self.request.region, &format!("table/{}", self.name))
    }

    /// The live table; `None` where it is gone.
    pub async fn describe(&self) -> Result<Option<Value>, Refusal> {
        match self.call("DescribeTable", json!({})).await {
            Ok(answer) => Ok(Some(answer["Table"].clone())),
            Err(Refusal::Engine(dynoxide::DynoxideError::ResourceNotFoundException(_))) => Ok(None),
            Err(other) => Err(other),
        }
    }

    pub async fn time_to_live(&self) -> Result<Value, Refusal> {
        let answer = self.call("DescribeTimeToLive", json!({})).await?;
        let live = &answer["TimeToLiveDescription"];
        let enabled = matches!(live["TimeToLiveStatus"].as_str(), Some("ENABLED" | "ENABLING"));
        Ok(if enabled {
            json!({"AttributeName": live["AttributeName"], "Enabled": true})
        } else {
            Value::Null
        })
    }

    pub async fn tags(&self) -> Result<BTreeMap<String, String>, Refusal> {
        let answer = self.call("ListTagsOfResource", json!({})).await?;
        let tags = Vec::<Tag>::deserialize(&answer["Tags"]).unwrap_or_default();
        Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    /// What is not part of CreateTable: recovery and time to live, where they differ from the live ones.
    pub async fn settle(&self, properties: &Properties) -> Result<(), Refusal> {
        let wanted = properties
            .point_in_time_recovery_specification
            .clone()
            .unwrap_or_else(|| json!({"PointInTimeRecoveryEnabled": false}));
        let live = self.recovery().await?;
        if live != wanted_recovery(&wanted) {
            let input = json!({"PointInTimeRecoverySpecification": wanted});
            self.call("UpdateContinuousBackups", input).await?;
        }
        let live = self.time_to_live().await?;
        let wanted = match &properties.time_to_live_specification {
            Some(wanted) if wanted["Enabled"] == json!(true) => wanted.clone(),
            _ => Value::Null,
        };
        if live != wanted {
            let input = match (&live, &wanted) {
                (live, Value::Null) => json!({"AttributeName": live["AttributeName"], "Enabled": false}),
                (_, wanted) => wanted.clone(),
            };
            self.call("UpdateTimeToLive", json!({"TimeToLiveSpecification": input})).await?;
        }
        Ok(())
    }

    pub async fn recovery(&self) -> Result<Option<i64>, Refusal> {
        let answer = self.call("DescribeContinuousBackups", json!({})).await?;
        let live = &answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"];
        Ok(live["RecoveryPeriodInDays"].as_i64())
    }

    pub async fn retag(&self, wanted: &BTreeMap<String, String>) -> Result<(), Refusal> {
        let live = self.tags().await?;
        let gone: Vec<&String> = live.keys().filter(|key| !wanted.contains_key(*key)).collect();
        if !gone.is_empty() {
            self.call("UntagResource", json!({"TagKeys": gone})).await?;
        }
        let new: Vec<Value> = wanted
            .iter()
            .filter(|(key, value)| live.get(*key) != Some(value))
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect();
        if !new.is_empty() {
            self.call("TagResource", json!({"Tags": new})).await?;
        }
        Ok(())
    }

    pub fn created(&self) -> Created {
        Created::new(self.name, [("Arn", json!(self.arn()))])
    }
}
