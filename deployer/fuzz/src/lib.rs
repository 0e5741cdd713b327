//! What the fuzz targets do with a handful of bytes: nothing may panic, hang, or slip past what it
//! must hold. `tests/fuzz.rs` does the same with random bytes in the ordinary tests.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use deployer::aws::{Aws, Settings, StackStatus};
use deployer::project::{self, Project};
use deployer::template;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Above the crate that this file is built into: the targets' own, or the deployer's tests.
fn repository() -> PathBuf {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    above.map(Path::to_owned).find(|folder| folder.join("environments/base.yaml").is_file()).unwrap()
}

/// Valid text of any bytes, cut at each 0xFF into at least `least` pieces.
fn texts(bytes: &[u8], least: usize) -> Vec<String> {
    let mut texts: Vec<String> =
        bytes.split(|byte| *byte == 0xFF).map(|piece| String::from_utf8_lossy(piece).into_owned()).collect();
    texts.resize(texts.len().max(least), String::new());
    texts
}

/// A project whose stage `dev` is any bytes.
pub struct Environment(tempfile::TempDir);

impl Environment {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("environments")).unwrap();
        std::fs::write(folder.path().join("Cargo.toml"), "[workspace]\nmembers = []\n").unwrap();
        let base = repository().join("environments/base.yaml");
        std::fs::copy(base, folder.path().join("environments/base.yaml")).unwrap();
        Self(folder)
    }

    /// A file that can be read at all goes on to the checks of a whole project.
    pub fn try_bytes(&self, bytes: &[u8]) {
        std::fs::write(self.0.path().join("environments/dev.yaml"), bytes).unwrap();
        match project::stages(self.0.path()) {
            Ok(_) => drop(Project::load(self.0.path(), "dev").map_err(|error| format!("{error:?}"))),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// The repository's own `dev` stage, with any text wherever a person may write some.
pub struct Values {
    project: Project,
    resources: Vec<String>,
}

impl Values {
    pub fn new() -> Self {
        let project = Project::load(&repository(), "dev").unwrap();
        let resources = names(&template::render(&project).unwrap());
        Self { project, resources }
    }

    /// A template comes out with exactly the resources that its fragments declare, or none does.
    pub fn try_bytes(&self, bytes: &[u8]) {
        let texts = texts(bytes, 4);
        let mut project = self.project.clone();
        project.user_pool.callback_urls = vec![texts[0].clone()];
        project.http_api.cors_origins = vec![texts[1].clone()];
        project.tags.insert("owner".to_owned(), texts[2].clone());
        for (function, text) in project.functions.iter_mut().zip(texts.iter().cycle().skip(2)) {
            function.description = Some(text.clone());
            function.environment.insert("TEXT".to_owned(), texts[3].clone());
        }
        if let Ok(template) = template::render(&project) {
            assert_eq!(names(&template), self.resources);
        }
    }
}

fn names(template: &template::Template) -> Vec<String> {
    template.resources.keys().map(ToString::to_string).collect()
}

/// A server that answers whatever it is told, and a client of it.
pub struct Answers {
    runtime: tokio::runtime::Runtime,
    aws: Aws,
    answer: Arc<Mutex<(u16, Vec<u8>)>>,
}

impl Answers {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = Arc::new(Mutex::new((400, Vec::new())));
        let told = Arc::clone(&answer);
        let aws = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let endpoint = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(serve(client, Arc::clone(&told)));
                }
            });
            let settings =
                Settings { region: Some("us-east-1".to_owned()), endpoint: Some(endpoint), embedded: true };
            Aws::connect(&settings).await.unwrap()
        });
        Self { runtime, aws, answer }
    }

    /// The bytes as an error's body, then their texts as the values of each answer that is read. (An
    /// answer that is no XML is asked for again with growing pauses, which would only be slow here.)
    pub fn try_bytes(&self, bytes: &[u8]) {
        let texts: Vec<String> = texts(bytes, 8).iter().map(|text| escaped(text)).collect();
        let tell = |status, body: Vec<u8>| *self.answer.lock().unwrap() = (status, body);
        self.runtime.block_on(async {
            tell(400, bytes.to_vec());
            drop(self.aws.stack("s").await);
            tell(400, error(&texts).into_bytes());
            drop(self.aws.template("s").await);
            tell(200, stack(&texts).into_bytes());
            let stack = self.aws.stack("s").await.unwrap().unwrap();
            assert_eq!(stack.status, StackStatus::parse(stack.status.as_str()));
            tell(200, events(&texts).into_bytes());
            let (events, next) = self.aws.events_page("s", None).await.unwrap();
            assert_eq!((events.len(), next.as_deref()), (2, Some("next")));
            self.aws.events_page("s", next).await.expect_err("a page that leads back to itself");
            tell(200, resources(&texts).into_bytes());
            drop(self.aws.resources("s").await);
            tell(200, change_set(&texts).into_bytes());
            self.aws.change_set("c", "s").await.expect_err("a page that leads back to itself");
        });
    }
}

