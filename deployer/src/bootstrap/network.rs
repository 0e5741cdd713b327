//! The network part of the service role: an endpoint in somebody's VPC and its security group, which EC2 tells apart
//! by tags alone.
//!
//! Sources: "Actions, resources, and condition keys for Amazon EC2", Service Authorization Reference; "Grant permission
//! to tag Amazon EC2 resources during creation", EC2 user guide. A call is judged on each resource that it names:
//! where it makes one, the tags of the request are that one's alone.

use serde_json::Value;

use super::scope::Scope;
use super::statements::Where;

const GROUP: &str = "AWS::EC2::SecurityGroup";
const ENDPOINT: &str = "AWS::EC2::VPCEndpoint";

pub(super) fn is_of(kind: &str) -> bool {
    [GROUP, ENDPOINT].contains(&kind)
}

/// Where `action` is allowed for a resource of one of these types.
pub(super) fn places(scope: &Scope, kind: &str, action: &str, properties: &Value) -> Vec<Where> {
    let (all, creates) = if kind == GROUP {
        (scope.arn("ec2", "security-group/*"), "CreateSecurityGroup")
    } else {
        (scope.arn("ec2", "vpc-endpoint/*"), "CreateVpcEndpoint")
    };
    let made = scope.tagged("aws:RequestTag", Where::on([all.clone()]));
    let own = scope.tagged("aws:ResourceTag", Where::on([all]));
    match action {
        "ec2:CreateSecurityGroup" => vec![made, vpc(scope, properties)],
        "ec2:CreateVpcEndpoint" => {
            // A reference stands as what it refers to.
            let service =
                properties["ServiceName"].as_str().filter(|name| name.starts_with("com.amazonaws."));
            let made = match service {
                Some(service) => made.when("StringEquals", "ec2:VpceServiceName", service),
                None => made,
            };
            [vec![made, vpc(scope, properties)], around(scope, properties)].concat()
        }
        "ec2:ModifyVpcEndpoint" => [vec![own], around(scope, properties)].concat(),
        // With what is made, or of what is these stages' already.
        "ec2:CreateTags" => vec![made.when("StringEquals", "ec2:CreateAction", creates), own],
        _ => vec![own],
    }
}

/// What an endpoint is put into: what is named, and of what the template makes itself, all that has the stage's tags.
fn around(scope: &Scope, properties: &Value) -> Vec<Where> {
    let properties = [
        ("subnet", "subnet-", &properties["SubnetIds"]),
        ("route-table", "rtb-", &properties["RouteTableIds"]),
        ("security-group", "sg-", &properties["SecurityGroupIds"]),
    ];
    let mut places = Vec::new();
    for (kind, id, property) in properties {
        let given = property.as_array().into_iter().flatten().map(|value| value.as_str().unwrap_or_default());
        let (ids, made): (Vec<&str>, Vec<&str>) = given.partition(|text| text.starts_with(id));
        if !ids.is_empty() {
            places.push(Where::on(ids.into_iter().map(|id| scope.arn("ec2", &format!("{kind}/{id}")))));
        }
        if !made.is_empty() {
            let all = Where::on([scope.arn("ec2", &format!("{kind}/*"))]);
            places.push(scope.tagged("aws:ResourceTag", all));
        }
    }
    places
}

/// The VPC that is named; any where it is another resource of the template, whose id is not known yet.
fn vpc(scope: &Scope, properties: &Value) -> Where {
    let named = properties["VpcId"].as_str().filter(|text| text.starts_with("vpc-"));
    Where::on([scope.arn("ec2", &format!("vpc/{}", named.unwrap_or("*")))])
}
