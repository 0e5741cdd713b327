//! What a plan tells before anything runs: counted losses, what cannot succeed, and a sealed plan.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use deployer::aws::{Aws, Replacement, Settings};
use deployer::deploy::{
    Answer, Approvals, Confirm, Desired, Engine, Interrupt, Loss, Outcome, Planned, Question, Reporter,
    Review, Sealed, Sealing, planner,
};
use deployer::project::Class;
use futures::future::BoxFuture;

struct Nobody;

impl Confirm for Nobody {
    fn confirm<'a>(&'a self, _question: &'a Question) -> BoxFuture<'a, Answer> {
        Box::pin(async { Answer::NobodyToAsk })
    }
}

struct Bed {
    cloud: localcloud::Running,
    aws: Aws,
}

impl Bed {
    async fn new() -> Self {
        let cloud = localcloud::start(localcloud::Config::default()).await.unwrap();
        let settings = Settings {
            region: Some("us-east-1".to_owned()),
            endpoint: Some(cloud.endpoint().to_owned()),
            embedded: true,
        };
        let aws = Aws::connect(&settings).await.unwrap();
        Self { cloud, aws }
    }

    fn engine(&self) -> Engine<'_> {
        let (_, interrupt) = Interrupt::new();
        Engine {
            aws: &self.aws,
            reporter: Reporter::new().0,
            confirm: &Nobody,
            interrupt,
            patience: Duration::from_secs(20),
            options: planner::Options::default(),
            run: Engine::new_run(),
            commit: Box::new(|| None),
        }
    }

    async fn up(&self, desired: &Desired) -> Outcome {
        self.engine().up(desired, None, &Approvals::default()).await.unwrap()
    }

    async fn plan(&self, desired: &Desired) -> Review {
        match self.engine().plan(desired, "000000000000").await.unwrap() {
            Planned::Changes { create: false, review } => *review,
            other => panic!("{other:?}"),
        }
    }

    async fn physical(&self, id: &str) -> String {
        let resources = self.aws.resources("shop").await.unwrap();
        resources.into_iter().find(|resource| resource.logical_id == id).unwrap().physical_id.unwrap()
    }

    fn config(&self) -> aws_sdk_dynamodb::config::Builder {
        aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(aws_sdk_dynamodb::config::Region::new("us-east-1"))
            .endpoint_url(self.cloud.endpoint())
            .credentials_provider(aws_sdk_dynamodb::config::Credentials::new(
                "test", "test", None, None, "test",
            ))
    }
}

fn desired(template: String) -> Desired {
    Desired {
        stack: "shop".to_owned(),
        class: Class::Ephemeral,
        template,
        parameters: BTreeMap::new(),
        tags: BTreeMap::new(),
        protected: false,
        stack_policy: false,
    }
}

fn table(key: &str, indexes: &[&str]) -> String {
    let attributes: Vec<String> = [&[key][..], indexes]
        .concat()
        .iter()
        .map(|name| format!("{{AttributeName: {name}, AttributeType: S}}"))
        .collect();
    let each: Vec<String> = indexes.iter()
        .map(|name| format!("{{IndexName: {name}, KeySchema: [{{AttributeName: {name}, KeyType: HASH}}], Projection: {{ProjectionType: ALL}}}}"))
        .collect();
    let indexes = if each.is_empty() {
        String::new()
    } else {
        format!("\n      GlobalSecondaryIndexes: [{}]", each.join(", "))
    };
    format!(
        "  Orders:\n    Type: AWS::DynamoDB::Table\n    Properties:\n      BillingMode: PAY_PER_REQUEST\n      \
         AttributeDefinitions: [{}]\n      KeySchema: [{{AttributeName: {key}, KeyType: HASH}}]{indexes}\n",
        attributes.join(", ")
    )
}

const POOL: &str = "  Users:\n    Type: AWS::Cognito::UserPool\n    Properties: {UserPoolName: users, UsernameAttributes: [email]}\n";

