//! Secrets Manager: the one secret that this tool writes, that of a local stage's database.

use aws_sdk_secretsmanager::Client;

use super::{Aws, Error};

impl Aws {
    fn secrets(&self) -> Client {
        Client::new(&self.config)
    }

    /// Makes `name` hold `text`. Writes nothing where it does already.
    pub async fn put_secret(&self, name: &str, text: &str) -> Result<(), Error> {
        let made = self.secrets().create_secret().name(name).secret_string(text).send().await;
        match made.map_err(Error::from) {
            Ok(_) => return Ok(()),
            Err(error) if error.is_rejected("ResourceExistsException") => {}
            Err(error) => return Err(error),
        }
        let there = self.secrets().get_secret_value().secret_id(name).send().await?;
        if there.secret_string() != Some(text) {
            self.secrets().put_secret_value().secret_id(name).secret_string(text).send().await?;
        }
        Ok(())
    }

    /// Deletes `name` at once, if it is there.
    pub async fn delete_secret(&self, name: &str) -> Result<(), Error> {
        let call = self.secrets().delete_secret().secret_id(name).force_delete_without_recovery(true);
        match call.send().await.map_err(Error::from) {
            Ok(_) => Ok(()),
            Err(error) if error.is_rejected("ResourceNotFoundException") => Ok(()),
            Err(error) => Err(error),
        }
    }
}
