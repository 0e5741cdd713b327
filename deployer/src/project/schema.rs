//! The JSON schema of the environment files, for editors.

use super::environment::EnvironmentFile;

/// The content of `environments/schema.json`.
pub fn environment_schema() -> serde_json::Value {
    schemars::schema_for!(EnvironmentFile).to_value()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_schema_file_is_that_of_the_code() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../environments/schema.json");
        let fresh = format!("{:#}\n", super::environment_schema());
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(&file, &fresh).unwrap();
        }
        let written = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            written == fresh,
            "environments/schema.json is stale; renew it with: UPDATE_SCHEMA=1 cargo test -p deployer schema"
        );
    }
}
