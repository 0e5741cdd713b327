//! A stage's Postgres database. It is the user's: the stage says where its secret is, whom to trust, and the way
//! through the network.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::environment::{EnvironmentFile, Target};
use super::layers::Layers;
use super::names::{StackName, name};
use super::problem::Problem;

/// Lambda's limits ("VpcConfig" in its API reference).
const MOST_SUBNETS: usize = 16;
const MOST_GROUPS: usize = 5;

/// More is no list of authorities: that of all regions of RDS has 165 KB.
const MOST_AUTHORITY_BYTES: u64 = 1024 * 1024;

name!(
    /// A secret of Secrets Manager.
    SecretId,
    "a secret",
    "a secret's name (letters, digits and /_+=.@!-, at most 512, no hyphen and six characters last) or its whole ARN",
    |text| {
        let name = |text: &str| {
            (1..=512).contains(&text.len())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@!-".contains(c))
        };
        let ends_as_an_arn = |text: &str| {
            text.rsplit_once('-').is_some_and(|(_, end)| {
                end.len() == 6 && end.chars().all(|c| c.is_ascii_alphanumeric())
            })
        };
        match arn(text, "secretsmanager") {
            Some(resource) => resource
                .strip_prefix("secret:")
                .is_some_and(|rest| name(rest) && ends_as_an_arn(rest)),
            // Secrets Manager would take such a name for the end of an ARN.
            None => name(text) && !ends_as_an_arn(text),
        }
    }
);
name!(
    /// The customer's key of the secret.
    KeyArn,
    "a key's ARN",
    "like arn:aws:kms:eu-central-1:123456789012:key/…",
    |text| arn(text, "kms").and_then(|resource| resource.strip_prefix("key/")).is_some_and(|id| {
        !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    })
);
name!(
    /// A schema of Postgres.
    SchemaName,
    "a schema's name",
    "lower-case letters, digits and _, a letter first, at most 63, not beginning with pg_",
    |text| text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= MOST_SCHEMA_BYTES
        && !text.starts_with("pg_")
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
);
name!(
    /// A variable of the shell that deploys.
    UrlVariable,
    "a variable",
    "capital letters, digits and _, a letter first",
    |text| text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
);
name!(
    /// A file of the project.
    ProjectFile,
    "a file of the project",
    "a path from the project's folder, without ..",
    |text| !text.is_empty()
        && Path::new(text).components().all(|part| matches!(part, std::path::Component::Normal(_)))
);
name!(
    /// A subnet.
    SubnetId,
    "a subnet",
    "like subnet-0a1b2c3d",
    |text| has_id(text, "subnet-")
);
name!(
    /// A security group.
    SecurityGroupId,
    "a security group",
    "like sg-0a1b2c3d",
    |text| has_id(text, "sg-")
);
name!(
    /// A network.
    VpcId,
    "a VPC",
    "like vpc-0a1b2c3d",
    |text| has_id(text, "vpc-")
);

/// Postgres cuts longer names off.
const MOST_SCHEMA_BYTES: usize = 63;

/// The last part of an ARN of `service`.
fn arn<'a>(text: &'a str, service: &str) -> Option<&'a str> {
    let mut parts = text.splitn(6, ':');
    let whole = parts.next() == Some("arn")
        && parts.next().is_some_and(|partition| partition.starts_with("aws"))
        && parts.next() == Some(service)
        && parts.next().is_some_and(|region| !region.is_empty())
        && parts.next().is_some_and(|account| account.len() == 12);
    parts.next().filter(|_| whole)
}

fn has_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|id| (8..=17).contains(&id.len()) && id.chars().all(|c| c.is_ascii_hexdigit()))
}