#[tokio::test]
async fn what_is_lost_is_counted_live() {
    let bed = Bed::new().await;
    let client =
        "  Client:\n    Type: AWS::Cognito::UserPoolClient\n    Properties: {UserPoolId: !Ref Users}\n";
    bed.up(&desired(format!("Resources:\n{}{POOL}{client}", table("pk", &[])))).await;
    let dynamodb = aws_sdk_dynamodb::Client::from_conf(bed.config().build());
    let name = bed.physical("Orders").await;
    for item in 0..3 {
        let key = aws_sdk_dynamodb::types::AttributeValue::S(item.to_string());
        dynamodb.put_item().table_name(&name).item("pk", key).send().await.unwrap();
    }
    let (pool, client) = (bed.physical("Users").await, bed.physical("Client").await);
    for email in ["ana@example.com", "bea@example.com"] {
        let user = deployer::aws::TestUser { pool: &pool, client: &client, email, password: "Long-enough-1" };
        bed.aws.make_user(&user).await.unwrap();
    }
    let review = bed.plan(&desired(format!("Resources:\n{}", table("id", &[])))).await;
    assert_eq!(Loss::total(&review.approval.losses).as_deref(), Some("this deletes 2 users and 3 items"));
    let texts: Vec<String> = review.approval.losses.iter().map(Loss::text).collect();
    assert!(
        texts.contains(&"Orders is replaced by an empty one, which deletes 3 items".to_owned()),
        "{texts:?}"
    );
    assert!(texts.contains(&"Users is removed, which deletes 2 users".to_owned()), "{texts:?}");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn what_cannot_succeed_is_refused_before_anything_runs() {
    let bed = Bed::new().await;
    let domain = |prefix: &str| {
        format!(
            "  Domain:\n    Type: AWS::Cognito::UserPoolDomain\n    Properties: {{UserPoolId: !Ref Users, Domain: {prefix}}}\n"
        )
    };
    let first = format!("Resources:\n{}{POOL}{}", table("pk", &[]), domain("shop-one"));
    bed.up(&desired(first.clone())).await;
    let events = bed.engine().history("shop").await.unwrap().len();
    for (what, template) in [
        ("GlobalSecondaryIndexes", first.replace(&table("pk", &[]), &table("pk", &["alpha", "beta"]))),
        ("Domain", first.replace("shop-one", "shop-two")),
        ("UsernameAttributes", first.replace("[email]", "[phone_number]")),
    ] {
        let refused = bed.up(&desired(template.clone())).await;
        let Outcome::Impossible { found } = &refused else { panic!("{refused:?}") };
        assert_eq!((found[0].property.as_str(), refused.exit_code()), (what, 2));
        assert!(!found[0].steps.is_empty());
        assert_eq!(bed.plan(&desired(template)).await.impossible[0].property, what);
    }
    assert_eq!(bed.engine().history("shop").await.unwrap().len(), events, "nothing ran");
    assert!(bed.aws.change_sets("shop").await.unwrap().iter().all(|set| !set.executable));
    bed.cloud.stop().await;
}

#[tokio::test]
async fn one_more_index_keeps_the_table_whatever_the_change_set_thinks_possible() {
    let bed = Bed::new().await;
    bed.up(&desired(format!("Resources:\n{}", table("pk", &[])))).await;
    let review = bed.plan(&desired(format!("Resources:\n{}", table("pk", &["alpha"])))).await;
    assert_eq!(review.changes[0].replacement, Replacement::No);
    assert!(review.approval.losses.is_empty() && review.impossible.is_empty());
    let done = bed.up(&desired(format!("Resources:\n{}", table("pk", &["alpha"])))).await;
    assert!(matches!(done, Outcome::Deployed { .. }), "{done:?}");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn a_sealed_plan_fits_until_the_stack_or_the_content_moves() {
    let bed = Bed::new().await;
    let first = desired(format!("Resources:\n{}", table("pk", &[])));
    let next = desired(format!("Resources:\n{}", table("pk", &["alpha"])));
    let seal = async |desired: &Desired| -> Sealed {
        let artifacts = BTreeMap::from([("get".to_owned(), "aa".to_owned())]);
        bed.engine().seal(Sealing { account: "000000000000", desired, artifacts }).await.unwrap()
    };
    let before = seal(&first).await;
    bed.up(&first).await;
    assert!(before.moved(&seal(&first).await).join("").contains("the stack exists by now"));

    let planned = Sealed::parse(&seal(&next).await.to_text().unwrap()).unwrap();
    bed.plan(&next).await;
    assert_eq!(planned.moved(&seal(&next).await), Vec::<String>::new(), "looking moves nothing");
    let other = desired(format!("Resources:\n{}{POOL}", table("pk", &["alpha"])));
    let moved = planned.moved(&seal(&other).await);
    assert_eq!(moved, ["the template's resource Users changed"]);

    bed.up(&desired(format!("Resources:\n{}{POOL}", table("pk", &[])))).await;
    let moved = planned.moved(&seal(&next).await).join("");
    assert!(moved.contains("somebody deployed after the plan"), "{moved}");
    bed.up(&first).await;
    let moved = planned.moved(&seal(&next).await).join("");
    assert!(moved.contains("the stack was updated at"), "there and back is not the same stack: {moved}");
    bed.cloud.stop().await;
}
