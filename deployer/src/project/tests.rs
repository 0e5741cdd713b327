//! Whole projects, good and bad, as files in a folder of their own.

use std::path::Path;

use super::{Architecture, Class, Error, Project, Target, stages};

/// A project in a temporary folder.
pub struct Fixture(tempfile::TempDir);

impl Fixture {
    /// One table, one function behind a route, stages `dev` and `pr-*`.
    pub fn new() -> Self {
        let fixture = Self(tempfile::tempdir().unwrap());
        fixture.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"functions/*\"]\n");
        fixture.write("environments/base.yaml", BASE);
        fixture.write("environments/dev.yaml", "extends: base\nclass: development\n");
        fixture.write("environments/pr.yaml", "extends: base\nstages: pr-*\nclass: ephemeral\nttl: 48h\n");
        fixture.function("get-thing", ABOUT)
    }

    pub fn root(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// With a function crate whose `Cargo.toml` ends so.
    pub fn function(self, name: &str, about: &str) -> Self {
        let head = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        self.write(&format!("functions/{name}/Cargo.toml"), &format!("{head}{about}"));
        self.write(&format!("functions/{name}/src/main.rs"), "fn main() {}\n");
        self
    }

    /// With the repository's own fragments.
    pub fn templates(self) -> Self {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates");
        for folder in ["", "table", "function"] {
            for entry in std::fs::read_dir(own.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    let name = path.file_name().unwrap().to_str().unwrap();
                    self.write(
                        &format!("templates/{folder}/{name}"),
                        &std::fs::read_to_string(&path).unwrap(),
                    );
                }
            }
        }
        self
    }

    /// With another text in a file that must hold the old one.
    pub fn edit(self, path: &str, old: &str, new: &str) -> Self {
        let text = std::fs::read_to_string(self.root().join(path)).unwrap();
        assert!(text.contains(old), "{path} holds no {old:?}");
        self.write(path, &text.replace(old, new));
        self
    }

    /// With another text for `environments/dev.yaml`.
    pub fn dev(self, text: &str) -> Self {
        self.write("environments/dev.yaml", text);
        self
    }

    pub fn load(&self, stage: &str) -> Result<Project, Error> {
        Project::load(self.root(), stage)
    }

    /// What is wrong with the stage, a line a problem.
    fn wrong(&self, stage: &str) -> Vec<String> {
        self.load(stage).map(|_| Vec::new()).unwrap_or_else(|error| lines(&error))
    }
}

const BASE: &str = "service: shop
tables:
  things:
    partition_key: pk
    indexes:
      by-owner:
        partition_key: owner