/// A Postgres database of yours.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Database")]
pub struct DatabaseFile {
    /// Name or ARN of the secret with host, port, username, password and dbname, as RDS writes it.
    pub secret: Option<SecretId>,
    /// The customer's key that encrypts the secret, where there is one.
    pub kms_key: Option<KeyArn>,
    /// Local stages alone, instead of a secret: the variable that holds
    /// `postgres://user:password@host:port/database?sslmode=…` when `up` runs, such as `DATABASE_URL`.
    pub url_from: Option<UrlVariable>,
    /// PEM file of the certificate authorities that the server's certificate may come from.
    pub ca: Option<ProjectFile>,
    /// The stage's own schema; named after service and stage unless said otherwise.
    pub schema: Option<SchemaName>,
    /// Subnets with a way to the database; without any the functions stay out of every VPC.
    pub subnets: Option<Vec<SubnetId>>,
    /// Security groups of the functions in these subnets.
    pub security_groups: Option<Vec<SecurityGroupId>>,
    /// Makes an endpoint of Secrets Manager in this VPC; without it the subnets have another way there.
    pub secrets_endpoint: Option<VpcId>,
}

impl DatabaseFile {
    /// These keys on top of those below.
    pub fn over(self, below: Self) -> Self {
        Self {
            secret: self.secret.or(below.secret),
            kms_key: self.kms_key.or(below.kms_key),
            url_from: self.url_from.or(below.url_from),
            ca: self.ca.or(below.ca),
            schema: self.schema.or(below.schema),
            subnets: self.subnets.or(below.subnets),
            security_groups: self.security_groups.or(below.security_groups),
            secrets_endpoint: self.secrets_endpoint.or(below.secrets_endpoint),
        }
    }
}

/// The database of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Name or ARN. That of a local stage is made by `up`.
    pub secret: String,
    pub kms_key: Option<String>,
    /// The variable that a local stage's secret is made from.
    pub url_from: Option<String>,
    /// The whole path.
    pub authority: Option<PathBuf>,
    pub schema: String,
    pub network: Option<Network>,
}

/// The way of a function to the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Network {
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    /// The VPC that gets an endpoint of Secrets Manager.
    pub secrets_endpoint: Option<String>,
}

impl Database {
    pub(super) fn from_file(root: &Path, stack: &StackName, file: DatabaseFile) -> Self {
        let DatabaseFile {
            secret,
            kms_key,
            url_from,
            ca,
            schema,
            subnets,
            security_groups,
            secrets_endpoint,
        } = file;
        let texts = |ids: Vec<String>| (!ids.is_empty()).then_some(ids);
        let subnets = texts(subnets.into_iter().flatten().map(String::from).collect());
        Self {
            secret: secret.map_or_else(|| format!("{stack}/database"), String::from),
            kms_key: kms_key.map(String::from),
            url_from: url_from.map(String::from),
            authority: ca.map(|file| root.join(file.as_str())),
            schema: schema.map_or_else(|| schema_of(stack), String::from),
            network: subnets.map(|subnets| Network {
                subnets,
                security_groups: security_groups.into_iter().flatten().map(String::from).collect(),
                secrets_endpoint: secrets_endpoint.map(String::from),
            }),
        }
    }
}

/// `shop-pr-7` -> `shop_pr_7`: stages that share a database do not share a schema.
fn schema_of(stack: &StackName) -> String {
    let whole = stack.as_str().to_ascii_lowercase().replace('-', "_");
    if whole.len() <= MOST_SCHEMA_BYTES {
        return whole;
    }
    let hash: String = Sha256::digest(&whole).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let start: String = whole.chars().take(MOST_SCHEMA_BYTES - hash.len() - 1).collect();
    format!("{start}_{hash}")
}

