//! The repository's own fragments, whole and broken.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;

use crate::project::Project;
use crate::project::tests::{Fixture, lines};
use crate::project::yaml::{self, Node, Value};

use super::findings_tests::wrong;
use super::{Template, render};

fn own(stage: &str) -> Template {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let project = Project::load(&root, stage).unwrap_or_else(|error| panic!("{:?}", lines(&error)));
    let template = render(&project).unwrap_or_else(|error| panic!("{:?}", lines(&error)));
    assert_eq!(template.findings, []);
    template
}

/// The part of a template's text below a line.
fn part<'a>(template: &'a Template, head: &str) -> &'a str {
    let start = template.body.find(&format!("\n{head}\n")).unwrap_or_else(|| panic!("no {head}")) + 1;
    let indent = head.len() - head.trim_start().len();
    let rest = &template.body[start + head.len() + 1..];
    let end = rest
        .match_indices('\n')
        .map(|(at, _)| at + 1)
        .find(|at| {
            let line = &rest[*at..];
            !line.starts_with(&" ".repeat(indent + 1))
                && !line.starts_with(&format!("{}- ", " ".repeat(indent)))
        })
        .unwrap_or(rest.len());
    &template.body[start..start + head.len() + 1 + end]
}

#[test]
fn a_table_is_protected_as_its_class_says() {
    let text = ["local", "dev", "prod"].map(|stage| {
        let template = own(stage);
        let table = part(&template, "  ProfilesTable:");
        let end = table.find("      AttributeDefinitions").unwrap();
        let start = table.find("      DeletionProtectionEnabled").unwrap();
        format!("{stage}\n{}{}", &table[..end], &table[start..])
    });
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn a_user_pool_is_protected_as_its_class_says() {
    let text = ["local", "dev", "prod"].map(|stage| {
        let template = own(stage);
        let pool = part(&template, "  UserPool:");
        let kept = [
            "DeletionPolicy",
            "UpdateReplacePolicy",
            "MfaConfiguration",
            "MinimumLength",
            "DeletionProtection",
        ];
        let kept: Vec<&str> =
            pool.lines().filter(|line| kept.iter().any(|key| line.trim().starts_with(key))).collect();
        format!("{stage}\n{}", kept.join("\n"))
    });
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn logs_are_kept_as_long_as_the_class_says() {
    for (stage, days, key) in [("local", 3, false), ("dev", 30, false), ("prod", 365, true)] {
        let template = own(stage);
        let group = part(&template, "  GetProfileLogGroup:");
        assert!(group.contains(&format!("RetentionInDays: {days}\n")), "{group}");
        assert_eq!(group.contains("KmsKeyId: !GetAtt DataKey.Arn"), key, "{group}");
    }
}

#[test]
fn a_role_grants_the_log_and_what_the_crate_is_granted_and_no_more() {
    insta::assert_snapshot!(part(&own("dev"), "  GetProfileRole:"));
}

#[test]
fn a_trigger_names_the_pool_in_its_permission_alone() {
    let template = own("dev");
    assert!(!part(&template, "  PostConfirmationRole:").contains("UserPool"));
    assert!(!part(&template, "  PostConfirmationFunction:").contains("UserPool"));
    insta::assert_snapshot!(part(&template, "  PostConfirmationPermission:"));
}

#[test]
fn rights_of_a_trigger_over_the_pool_stand_apart_from_its_role() {
    let about = "[package.metadata.deployer]\ntrigger = \"PostConfirmation\"\n\
                 [package.metadata.deployer.grants]\nuser_pool = [\"cognito-idp:AdminGetUser\"]\n";
    let fixture = Fixture::new().function("confirm", about).templates();
    let template = render(&fixture.load("dev").unwrap()).unwrap();
    insta::assert_snapshot!(part(&template, "  ConfirmUserPoolPolicy:"));
    assert!(!part(&template, "  ConfirmFunction:").contains("UserPool"));
}

#[test]
fn a_grant_on_an_index_names_the_index_alone() {
    let about = "[package.metadata.deployer]\nroute = [\"GET /list\"]\n\
                 [package.metadata.deployer.grants]\n\"things/index/by-owner\" = [\"dynamodb:Query\"]\n";
    let fixture = Fixture::new().function("list", about).templates();
    let template = render(&fixture.load("dev").unwrap()).unwrap();
    let role = part(&template, "  ListRole:");
    assert!(role.contains("Resource: !Sub \"${ThingsTable.Arn}/index/by-owner\""), "{role}");
    assert!(!role.contains("ThingsTable.Arn\n"), "{role}");
    assert!(part(&template, "  ListFunction:").contains("TABLE_THINGS: !Ref ThingsTable"));
}

#[test]
fn a_route_is_open_only_where_its_crate_says_so() {
    let about = "[package.metadata.deployer]\nroute = [\"GET /health\"]\npublic = true\n";
    let fixture = Fixture::new().function("health", about).templates();
    let template = render(&fixture.load("dev").unwrap()).unwrap();
    assert!(part(&template, "  GetHealthRoute:").contains("AuthorizationType: NONE"));
    assert!(part(&template, "  GetThingIdRoute:").contains("AuthorizationType: JWT"));
}

#[test]
fn every_role_has_the_boundary_that_the_stage_names_and_a_path_of_its_own() {
    let edit = |value: &str| {
        let text = format!("deployment: {{permissions_boundary: '{value}'}}\nclass: ");
        Fixture::new().templates().edit("environments/dev.yaml", "class: ", &text)
    };
    let named = render(&edit("limits").load("dev").unwrap()).unwrap();
    let role = part(&named, "  GetThingRole:");
    let by_name = r#"PermissionsBoundary: !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/limits""#;
    assert!(role.contains(by_name), "{role}");
    assert!(role.contains("Path: \"/shop-dev/\""), "{role}");
    let arn = "arn:aws:iam::012345678901:policy/limits";
    let by_arn = render(&edit(arn).load("dev").unwrap()).unwrap();
    assert!(part(&by_arn, "  GetThingRole:").contains(&format!("PermissionsBoundary: !Sub \"{arn}\"")));
}

#[test]
fn the_outputs_are_those_that_people_and_front_ends_use() {
    let template = own("local");
    let names: Vec<&str> = template.outputs.keys().map(String::as_str).collect();
    assert_eq!(names, ["ApiUrl", "UserPoolId", "UserPoolClientId", "HostedSignInUrl", "TableProfiles"]);
    assert!(template.body.contains("&redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fcallback\""));
}

#[test]
fn the_parameters_are_those_that_up_fills() {
    let names = |stage| own(stage).parameters.keys().cloned().collect::<Vec<_>>();
    let code = ["GetProfileCodeKey", "PostConfirmationCodeKey", "PutProfileCodeKey", "UpdateAccountCodeKey"];
    assert_eq!(names("local"), [&["ArtifactBucket", "DomainPrefix", "SignInOrigin"][..], &code].concat());
    let protected = ["ArtifactBucket", "DeletionProtection", "DomainPrefix", "SignInOrigin"];
    assert_eq!(names("dev"), [&protected[..], &code].concat());
    assert_eq!(own("dev").parameters["DeletionProtection"].default.as_deref(), Some("false"));
}

#[test]
fn the_same_project_gives_the_same_bytes() {
    assert_eq!(own("prod").body, own("prod").body);
}

#[test]
fn a_resource_and_its_properties_know_their_line() {
    let template = own("dev");
    let text = include_str!("../../../templates/function/function.yaml.j2");
    let at = |property| {
        let place = template.origin("GetProfileFunction", property).unwrap();
        assert_eq!(place.file(), Path::new("templates/function/function.yaml.j2"));
        text.lines().nth(place.line() - 1).unwrap().trim()
    };
    assert_eq!(at(None), "{{ function.logical_id | id }}:");
    assert_eq!(at(Some("MemorySize")), "MemorySize: {{ function.memory | yaml }}");
    assert_eq!(at(Some("LoggingConfig.LogGroup")), "LogGroup: !Ref {{ function.log_group_logical_id | id }}");
    assert_eq!(at(Some("LoggingConfig.Other")), "LoggingConfig:");
    assert_eq!(at(Some("Properties.Environment.Variables.USER_POOL_ID")), "USER_POOL_ID: !Ref UserPool");
    assert!(template.origin("Nothing", None).is_none());
}

#[test]
fn mistakes_in_a_fragment_are_shown_with_their_line() {
    let cases = [
        ("A: {{ stack_name }}", "2 fragment: a value without a filter"),
        ("A: {{ missing | yaml }}", "2 fragment: "),
        ("{% if %}", "2 fragment: "),
        ("A: [", "2 fragment-yaml: "),
        (
            "A: {Type: T}\n  A: {Type: T}",
            "3 fragment-yaml: the key \"A\" is written twice (it is first written in line 2)",
        ),
        (
            "UserPool: {Type: T}",
            "2 duplicate-name: UserPool is declared twice (UserPool is declared in \
          templates/user-pool.yaml.j2, line 10 already)",
        ),
        (
            "A: {Type: T, Propertys: {}}",
            "2 unknown-attribute: a resource has no \"Propertys\" (did you mean Properties?)",
        ),
        ("A: {Properties: {}}", "2 resource-type: A has no Type"),
        (
            "A: {Type: T, Properties: {B: !Ref UserPol}}",
            "2 unknown-reference: no resource or parameter \"UserPol\" (did \
          you mean UserPool?)",
        ),
        ("A: {Type: T, Properties: {B: !GetAtt Api.Arn}}", "2 unknown-reference: no resource \"Api\""),
        (
            "A: {Type: T, Properties: {B: !Sub '${Nothing.Arn}'}}",
            "2 unknown-reference: no resource \"Nothing\"",
        ),
        ("A: {Type: T, Properties: {B: !If [C, 1, 2]}}", "2 unknown-reference: Conditions has no \"C\""),
        (
            "A: {Type: T, Properties: {B: !Subb x}}",
            "2 intrinsic: there is no intrinsic function \"Subb\" (did you mean !Sub?)",
        ),
        ("A: {Type: T, DependsOn: B}", "2 unknown-reference: no resource \"B\""),
        (
            "A: {Type: T, DependsOn: B}\n  B: {Type: T, DependsOn: A}",
            "2 circle: these wait for each other: A -> B -> A",
        ),
        ("A: {Type: T, Properties: {B: 'x\n    y'}}", "2 long-text: a text over several lines"),
        ("{{ stack_name | yaml }}: {Type: T}", "2 undeclared-name: shop-dev is not declared by the fragment"),
        ("A-B: {Type: T}", "2 logical-id: \"A-B\" is not a logical id"),
    ];
    for (text, expected) in cases {
        let fixture = Fixture::new().templates();
        fixture.write("templates/z.yaml.j2", &format!("Resources:\n  {text}\n"));
        let found = wrong(&fixture);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        let line = found[0].strip_prefix("templates/z.yaml.j2:").unwrap_or(&found[0]);
        assert!(line.starts_with(expected), "{text}: {line}");
    }
    let fixture = Fixture::new().templates();
    fixture.write("templates/z.yaml.j2", "Transform: x\n");
    assert!(wrong(&fixture)[0].contains("1 unknown-section: the section \"Transform\""));
}

#[test]
fn an_output_has_a_value_and_nothing_unknown() {
    const API: &str = "templates/http-api.yaml.j2";
    let fixture = Fixture::new().templates().edit(API, "Value: !GetAtt HttpApi.ApiEndpoint", "Vale: x");
    let found = wrong(&fixture);
    assert!(found.iter().any(|one| one.contains("the output ApiUrl has no Value")), "{found:?}");
    assert!(
        found.iter().any(|one| one.contains("an output has no \"Vale\" (did you mean Value?)")),
        "{found:?}"
    );
}

#[test]
fn a_line_inside_loops_and_conditions_is_the_fragments_own() {
    let fixture = Fixture::new()
        .templates()
        .function("other", "[package.metadata.deployer]\nroute = [\"GET /a\", \"GET /b\"]\n");
    let fixture =
        fixture.edit("templates/function/routes.yaml.j2", "!Ref JwtAuthorizer", "!Ref JwtAuthoriser");
    let text = std::fs::read_to_string(fixture.root().join("templates/function/routes.yaml.j2")).unwrap();
    let line = 1 + text.lines().position(|line| line.contains("JwtAuthoriser")).unwrap();
    let found = wrong(&fixture);
    assert_eq!(found.len(), 3, "{found:?}");
    let expected =
        format!("templates/function/routes.yaml.j2:{line} unknown-reference: no resource or parameter");
    assert!(found.iter().all(|problem| problem.starts_with(&expected)), "{found:?}");
}

/// Structure, tags and names of a template, without the texts that differ.
fn shape(node: &Node) -> String {
    let tag = node.tag.as_deref().unwrap_or_default();
    match &node.value {
        Value::Scalar { quoted, .. } => format!("{tag}{quoted}"),
        Value::Sequence(items) => format!("{tag}[{}]", items.iter().map(shape).collect::<Vec<_>>().join(",")),
        Value::Mapping(entries) => {
            let entries = entries.iter().map(|(key, entry)| format!("{key}:{}", shape(&entry.node)));
            format!("{tag}{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
    }
}

/// A project with these texts wherever free text may stand, past every rule of the files.
fn rendered_with(project: &Project, texts: &[String; 4]) -> Result<Template, super::Error> {
    let mut project = project.clone();
    let [description, value, url, origin] = texts;
    project.functions[0].description = Some(description.clone());
    project.functions[0].environment.insert("LEVEL".to_owned(), value.clone());
    project.user_pool.callback_urls = vec![url.clone(), value.clone()];
    project.user_pool.logout_urls = vec![url.clone()];
    project.http_api.cors_origins = vec![origin.clone()];
    project.tables[0].partition_key = value.clone();
    render(&project)
}

fn nasty() -> impl Strategy<Value = String> {
    let known = [
        "a\nResources:\n  Evil:\n    Type: AWS::IAM::User",
        "\"\n  Evil:\n    Type: AWS::IAM::User\n  x: \"",
        "' # !Sub ${AWS::AccountId}",
        "!Sub ${UserPool}",
        "{{ stack_name }} {% raw %} {# #}",
        "x #@1",
        "\\\" \\n \\",
        "{a: b} [c] & * > | % @ `",
        "\u{2028}\u{85}\u{feff}\u{0}\u{1b}é🎉\r\n\t",
        "- a",
        "null",
        "0123",
        "",
    ];
    prop_oneof![
        prop::sample::select(known.to_vec()).prop_map(str::to_owned),
        "[ -~\\n\\t\"'\\\\{}\\[\\]#!&*$:%é\u{2028}🎉]{0,40}",
        any::<String>(),
    ]
}

/// One project for all cases, since `cargo metadata` is the slow part, and the shape that its
/// template has.
struct Harmless {
    project: Project,
    shape: String,
    _files: Fixture,
}

static HARMLESS: LazyLock<Harmless> = LazyLock::new(|| {
    let files = Fixture::new().templates();
    let project = files.load("dev").unwrap();
    let template = rendered_with(&project, &["a", "b", "c", "d"].map(str::to_owned)).unwrap();
    Harmless { project, shape: shape(&yaml::parse(&template.body).unwrap()), _files: files }
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_changes_the_shape_of_a_template(texts in [nasty(), nasty(), nasty(), nasty()]) {
        // CloudFormation would resolve it wherever it stands: that one is refused, see `quoting`.
        prop_assume!(texts.iter().all(|text| !text.contains("{{resolve:")));
        // The origins of CORS are refused when they hold a star, which is not what is tried here.
        prop_assume!(!texts[3].contains('*'));
        // An empty description is none.
        prop_assume!(!texts[0].is_empty());
        let template = rendered_with(&HARMLESS.project, &texts)
            .map_err(|error| TestCaseError::fail(format!("{:?}", lines(&error))))?;
        let tree = yaml::parse(&template.body)
            .map_err(|error| TestCaseError::fail(format!("{error}\n{}", template.body)))?;
        prop_assert!(shape(&tree) == HARMLESS.shape, "{}", template.body);
        let function = tree.at(&["Resources", "GetThingFunction", "Properties"]).unwrap();
        prop_assert_eq!(function.get("Description").and_then(Node::text), Some(texts[0].as_str()));
        let level = function.at(&["Environment", "Variables", "LEVEL"]).and_then(Node::text);
        prop_assert_eq!(level, Some(texts[1].as_str()));
    }
}