user_pool:
  callback_urls: [https://shop.example/callback]
http_api:
  cors_origins: [https://shop.example]
";

const ABOUT: &str = "[package.metadata.deployer]
route = [\"GET /thing/{id}\"]

[package.metadata.deployer.grants]
things = [\"dynamodb:GetItem\"]
";

/// `file:line rule: message (help)`.
pub fn lines(error: &Error) -> Vec<String> {
    let line = |problem: &super::Problem| {
        let place = problem
            .place
            .as_ref()
            .map_or("-".to_owned(), |place| format!("{}:{}", place.file().display(), place.line()));
        let help = problem.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
        format!("{place} {}: {}{help}", problem.rule, problem.message)
    };
    error.problems.iter().map(line).collect()
}

#[test]
fn a_stage_is_its_file_over_those_it_extends() {
    let fixture = Fixture::new().dev(
        "extends: base\nclass: development\naccount: 012345678901\nregion: eu-central-1\ntags: {team: a}\n\
         tables: {things: {sort_key: sk}}\nfunctions: {get-thing: {memory: 512, environment: {LEVEL: '1'}}}\n",
    );
    let project = fixture.load("dev").unwrap();
    assert_eq!(project.stack_name.as_str(), "shop-dev");
    assert_eq!((project.class, project.target), (Class::Development, Target::Aws));
    assert_eq!(project.account.unwrap().as_str(), "012345678901");
    assert_eq!(project.tables[0].partition_key, "pk");
    assert_eq!(project.tables[0].sort_key.as_deref(), Some("sk"));
    assert_eq!(project.functions[0].memory, 512);
    assert_eq!(project.functions[0].environment["LEVEL"], "1");
    assert_eq!(project.tags["team"], "a");
    assert_eq!(project.tags["deployer:class"], "development");
}

#[test]
fn a_stage_of_a_family_has_its_own_names_and_the_familys_ttl() {
    let project = Fixture::new().load("pr-12").unwrap();
    assert_eq!(project.functions[0].function_name, "shop-pr-12-get-thing");
    assert_eq!(project.ttl, Some(std::time::Duration::from_secs(48 * 3600)));
    assert_eq!(project.tags["deployer:ttl"], "172800s");
}

#[test]
fn a_local_stage_has_the_processor_of_this_machine() {
    let text = "extends: base\nclass: ephemeral\ntarget: local\narchitecture: arm64\n";
    let project = Fixture::new().dev(text).load("dev").unwrap();
    assert_eq!((project.target, project.architecture), (Target::Local, Architecture::host()));
    assert_eq!(project.region.unwrap().as_str(), "us-east-1");
}

#[test]
fn the_stages_are_the_files_with_a_class() {
    let fixture = Fixture::new();
    let names: Vec<_> =
        stages(fixture.root()).unwrap().into_iter().map(|stage| (stage.name, stage.family)).collect();
    assert_eq!(names, [("dev".to_owned(), false), ("pr-*".to_owned(), true)]);
}

#[test]
fn an_unknown_stage_names_the_known_and_the_nearest() {
    let expected = ["- unknown-stage: no stage \"dve\" (did you mean \"dev\"? known are dev, pr-*)"];
    assert_eq!(Fixture::new().wrong("dve"), expected);
    assert!(Fixture::new().wrong("Dev")[0].contains("lower-case letters"));
    assert!(Fixture::new().wrong("../dev")[0].contains("stage-name"));
    assert!(Fixture::new().wrong("base")[0].contains("missing-class"));
    assert!(Fixture::new().wrong("pr")[0].contains("family"));
}

#[test]
fn what_an_environment_file_says_wrong_is_shown_with_its_line() {
    let cases = [
        ("regoin: eu-central-1", "3 unknown-key: unknown key \"regoin\" (did you mean \"region\"?)"),
        ("http_api: {hats: 1}", "3 unknown-key: unknown key \"hats\" (known are cors_origins, throttling)"),
        (
            "region: eu-central",
            "3 wrong-value: \"eu-central\" is not an AWS region: like eu-central-1: a partition's \
          area, a direction and a number",
        ),
        ("region:", "3 missing-value: \"region\" has no value"),
        (
            "region: a\nregion: b",
            "4 yaml: the key \"region\" is written twice (it is first written in line 3)",
        ),
        ("region: [a]", "3 wrong-type: a text was expected"),
        (
            "region: !Sub a",
            "3 tag: the tag !Sub means nothing in an environment file (put the text into quotes)",
        ),
        ("target: cloud", "3 unknown-value: unknown value \"cloud\" (known are aws, local)"),
        ("functions: {get-thing: {memory: lots}}", "3 wrong-type: a whole number was expected"),
        ("functions: {get-thing: {memory: 64}}", "3 memory: get-thing has 64 MB; memory is 128 to 10240"),
        (
            "functions: {get-thing: {timeout: 30}}",
            "3 timeout: get-thing has 30 s; timeout is 1 to 29: the HTTP API \
          waits no longer",
        ),
        (
            "functions:\n  get-thin: {enabled: false}",
            "4 unknown-function: no function crate \"get-thin\" (did you mean \
          \"get-thing\"?)",
        ),
        (
            "functions: {get-thing: {environment: {DB_PASSWORD: x}}}",
            "3 wrong-value: \"DB_PASSWORD\" is not a variable \
          for a function: letters, digits and _, a letter first; not AWS_*, TABLE_*, USER_POOL_ID, DATABASE_* or LAMBDA_*; no name \
          of a secret (PASSWORD, SECRET, TOKEN, CREDENTIAL, API_KEY, PRIVATE_KEY): keep secrets in Secrets Manager",
        ),
        (
            "tables: {others: {sort_key: a}}",
            "3 missing-key: the table others has no partition_key (write \
          partition_key: <attribute>)",
        ),
        ("ttl: 48h", "3 ttl: only an ephemeral stage has a ttl: the others hold data that is kept"),
        (
            "tags: {team: \"a\\nb: {{x}}\"}",
            "3 wrong-value: \"a\\nb: {{x}}\" is not a tag's value: at most 256 letters",
        ),
        ("target: local", "2 local-class: a local stage is ephemeral (write class: ephemeral)"),
        ("http_api: {throttling: {rate: 0}}", "3 throttling: throttling rate is between 1 and 10000"),
        ("a: &x 1\nb: *x", "3 yaml: anchors and aliases are not allowed here"),
        ("a: 'b", "4 yaml: "),
    ];
    for (text, expected) in cases {
        let found = Fixture::new().dev(&format!("extends: base\nclass: development\n{text}\n")).wrong("dev");
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        let line = found[0].strip_prefix("environments/dev.yaml:").unwrap_or(&found[0]);
        assert!(line.starts_with(expected), "{text}: {line}");
    }
}

#[test]
fn a_variable_that_makes_the_environment_too_large_is_refused() {
    let text = format!("functions: {{get-thing: {{environment: {{TEXT: '{}'}}}}}}", "x".repeat(4060));
    let found = Fixture::new().dev(&format!("extends: base\nclass: development\n{text}\n")).wrong("dev");
    assert!(found[0].contains("environment: the variables of get-thing take"), "{found:?}");
}

#[test]
fn circles_and_missing_files_of_extends_are_refused() {
    let fixture = Fixture::new().dev("extends: bsae\nclass: development\n");
    assert_eq!(
        fixture.wrong("dev"),
        ["environments/dev.yaml:1 unknown-extends: no file environments/bsae.yaml (did you mean \"base\"?)"]
    );
    let fixture = Fixture::new();
    fixture.write("environments/base.yaml", "extends: dev\n");
    assert_eq!(
        fixture.wrong("dev"),
        [
            "environments/base.yaml:1 circular-extends: the files extend each other in a circle, back to \"dev\""
        ]
    );
    let fixture = Fixture::new().dev("extends: ../../etc/passwd\nclass: development\n");
    assert!(fixture.wrong("dev")[0].contains("unknown-extends"));
}

#[test]
fn a_file_over_64_kib_or_not_utf_8_is_refused() {
    let fixture = Fixture::new().dev(&format!("# {}\n", "x".repeat(64 * 1024)));
    assert!(fixture.wrong("dev")[0].contains("at most 65536 are read"));
    let fixture = Fixture::new();
    std::fs::write(fixture.root().join("environments/dev.yaml"), b"extends: base\nclass: \xff\n").unwrap();
    assert!(fixture.wrong("dev")[0].contains("line 2 is not UTF-8"));
}

#[test]
fn what_a_crate_says_wrong_is_shown_with_its_line() {
    let head = "[package.metadata.deployer]\n";
    let cases = [
        ("route = [\"GET thing\"]", "6 route: \"GET thing\" is not a route: the path starts with /"),
        ("route = \"GET /a\"", "6 wrong-type: route is a list of texts such as [\"GET /user/profile\"]"),
        (
            "trigger = \"PostConfirm\"",
            "6 trigger: \"PostConfirm\" is not a Cognito trigger (did you mean \
          \"PostConfirmation\"?)",
        ),
        ("rout = [\"GET /a\"]", "6 unknown-key: unknown key \"rout\" (did you mean \"route\"?)"),
        ("public = true", "5 no-event: nothing ever calls this function"),
        (
            "route = [\"GET /a\"]\ntrigger = \"PreSignUp\"",
            "7 two-events: a function answers routes or a trigger",
        ),
        (
            "route = [\"GET /thing/{name}\"]",
            "6 two-on-one-route: GET /thing/{name} is answered by get-thing already",
        ),
        (
            "route = [\"GET /a\"]\n[package.metadata.deployer.grants]\nthing = [\"dynamodb:GetItem\"]",
            "8 unknown-table: the stage has no table \"thing\" (did you mean \"things\"?)",
        ),
        (
            "route = [\"GET /a\"]\n[package.metadata.deployer.grants]\n\"things/index/by\" = [\"dynamodb:Query\"]",
            "8 unknown-index: the table things has no index \"by\" (known are by-owner)",
        ),
        (
            "route = [\"GET /a\"]\n[package.metadata.deployer.grants]\nthings = [\"dynamodb:*\"]",
            "8 action: \"dynamodb:*\" cannot be granted on a table (name each action",
        ),
        (
            "route = [\"GET /a\"]\n[package.metadata.deployer.grants]\nthings = []",
            "8 wrong-type: things is granted a list",
        ),
        ("route = [\"GET /a\"]\n[package.metadata.lambda.deploy]\nmemory = 1", "8 memory: other has 1 MB"),
        (
            "route = [\"GET /a\"]\n[package.metadata.lambda.deploy]\nmemroy = 512",
            "8 unknown-key: unknown key \"memroy\" (did you mean memory?)",
        ),
    ];
    for (text, expected) in cases {
        let found = Fixture::new().function("other", &format!("{head}{text}\n")).wrong("dev");
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        let line = found[0].strip_prefix("functions/other/Cargo.toml:").unwrap_or(&found[0]);
        assert!(line.starts_with(expected), "{text}: {line}");
    }
}

#[test]
fn a_binary_under_functions_must_say_what_it_is() {
    let found = Fixture::new().function("other", "").wrong("dev");
    assert!(found[0].contains("undescribed-function: other"), "{found:?}");
}

#[test]
fn two_functions_on_one_trigger_are_refused_until_the_stage_leaves_one_out() {
    let about = "[package.metadata.deployer]\ntrigger = \"PostConfirmation\"\n";
    let fixture = Fixture::new().function("confirm-a", about).function("confirm-b", about);
    assert_eq!(
        fixture.wrong("dev"),
        [
            "functions/confirm-b/Cargo.toml:6 two-on-one-trigger: PostConfirmation is handled by confirm-a already \
          (leave one out of the stage: functions: {confirm-a: {enabled: false}})"
        ]
    );
    let fixture =
        fixture.dev("extends: base\nclass: development\nfunctions: {confirm-a: {enabled: false}}\n");
    assert_eq!(fixture.load("dev").unwrap().functions.len(), 2);
}

#[test]
fn names_past_their_limits_are_found_before_anything_runs() {
    let name = "a".repeat(60);
    let found = Fixture::new().function(&name, ABOUT.replace("thing/", "other/").as_str()).wrong("dev");
    assert!(found[0].contains("function-name") && found[0].contains("69 characters"), "{found:?}");
}

#[test]
fn two_names_that_are_one_logical_id_are_refused() {
    let about = |path: &str| format!("[package.metadata.deployer]\nroute = [\"GET /{path}\"]\n");
    let found = Fixture::new().function("a-b", &about("x")).function("a_b", &about("y")).wrong("dev");
    assert!(found[0].contains("similar-names: a_b and a-b"), "{found:?}");
}

#[test]
fn all_mistakes_are_reported_together() {
    let text = "extends: base\nclass: development\nttl: 1h\nfunctions:\n  a: {}\n  get-thing: {memory: 1, timeout: 0}\n";
    assert_eq!(Fixture::new().dev(text).wrong("dev").len(), 4);
}

#[test]
fn a_domain_prefix_is_legal_and_differs_by_account_region_and_stage() {
    let fixture = Fixture::new();
    fixture.write(
        "environments/base.yaml",
        &BASE.replace("service: shop", "service: awesome-cognito-amazawson-shop"),
    );
    let account = "111111111111".parse().unwrap();
    let region = "eu-west-1".parse().unwrap();
    let prefix = fixture.load("dev").unwrap().domain_prefix(&account, &region);
    assert!(prefix.len() <= 63, "{prefix}");
    assert!(!["aws", "amazon", "cognito"].iter().any(|word| prefix.contains(word)), "{prefix}");
    assert!(!prefix.starts_with('-') && !prefix.ends_with('-'), "{prefix}");
    let others = [
        fixture.load("pr-1").unwrap().domain_prefix(&account, &region),
        fixture.load("dev").unwrap().domain_prefix(&"222222222222".parse().unwrap(), &region),
        fixture.load("dev").unwrap().domain_prefix(&account, &"eu-west-2".parse().unwrap()),
    ];
    assert!(!others.contains(&prefix));
}

#[test]
fn the_repositorys_own_stages_load() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for stage in ["local", "dev", "staging", "prod", "pr-123"] {
        let project = Project::load(&root, stage).unwrap_or_else(|error| panic!("{:?}", lines(&error)));
        assert_eq!(project.service.as_str(), "profile-service");
    }
}