async fn serve(mut client: TcpStream, told: Arc<Mutex<(u16, Vec<u8>)>>) {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            // The client is done with the connection.
            let Ok(byte) = client.read_u8().await else { return };
            head.push(byte);
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
        client.read_exact(&mut body).await.unwrap();
        let (status, body) = told.lock().unwrap().clone();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        client.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
    }
}

/// As XML's text; what XML cannot say at all is left out.
fn escaped(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() && !matches!(c, '\u{FFFE}' | '\u{FFFF}'))
        .map(|c| match c {
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '&' => "&amp;".to_owned(),
            other => other.to_string(),
        })
        .collect()
}

fn answer(operation: &str, result: &str) -> String {
    format!(
        "<{operation}Response xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
         <{operation}Result>{result}</{operation}Result></{operation}Response>"
    )
}

fn error(texts: &[String]) -> String {
    format!(
        "<ErrorResponse><Error><Code>{}</Code><Message>{}</Message></Error></ErrorResponse>",
        texts[0], texts[1]
    )
}

fn stack(texts: &[String]) -> String {
    let [id, name, status, reason, key, value, ..] = texts else { return String::new() };
    answer(
        "DescribeStacks",
        &format!(
            "<Stacks><member><StackId>{id}</StackId><StackName>{name}</StackName>\
             <StackStatus>{status}</StackStatus><StackStatusReason>{reason}</StackStatusReason>\
             <CreationTime>9999-12-31T23:59:59Z</CreationTime>\
             <Tags><member><Key>{key}</Key><Value>{value}</Value></member><member/></Tags>\
             <Outputs><member><OutputKey>{key}</OutputKey></member></Outputs></member></Stacks>"
        ),
    )
}

fn events(texts: &[String]) -> String {
    let [id, logical, physical, status, reason, hook, ..] = texts else { return String::new() };
    answer(
        "DescribeStackEvents",
        &format!(
            "<StackEvents><member><StackId>{id}</StackId><EventId>{id}</EventId><StackName>{id}</StackName>\
             <LogicalResourceId>{logical}</LogicalResourceId><PhysicalResourceId>{physical}</PhysicalResourceId>\
             <ResourceType>{hook}</ResourceType><Timestamp>0001-01-01T00:00:00Z</Timestamp>\
             <ResourceStatus>{status}</ResourceStatus><ResourceStatusReason>{reason}</ResourceStatusReason>\
             <HookStatus>{hook}</HookStatus></member><member/></StackEvents><NextToken>next</NextToken>"
        ),
    )
}

fn resources(texts: &[String]) -> String {
    let [logical, physical, kind, status, ..] = texts else { return String::new() };
    answer(
        "ListStackResources",
        &format!(
            "<StackResourceSummaries><member><LogicalResourceId>{logical}</LogicalResourceId>\
             <PhysicalResourceId>{physical}</PhysicalResourceId><ResourceType>{kind}</ResourceType>\
             <ResourceStatus>{status}</ResourceStatus></member><member/></StackResourceSummaries>\
             <NextToken>next</NextToken>"
        ),
    )
}

fn change_set(texts: &[String]) -> String {
    let [status, execution, reason, action, logical, kind, name, value, ..] = texts else {
        return String::new();
    };
    answer(
        "DescribeChangeSet",
        &format!(
            "<Status>{status}</Status><ExecutionStatus>{execution}</ExecutionStatus>\
             <StatusReason>{reason}</StatusReason><Changes><member><Type>Resource</Type><ResourceChange>\
             <Action>{action}</Action><LogicalResourceId>{logical}</LogicalResourceId>\
             <ResourceType>{kind}</ResourceType><Replacement>{kind}</Replacement><Details><member><Target>\
             <Attribute>{name}</Attribute><Name>{name}</Name><BeforeValue>{value}</BeforeValue>\
             <RequiresRecreation>{kind}</RequiresRecreation></Target></member><member/></Details>\
             </ResourceChange></member><member/></Changes><NextToken>next</NextToken>"
        ),
    )
}
