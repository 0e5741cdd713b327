//! CloudFormation: reading stacks and events, and the mutations, each with its token.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::primitives::DateTime;
use aws_sdk_cloudformation::types::{
    Capability as SdkCapability, ChangeSetStatus as SdkChangeSetStatus, ChangeSetType, ExecutionStatus,
    Parameter, Replacement as SdkReplacement, RequiresRecreation, ResourceChange, ResourceChangeDetail,
    Stack as SdkStack, StackEvent, Tag, TemplateStage,
};
use jiff::Timestamp;

use super::model::{
    Capability, Change, ChangeSet, ChangeSetRequest, ChangeSetStatus, Detail, Event, Execution,
    ListedChangeSet, Replacement, Resource, Stack, StackStatus, TemplateBody,
};
use super::{Aws, Error};

impl Aws {
    fn cloudformation(&self) -> Client {
        Client::new(&self.config)
    }

    /// A stack by name or ARN. `None` only where CloudFormation says that this id does not exist.
    pub async fn stack(&self, stack: &str) -> Result<Option<Stack>, Error> {
        match self.cloudformation().describe_stacks().stack_name(stack).send().await {
            Ok(answer) => match answer.stacks.unwrap_or_default().into_iter().next() {
                Some(stack) => stack_of(stack).map(Some),
                None => Err(Error::Garbled("DescribeStacks answered without the stack".to_owned())),
            },
            Err(error) => match Error::from(error) {
                error if error.says_absent() => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Every stack of the account and region that is not deleted.
    pub async fn stacks(&self) -> Result<Vec<Stack>, Error> {
        let mut pages = self.cloudformation().describe_stacks().into_paginator().send();
        let mut stacks = Vec::new();
        while let Some(page) = pages.next().await {
            for stack in page?.stacks.unwrap_or_default() {
                stacks.push(stack_of(stack)?);
            }
        }
        Ok(stacks)
    }

    /// The template as it was sent; `None` while there is none (a stack in review).
    pub async fn template(&self, stack: &str) -> Result<Option<String>, Error> {
        let answer = self
            .cloudformation()
            .get_template()
            .stack_name(stack)
            .template_stage(TemplateStage::Original)
            .send();
        match answer.await {
            Ok(answer) => Ok(answer.template_body),
            Err(error) => match Error::from(error) {
                Error::Rejected { code, .. } if code == "ValidationError" => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Asks for a change set; it is made in the background. Answers its ARN and the stack's.
    pub async fn create_change_set(&self, request: &ChangeSetRequest) -> Result<(String, String), Error> {
        let mut call = self
            .cloudformation()
            .create_change_set()
            .stack_name(&request.stack)
            .change_set_name(&request.name)
            .change_set_type(if request.create { ChangeSetType::Create } else { ChangeSetType::Update })
            .client_token(&request.token)
            .description(&request.description)
            .set_role_arn(self.service_role.clone())
            .set_parameters(Some(
                request
                    .parameters
                    .iter()
                    .map(|(key, value)| {
                        Parameter::builder().parameter_key(key).parameter_value(value).build()
                    })
                    .collect(),
            ))
            .set_tags(Some(
                request
                    .tags
                    .iter()
                    .map(|(key, value)| Tag::builder().key(key).value(value).build())
                    .collect(),
            ));
        call = match request.capability {
            None => call,
            Some(Capability::Iam) => call.capabilities(SdkCapability::CapabilityIam),
            Some(Capability::NamedIam) => call.capabilities(SdkCapability::CapabilityNamedIam),
        };
        call = match &request.template {
            TemplateBody::Inline(body) => call.template_body(body),
            TemplateBody::Url(url) => call.template_url(url),
        };
        let answer = call.send().await?;
        match (answer.id, answer.stack_id) {
            (Some(id), Some(stack_id)) => Ok((id, stack_id)),
            _ => Err(Error::Garbled("CreateChangeSet answered without an id".to_owned())),
        }
    }

    /// A change set with all its changes. The property values make CloudFormation drop changes at
    /// times and say so only by a `[WARN]` in the reason: then the list without them is taken,
    /// completed by what the first one knew (aws-cdk-cli#1780).
    pub async fn change_set(&self, id: &str, stack: &str) -> Result<ChangeSet, Error> {
        let mut with_values = self.change_set_pages(id, stack, true).await?;
        if with_values.reason.as_deref().is_some_and(|reason| reason.contains("[WARN]")) {
            let complete = self.change_set_pages(id, stack, false).await?;
            with_values.changes = complete
                .changes
                .into_iter()
                .map(|change| {
                    with_values
                        .changes
                        .iter()
                        .find(|known| known.logical_id == change.logical_id && known.action == change.action)
                        .cloned()
                        .unwrap_or(change)
                })
                .collect();
        }
        Ok(with_values)
    }

    async fn change_set_pages(&self, id: &str, stack: &str, values: bool) -> Result<ChangeSet, Error> {
        let mut changes = Vec::new();
        let mut token = None;
        loop {
            let page = self
                .cloudformation()
                .describe_change_set()
                .change_set_name(id)
                .stack_name(stack)
                .include_property_values(values)
                .set_next_token(token.clone())
                .send()
                .await?;
            refuse_circle(token.as_deref(), page.next_token.as_deref())?;
            changes.extend(
                page.changes
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|change| change.resource_change)
                    .map(change_of),
            );
            if page.next_token.is_none() {
                return Ok(ChangeSet {
                    id: page.change_set_id.unwrap_or_else(|| id.to_owned()),
                    name: page.change_set_name.unwrap_or_default(),
                    stack_id: page.stack_id.unwrap_or_else(|| stack.to_owned()),
                    status: status_of(page.status),
                    execution: match page.execution_status {
                        Some(ExecutionStatus::Available) => Execution::Available,
                        Some(other) => Execution::No(other.as_str().to_owned()),
                        None => Execution::No(String::new()),
                    },
                    reason: page.status_reason,
                    changes,
                });
            }
            token = page.next_token;
        }
    }

    /// The change sets of a stack.
    pub async fn change_sets(&self, stack: &str) -> Result<Vec<ListedChangeSet>, Error> {
        let mut pages = self.cloudformation().list_change_sets().stack_name(stack).into_paginator().send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            listed.extend(page?.summaries.unwrap_or_default().into_iter().filter_map(|summary| {
                Some(ListedChangeSet {
                    name: summary.change_set_name?,
                    executable: summary.execution_status == Some(ExecutionStatus::Available),
                    failed: summary.status == Some(SdkChangeSetStatus::Failed),
                })
            }));
        }
        Ok(listed)
    }

    /// What early validation found wrong with a change set: it is told nowhere else.
    pub async fn validation_errors(&self, change_set: &str, stack: &str) -> Result<Vec<String>, Error> {
        let mut pages = self
            .cloudformation()
            .describe_events()
            .change_set_name(change_set)
            .stack_name(stack)
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            for event in page?.operation_events.unwrap_or_default() {
                if let Some(reason) = event.validation_status_reason {
                    let resource = event.logical_resource_id.unwrap_or_default();
                    found.push(format!("{resource}{}: {reason}", event.validation_path.unwrap_or_default()));
                }
            }
        }
        Ok(found)
    }

    /// Rolls back on failure: said explicitly, since the documented default is the opposite.
    pub async fn execute_change_set(&self, id: &str, stack: &str, token: &str) -> Result<(), Error> {
        self.cloudformation()
            .execute_change_set()
            .change_set_name(id)
            .stack_name(stack)
            .client_request_token(token)
            .disable_rollback(false)
            .send()
            .await?;
        Ok(())
    }

    /// Deleting one that is gone already is success.
    pub async fn delete_change_set(&self, id: &str, stack: &str) -> Result<(), Error> {
        match self.cloudformation().delete_change_set().change_set_name(id).stack_name(stack).send().await {
            Ok(_) => Ok(()),
            Err(error) => match Error::from(error) {
                error if error.says_gone() => Ok(()),
                error => Err(error),
            },
        }
    }

    /// `retain` is legal only in DELETE_FAILED and leaves these resources alive.
    pub async fn delete_stack(&self, stack: &str, token: &str, retain: &[String]) -> Result<(), Error> {
        let mut call = self
            .cloudformation()
            .delete_stack()
            .stack_name(stack)
            .client_request_token(token)
            .set_role_arn(self.service_role.clone());
        if !retain.is_empty() {
            call = call.set_retain_resources(Some(retain.to_vec()));
        }
        call.send().await?;
        Ok(())
    }

    pub async fn set_termination_protection(&self, stack: &str, on: bool) -> Result<(), Error> {
        self.cloudformation()
            .update_termination_protection()
            .stack_name(stack)
            .enable_termination_protection(on)
            .send()
            .await?;
        Ok(())
    }

    pub async fn set_stack_policy(&self, stack: &str, policy: &str) -> Result<(), Error> {
        self.cloudformation().set_stack_policy().stack_name(stack).stack_policy_body(policy).send().await?;
        Ok(())
    }

    /// `skip` names resources that CloudFormation then takes for rolled back, whatever they are.
    pub async fn continue_update_rollback(
        &self,
        stack: &str,
        token: &str,
        skip: &[String],
    ) -> Result<(), Error> {
        self.cloudformation()
            .continue_update_rollback()
            .stack_name(stack)
            .set_role_arn(self.service_role.clone())
            .client_request_token(token)
            .set_resources_to_skip((!skip.is_empty()).then(|| skip.to_vec()))
            .send()
            .await?;
        Ok(())
    }

    /// Takes an UPDATE_FAILED stack back to its last good state.
    pub async fn roll_back_stack(&self, stack: &str, token: &str) -> Result<(), Error> {
        self.cloudformation()
            .rollback_stack()
            .stack_name(stack)
            .client_request_token(token)
            .set_role_arn(self.service_role.clone())
            .send()
            .await?;
        Ok(())
    }

    pub async fn cancel_update(&self, stack: &str, token: &str) -> Result<(), Error> {
        self.cloudformation()
            .cancel_update_stack()
            .stack_name(stack)
            .client_request_token(token)
            .send()
            .await?;
        Ok(())
    }

    /// One page of events, newest first, and the token of the next page.
    pub async fn events_page(
        &self,
        stack: &str,
        token: Option<String>,
    ) -> Result<(Vec<Event>, Option<String>), Error> {
        let page = self
            .cloudformation()
            .describe_stack_events()
            .stack_name(stack)
            .set_next_token(token.clone())
            .send()
            .await?;
        refuse_circle(token.as_deref(), page.next_token.as_deref())?;
        Ok((
            page.stack_events.unwrap_or_default().into_iter().filter_map(event_of).collect(),
            page.next_token,
        ))
    }

    /// Every resource that the stack knows of.
    pub async fn resources(&self, stack: &str) -> Result<Vec<Resource>, Error> {
        let mut pages =
            self.cloudformation().list_stack_resources().stack_name(stack).into_paginator().send();
        let mut resources = Vec::new();
        while let Some(page) = pages.next().await {
            resources.extend(page?.stack_resource_summaries.unwrap_or_default().into_iter().map(|summary| {
                Resource {
                    logical_id: summary.logical_resource_id.unwrap_or_default(),
                    physical_id: summary.physical_resource_id,
                    kind: summary.resource_type.unwrap_or_default(),
                    status: summary
                        .resource_status
                        .map(|status| status.as_str().to_owned())
                        .unwrap_or_default(),
                    reason: summary.resource_status_reason,
                }
            }));
        }
        Ok(resources)
    }
}

/// A page that is followed by itself would be read for ever.
fn refuse_circle(token: Option<&str>, next: Option<&str>) -> Result<(), Error> {
    match next {
        Some(next) if token == Some(next) => {
            Err(Error::Garbled("a list of pages leads back to the same page".to_owned()))
        }
        _ => Ok(()),
    }
}

fn stack_of(stack: SdkStack) -> Result<Stack, Error> {
    let (Some(id), Some(name), Some(status)) = (stack.stack_id, stack.stack_name, stack.stack_status) else {
        return Err(Error::Garbled("a stack without id, name or status".to_owned()));
    };
    Ok(Stack {
        id,
        name,
        status: StackStatus::parse(status.as_str()),
        reason: stack.stack_status_reason,
        parameters: pairs(stack.parameters, |parameter| {
            Some((parameter.parameter_key?, parameter.parameter_value?))
        }),
        tags: pairs(stack.tags, |tag| Some((tag.key?, tag.value?))),
        outputs: pairs(stack.outputs, |output| Some((output.output_key?, output.output_value?))),
        termination_protection: stack.enable_termination_protection.unwrap_or(false),
        notification_arns: stack.notification_arns.unwrap_or_default(),
        created: stack.creation_time.and_then(time_of),
        updated: stack.last_updated_time.and_then(time_of),
    })
}

fn pairs<T>(list: Option<Vec<T>>, pair: impl Fn(T) -> Option<(String, String)>) -> BTreeMap<String, String> {
    list.unwrap_or_default().into_iter().filter_map(pair).collect()
}

fn time_of(time: DateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(time.as_nanos()).ok()
}

fn status_of(status: Option<SdkChangeSetStatus>) -> ChangeSetStatus {
    match status {
        Some(SdkChangeSetStatus::CreatePending | SdkChangeSetStatus::CreateInProgress) | None => {
            ChangeSetStatus::Pending
        }
        Some(SdkChangeSetStatus::CreateComplete) => ChangeSetStatus::Complete,
        Some(SdkChangeSetStatus::Failed) => ChangeSetStatus::Failed,
        Some(other) => ChangeSetStatus::Other(other.as_str().to_owned()),
    }
}

fn change_of(change: ResourceChange) -> Change {
    Change {
        action: change.action.map(|action| action.as_str().to_owned()).unwrap_or_default(),
        logical_id: change.logical_resource_id.unwrap_or_default(),
        physical_id: change.physical_resource_id,
        kind: change.resource_type.unwrap_or_default(),
        replacement: match change.replacement {
            Some(SdkReplacement::True) => Replacement::Yes,
            Some(SdkReplacement::Conditional) => Replacement::Conditional,
            _ => Replacement::No,
        },
        details: change.details.unwrap_or_default().into_iter().filter_map(detail_of).collect(),
    }
}

fn detail_of(detail: ResourceChangeDetail) -> Option<Detail> {
    let target = detail.target?;
    Some(Detail {
        attribute: target.attribute.map(|attribute| attribute.as_str().to_owned()).unwrap_or_default(),
        property: target.name.or(target.path),
        before: target.before_value,
        after: target.after_value,
        recreates: matches!(target.requires_recreation, Some(RequiresRecreation::Always)),
    })
}

fn event_of(event: StackEvent) -> Option<Event> {
    Some(Event {
        id: event.event_id?,
        stack_id: event.stack_id?,
        time: time_of(event.timestamp?)?,
        logical_id: event.logical_resource_id.unwrap_or_default(),
        physical_id: event.physical_resource_id.unwrap_or_default(),
        kind: event.resource_type.unwrap_or_default(),
        status: event.resource_status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        reason: event.resource_status_reason,
        token: event.client_request_token,
        hook: event
            .hook_status
            .map(|status| (status.as_str().to_owned(), event.hook_status_reason.unwrap_or_default())),
    })
}