/// What the keys must have in common.
pub(super) fn check(root: &Path, layers: &Layers, file: &EnvironmentFile, problems: &mut Vec<Problem>) {
    let Some(database) = &file.database else { return };
    let mut fail = |key: &str, message: String, help: &str| {
        let problem = Problem::new("database", message).at(layers.place(&["database", key]));
        problems.push(problem.help(help));
    };
    let local = file.target == Some(Target::Local);
    match (local, database.secret.is_some(), database.url_from.is_some()) {
        (true, false, true) | (false, true, false) => {}
        (true, _, _) => fail(
            if database.secret.is_some() { "secret" } else { "url_from" },
            "a local stage finds its database by a variable of the shell".to_owned(),
            "write url_from: DATABASE_URL, and no secret",
        ),
        (false, _, _) => fail(
            if database.url_from.is_some() { "url_from" } else { "secret" },
            "a stage on AWS finds its database by a secret".to_owned(),
            "write secret: <name or ARN in Secrets Manager>, and no url_from",
        ),
    }
    match &database.ca {
        Some(ca) => {
            if let Err(why) = is_authority(&root.join(ca.as_str())) {
                fail("ca", format!("{ca} holds no certificate authorities: {why}"), "name a PEM file");
            }
        }
        None if local => {}
        None => fail(
            "ca",
            "ca is missing: the server's certificate could not be verified".to_owned(),
            "write ca: <PEM file>; for RDS one of https://truststore.pki.rds.amazonaws.com",
        ),
    }
    let count = |given: Option<usize>| given.unwrap_or_default();
    let subnets = count(database.subnets.as_ref().map(Vec::len));
    let groups = count(database.security_groups.as_ref().map(Vec::len));
    if (subnets == 0) != (groups == 0) {
        let key = if subnets == 0 { "security_groups" } else { "subnets" };
        fail(key, "subnets and security_groups go together".to_owned(), "write both, or neither");
    }
    if subnets > MOST_SUBNETS || groups > MOST_GROUPS {
        let message =
            format!("a function has at most {MOST_SUBNETS} subnets and {MOST_GROUPS} security groups");
        fail(if subnets > MOST_SUBNETS { "subnets" } else { "security_groups" }, message, "name fewer");
    }
    if database.secrets_endpoint.is_some() && subnets == 0 {
        let message = "secrets_endpoint is for functions in a VPC".to_owned();
        fail("secrets_endpoint", message, "write subnets and security_groups too");
    }
}

fn is_authority(file: &Path) -> Result<(), String> {
    let size = std::fs::metadata(file).map_err(|error| error.to_string())?.len();
    if size > MOST_AUTHORITY_BYTES {
        return Err(format!("it has {size} bytes"));
    }
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    if text.contains("-----BEGIN CERTIFICATE-----") {
        Ok(())
    } else {
        Err("no certificate is in it".to_owned())
    }
}

/// A file that changes the schema, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The number that its name begins with.
    pub version: i32,
    /// The rest of its name.
    pub name: String,
    /// SHA-256, hexadecimal.
    pub checksum: String,
}

impl Migration {
    pub fn file_name(&self) -> String {
        format!("{:04}_{}.sql", self.version, self.name)
    }
}

