//! What a stage with a `database` gets, as the repository's own fragments say it.

use crate::project::tests::{Fixture, lines};

use super::{Template, render};

const ABOUT: &str = "[package.metadata.lambda.deploy]\ntimeout = 60\n\n[package.metadata.deployer]\n\
    trigger = \"PostConfirmation\"\nmigrations = \"migrations\"\n\n[package.metadata.deployer.grants]\n\
    database = [\"secretsmanager:GetSecretValue\"]\n";

const NETWORK: &str = "  subnets: [subnet-0a1b2c3d, subnet-0a1b2c3e]\n  security_groups: [sg-0a1b2c3d]\n";

fn of(database: &str) -> Template {
    let dev = format!("extends: base\nclass: development\ndatabase:\n  ca: ca.pem\n{database}");
    let fixture = Fixture::new().function("confirm", ABOUT).templates().dev(&dev);
    fixture.write("ca.pem", "-----BEGIN CERTIFICATE-----\n");
    fixture.write("functions/confirm/migrations/0001_users.sql", "select 1");
    let project = fixture.load("dev").unwrap_or_else(|error| panic!("{:?}", lines(&error)));
    render(&project).unwrap_or_else(|error| panic!("{:?}", lines(&error)))
}

/// The lines of the resource `id`.
fn resource(template: &Template, id: &str) -> String {
    let lines = template.body.lines().skip_while(|line| *line != format!("  {id}:"));
    let rest = lines.skip(1).take_while(|line| line.starts_with("    "));
    rest.map(|line| format!("{line}\n")).collect()
}

#[test]
fn outside_a_vpc_a_function_may_read_the_one_secret_and_nothing_of_any_network() {
    let template = of("  secret: shop/database\n");
    let role = resource(&template, "ConfirmRole");
    let secret =
        "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:shop/database-??????";
    assert!(role.contains(secret), "{role}");
    assert!(!role.contains("ec2:") && !role.contains("kms:"), "{role}");
    let function = resource(&template, "ConfirmFunction");
    assert!(!function.contains("VpcConfig"), "{function}");
    assert!(function.contains("DATABASE_SECRET: \"shop/database\"\n"), "{function}");
    assert!(function.contains("DATABASE_SCHEMA: \"shop_dev\"\n"), "{function}");
    assert!(!template.body.contains("AWS::EC2::"));
}

#[test]
fn only_the_function_with_the_grant_is_taken_into_the_vpc() {
    let template = of(&format!("  secret: shop/database\n{NETWORK}"));
    let function = resource(&template, "GetThingFunction");
    assert!(!function.contains("VpcConfig") && !function.contains("DATABASE_"), "{function}");
    assert!(!resource(&template, "GetThingRole").contains("ec2:"));
    assert!(!template.body.contains("AWS::EC2::"), "the endpoint is the user's");
}

#[test]
fn in_a_vpc_lambda_gets_the_rights_over_network_interfaces_and_the_code_does_not() {
    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop-AbC123";
    let key = "arn:aws:kms:eu-central-1:123456789012:key/1-2";
    let template =
        of(&format!("  secret: {arn}\n  kms_key: {key}\n  secrets_endpoint: vpc-0a1b2c3d\n{NETWORK}"));
    assert_eq!(template.findings, Vec::new(), "its rights are those that Lambda documents");
    let role = resource(&template, "ConfirmRole");
    let statements = &role[role.find(arn).unwrap()..];
    let function = resource(&template, "ConfirmFunction");
    let network = &function[function.find("      VpcConfig").unwrap()..];
    let endpoint = resource(&template, "SecretsEndpoint");
    let group = resource(&template, "SecretsEndpointSecurityGroup");
    insta::assert_snapshot!(format!("{statements}\n{network}\n{endpoint}\n{group}"));
}
