//! Who is asked for what: every class of stage, every kind of change, every way to answer, over the wire.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use deployer::aws::{Aws, Settings};
use deployer::deploy::{
    Answer, Approvals, Confirm, Desired, Engine, Interrupt, Outcome, Progress, Question, Reporter, planner,
};
use deployer::project::Class;
use futures::future::BoxFuture;

/// What changes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Nothing,
    Change,
    Widened,
    Loss,
}

/// Who sits there, and what the command line said.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// A person who says yes, or types the stack's name.
    Yes,
    No,
    /// A person who types something else.
    Wrong,
    /// No terminal.
    Nobody,
    /// No terminal, `--yes`.
    FlagYes,
    /// No terminal, `--yes --allow-replace` with the ids in question.
    FlagAllow,
}

use Kind::{Change, Loss, Nothing, Widened};
use Way::{FlagAllow, FlagYes, No, Nobody, Wrong, Yes};

const KINDS: [Kind; 4] = [Nothing, Change, Widened, Loss];
const WAYS: [Way; 6] = [Yes, No, Wrong, Nobody, FlagYes, FlagAllow];

/// The exit code of each cell, written down without the engine: 0 goes on, 9 is refused or declined.
fn expected(class: Class, kind: Kind) -> [u8; 6] {
    match (class, kind) {
        (_, Nothing) | (Class::Ephemeral, _) | (Class::Development, Change) => [0, 0, 0, 0, 0, 0],
        (Class::Development, Widened | Loss) | (Class::Production, Change) => [0, 9, 9, 9, 0, 0],
        // A yes is not enough: the stack's name is typed, or the ids are named.
        (Class::Production, Widened | Loss) => [0, 9, 9, 9, 9, 0],
    }
}

/// How they answer, and what they were told.
struct Person(Way, Mutex<Vec<String>>);

impl Confirm for Person {
    fn confirm<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Answer> {
        self.1.lock().unwrap().extend(question.about.iter().cloned());
        let typed = match self.0 {
            Yes => question.typed.as_deref().unwrap_or("y"),
            No => "n",
            Wrong => "shop-other",
            // As the terminal's own: a question that takes a yes has one by the flag.
            FlagYes | FlagAllow if question.typed.is_none() => "y",
            Nobody | FlagYes | FlagAllow => return Box::pin(async { Answer::NobodyToAsk }),
        };
        let answer = if question.accepts(typed) { Answer::Yes } else { Answer::No };
        Box::pin(async move { answer })
    }
}

fn template(kind: Kind) -> String {
    let days = if kind == Change { 7 } else { 3 };
    let key = if kind == Loss { "id" } else { "pk" };
    let action =
        if kind == Widened { "['dynamodb:GetItem', 'dynamodb:PutItem']" } else { "'dynamodb:GetItem'" };
    format!(
        "Resources:
  Log: {{Type: 'AWS::Logs::LogGroup', Properties: {{RetentionInDays: {days}}}}}
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{{AttributeName: {key}, AttributeType: S}}]
      KeySchema: [{{AttributeName: {key}, KeyType: HASH}}]
  GetRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{Version: '2012-10-17', Statement: [{{Effect: Allow, Principal: {{Service: lambda.amazonaws.com}}, Action: 'sts:AssumeRole'}}]}}
      Policies: [{{PolicyName: grants, PolicyDocument: {{Version: '2012-10-17', Statement: [{{Effect: Allow, Action: {action}, Resource: !GetAtt Orders.Arn}}]}}}}]
"
    )
}

fn desired(class: Class, kind: Kind, stack: &str) -> Desired {
    Desired {
        stack: stack.to_owned(),
        class,
        template: template(kind),
        parameters: BTreeMap::new(),
        tags: BTreeMap::new(),
        protected: false,
        stack_policy: false,
    }
}

/// The outcome, and all that was told: in a question, or as a warning where nothing is asked.
async fn up(aws: &Aws, desired: &Desired, way: Way) -> (Outcome, Vec<String>) {
    let (reporter, mut progress) = Reporter::new();
    let (_interrupting, interrupt) = Interrupt::new();
    let person = Person(way, Mutex::default());
    let engine = Engine {
        aws,
        reporter,
        confirm: &person,
        interrupt,
        patience: Duration::from_secs(20),
        options: planner::Options::default(),
        run: Engine::new_run(),
        commit: Box::new(|| None),
    };
    let approvals = Approvals {
        yes: matches!(way, FlagYes | FlagAllow),
        replace: if way == FlagAllow { vec!["Orders".to_owned(), "GetRole".to_owned()] } else { Vec::new() },
    };
    let outcome = engine.up(desired, None, &approvals).await.unwrap();
    drop(engine);
    let mut told = person.1.into_inner().unwrap();
    while let Some(progress) = progress.recv().await {
        if let Progress::Warning { text } = progress {
            told.push(text);
        }
    }
    (outcome, told)
}

async fn cell(aws: &Aws, class: Class, kind: Kind, way: Way) -> u8 {
    let stack = format!("shop-{}-{kind:?}-{way:?}", class.as_str()).to_lowercase();
    let (made, _) = up(aws, &desired(class, Nothing, &stack), Yes).await;
    assert!(matches!(made, Outcome::Deployed { created: true, .. }), "{made:?}");
    let before = aws.template(&stack).await.unwrap();
    let (outcome, told) = up(aws, &desired(class, kind, &stack), way).await;
    let of_loss = told.iter().filter(|text| text.starts_with("Orders")).count();
    assert_eq!(of_loss, usize::from(kind == Loss), "{class:?} {kind:?} {way:?}: {told:?}");
    let after = aws.template(&stack).await.unwrap();
    match outcome.exit_code() {
        0 => assert_eq!(after.unwrap(), template(kind)),
        _ => {
            assert_eq!(before, after, "{class:?} {kind:?} {way:?}: refused, and changed all the same");
            assert!(aws.change_sets(&stack).await.unwrap().iter().all(|set| !set.executable));
        }
    }
    outcome.exit_code()
}

#[tokio::test]
async fn each_class_asks_for_what_its_row_says_and_for_nothing_else() {
    let cloud = localcloud::start(localcloud::Config::default()).await.unwrap();
    let settings = Settings {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(cloud.endpoint().to_owned()),
        embedded: true,
    };
    let aws = Aws::connect(&settings).await.unwrap();
    let (mut right, mut wrong) = (0, Vec::new());
    for class in [Class::Ephemeral, Class::Development, Class::Production] {
        for kind in KINDS {
            let expected = expected(class, kind);
            let cells = WAYS.map(|way| cell(&aws, class, kind, way));
            let found = futures::future::join_all(cells).await;
            println!("{:<12} {:<8} {found:?}", class.as_str(), format!("{kind:?}"));
            right += found.iter().zip(expected).filter(|(found, expected)| **found == *expected).count();
            if found != expected {
                wrong.push(format!("{class:?} {kind:?}: {found:?}, expected {expected:?}"));
            }
        }
    }
    println!("{right}/72 cells");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    cloud.stop().await;
}
