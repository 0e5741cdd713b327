//! What keeps a resource from being deleted although nobody protects it on purpose any more.

use aws_sdk_cognitoidentityprovider::Client as Cognito;
use aws_sdk_cognitoidentityprovider::types::{
    AdminCreateUserConfigType, DeletionProtectionType, UserPoolType,
};
use aws_sdk_dynamodb::Client as DynamoDb;

use super::{Aws, Error};

impl Aws {
    /// Takes away what is known to refuse the deletion of a resource, and says what it was; empty where nothing
    /// did. A template cannot do that any more once its stack failed.
    pub async fn unblock(&self, kind: &str, physical_id: &str) -> Result<Vec<String>, Error> {
        match kind {
            "AWS::DynamoDB::Table" => self.unblock_table(physical_id).await,
            "AWS::Cognito::UserPool" => self.unblock_pool(physical_id).await,
            _ => Ok(Vec::new()),
        }
    }

    async fn unblock_table(&self, name: &str) -> Result<Vec<String>, Error> {
        let client = DynamoDb::new(&self.config);
        let answer = match client.describe_table().table_name(name).send().await.map_err(Error::from) {
            Err(error) if error.is_rejected("ResourceNotFoundException") => return Ok(Vec::new()),
            answer => answer?,
        };
        if answer.table.and_then(|table| table.deletion_protection_enabled) != Some(true) {
            return Ok(Vec::new());
        }
        client.update_table().table_name(name).deletion_protection_enabled(false).send().await?;
        Ok(vec![format!("the deletion protection of the table {name}")])
    }

    async fn unblock_pool(&self, id: &str) -> Result<Vec<String>, Error> {
        let client = Cognito::new(&self.config);
        let pool = match client.describe_user_pool().user_pool_id(id).send().await.map_err(Error::from) {
            Err(error) if error.is_rejected("ResourceNotFoundException") => return Ok(Vec::new()),
            answer => answer?
                .user_pool
                .ok_or_else(|| Error::Garbled("DescribeUserPool without a pool".to_owned()))?,
        };
        let mut lifted = Vec::new();
        for domain in [&pool.domain, &pool.custom_domain].into_iter().flatten() {
            client.delete_user_pool_domain().user_pool_id(id).domain(domain).send().await?;
            lifted.push(format!("the domain {domain} of the user pool {id}"));
        }
        if pool.deletion_protection == Some(DeletionProtectionType::Active) {
            unprotect(&client, id, pool).await?;
            lifted.push(format!("the deletion protection of the user pool {id}"));
        }
        Ok(lifted)
    }
}

/// UpdateUserPool sets every setting back that it is not told (its API reference), so it is told them all: the
/// pool may yet outlive its stack.
async fn unprotect(client: &Cognito, id: &str, pool: UserPoolType) -> Result<(), Error> {
    // The password policy took the place of UnusedAccountValidityDays, and both at once are refused.
    let administrators = pool.admin_create_user_config.map(|config| {
        AdminCreateUserConfigType::builder()
            .allow_admin_create_user_only(config.allow_admin_create_user_only)
            .set_invite_message_template(config.invite_message_template)
            .build()
    });
    client
        .update_user_pool()
        .user_pool_id(id)
        .deletion_protection(DeletionProtectionType::Inactive)
        .set_pool_name(pool.name)
        .set_policies(pool.policies)
        .set_lambda_config(pool.lambda_config)
        .set_auto_verified_attributes(pool.auto_verified_attributes)
        .set_sms_verification_message(pool.sms_verification_message)
        .set_email_verification_message(pool.email_verification_message)
        .set_email_verification_subject(pool.email_verification_subject)
        .set_verification_message_template(pool.verification_message_template)
        .set_sms_authentication_message(pool.sms_authentication_message)
        .set_user_attribute_update_settings(pool.user_attribute_update_settings)
        .set_mfa_configuration(pool.mfa_configuration)
        .set_device_configuration(pool.device_configuration)
        .set_email_configuration(pool.email_configuration)
        .set_sms_configuration(pool.sms_configuration)
        .set_user_pool_tags(pool.user_pool_tags)
        .set_admin_create_user_config(administrators)
        .set_user_pool_add_ons(pool.user_pool_add_ons)
        .set_account_recovery_setting(pool.account_recovery_setting)
        .set_user_pool_tier(pool.user_pool_tier)
        .set_key_configuration(pool.key_configuration)
        .set_issuer_configuration(pool.issuer_configuration)
        .set_acr_configuration(pool.acr_configuration)
        .send()
        .await?;
    Ok(())
}