/// The migrations of a folder in their order: `0001_users.sql` and so on.
pub(super) fn migrations(folder: &Path) -> Result<Vec<Migration>, String> {
    let shown = folder.display();
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{shown}: {error}"))?;
    let mut found = Vec::new();
    for entry in entries {
        let file = entry.map_err(|error| format!("{shown}: {error}"))?.path();
        let parsed = file.file_name().and_then(|name| name.to_str()).and_then(|name| {
            let (number, name) = name.strip_suffix(".sql")?.split_once('_')?;
            let digits = number.len() == 4 && number.chars().all(|c| c.is_ascii_digit());
            let version: i32 = number.parse().ok().filter(|version| digits && *version > 0)?;
            (!name.is_empty()).then(|| (version, name.to_owned()))
        });
        let Some((version, name)) = parsed else {
            return Err(format!("{} is not called like a migration", file.display()));
        };
        let text = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let checksum = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
        found.push(Migration { version, name, checksum });
    }
    found.sort_by_key(|migration| migration.version);
    if let Some(pair) = found.windows(2).find(|pair| pair[0].version == pair[1].version) {
        return Err(format!("{} and {} have one number", pair[0].name, pair[1].name));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::tests::{Fixture, lines};

    #[test]
    fn a_secret_is_a_name_or_a_whole_arn() {
        let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop-AbC123";
        for good in ["shop/database", "rds!db-1", arn] {
            assert!(good.parse::<SecretId>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "shop-AbC123",
            "a b",
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop",
            "arn:aws:ssm:eu-central-1:123456789012:parameter/x",
        ] {
            assert!(bad.parse::<SecretId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_leads_nowhere_out_of_the_project() {
        assert!("certificates/rds.pem".parse::<ProjectFile>().is_ok());
        for bad in ["", "/etc/passwd", "../x.pem", "a/../../x.pem"] {
            assert!(bad.parse::<ProjectFile>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_schema_is_named_after_service_and_stage_and_fits() {
        assert_eq!(schema_of(&"shop-pr-7".parse().unwrap()), "shop_pr_7");
        let (one, other) = ("a".repeat(70), format!("{}b", "a".repeat(69)));
        let (one, other) = (schema_of(&one.parse().unwrap()), schema_of(&other.parse().unwrap()));
        assert_eq!((one.len(), other.len()), (63, 63));
        assert_ne!(one, other);
        assert!(one.parse::<SchemaName>().is_ok());
    }

    #[test]
    fn migrations_have_numbers_and_each_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| std::fs::write(folder.path().join(name), name).unwrap();
        write("0002_b.sql");
        write("0001_a.sql");
        let names: Vec<_> =
            migrations(folder.path()).unwrap().into_iter().map(|migration| migration.name).collect();
        assert_eq!(names, ["a", "b"]);
        write("0002_c.sql");
        assert!(migrations(folder.path()).unwrap_err().contains("have one number"));
        write("notes.txt");
        assert!(migrations(folder.path()).unwrap_err().contains("notes.txt"));
    }

    const ABOUT: &str = "[package.metadata.deployer]\ntrigger = \"PostConfirmation\"\nmigrations = \"migrations\"\n\
        [package.metadata.deployer.grants]\ndatabase = [\"secretsmanager:GetSecretValue\"]\n";

    /// What is wrong with the stage `dev` that ends so.
    fn wrong(rest: &str) -> String {
        let fixture = Fixture::new().function("confirm", ABOUT);
        let fixture = fixture.dev(&format!("extends: base\nclass: ephemeral\n{rest}\n"));
        fixture.write("ca.pem", "-----BEGIN CERTIFICATE-----\n");
        fixture.write("empty.pem", "");
        fixture.write("functions/confirm/migrations/0001_users.sql", "select 1");
        fixture.load("dev").map(|_| String::new()).unwrap_or_else(|error| lines(&error).join("; "))
    }

    #[test]
    fn what_a_database_lacks_or_has_too_much_is_named_with_its_line() {
        const NETWORK: &str = "subnets: [subnet-0a1b2c3d], security_groups: [sg-0a1b2c3d]";
        assert_eq!(wrong(&format!("database: {{secret: s, ca: ca.pem, {NETWORK}}}")), "");
        assert_eq!(wrong("target: local\ndatabase: {url_from: DATABASE_URL}"), "");
        let cases = [
            ("", "the stage has no database"),
            ("database: {secret: s}", "ca is missing"),
            ("database: {secret: s, ca: none.pem}", "none.pem holds no certificate authorities"),
            ("database: {secret: s, ca: empty.pem}", "no certificate is in it"),
            ("database: {ca: ca.pem}", "a stage on AWS finds its database by a secret"),
            (
                "database: {secret: s, url_from: X, ca: ca.pem}",
                "a stage on AWS finds its database by a secret",
            ),
            ("target: local\ndatabase: {secret: s}", "a local stage finds its database by a variable"),
            ("database: {secret: s, ca: ca.pem, subnets: [subnet-0a1b2c3d]}", "go together"),
            (
                "database: {secret: s, ca: ca.pem, secrets_endpoint: vpc-0a1b2c3d}",
                "is for functions in a VPC",
            ),
            ("database: {secret: s, ca: ca.pem, subnets: [vpc-1]}", "is not a subnet"),
            ("database: {secret: s, ca: ca.pem, password: x}", "unknown key \"password\""),
            ("tables: {database: {partition_key: pk}}", "grants on database are on the stage's Postgres"),
        ];
        for (rest, expected) in cases {
            let found = wrong(rest);
            assert!(found.contains(expected), "{rest}: {found}");
        }
        let found = wrong("database: {secret: s, ca: none.pem}");
        assert!(found.starts_with("environments/dev.yaml:3 database: "), "{found}");
    }
}
