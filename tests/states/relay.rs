//! A relay between the engine and the embedded cloud: it remembers each call, and can make the cloud
//! speak of a status that nobody knows.
//!
//! It passes the very bytes on (the signature covers the Host header, which the client wrote for the
//! relay), so that what it remembers is what went over the wire.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// One relay, in front of one cloud.
pub struct Relay {
    address: SocketAddr,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard {
    /// Words of the table, in the order of the calls.
    mutations: Mutex<Vec<String>>,
    /// What DescribeStacks says instead of the stack's status.
    status: Option<&'static str>,
}

impl Relay {
    pub async fn start(upstream: SocketAddr, status: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Heard { status, ..Heard::default() });
        let shared = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let heard = Arc::clone(&shared);
                tokio::spawn(async move {
                    // A client that hangs up ends its connection, nothing else.
                    let _ = pass(client, upstream, &heard).await;
                });
            }
        });
        Self { address, heard }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The mutating calls so far, in the table's words.
    pub fn mutations(&self) -> Vec<String> {
        self.heard.mutations.lock().unwrap().clone()
    }
}

async fn pass(mut client: TcpStream, upstream: SocketAddr, heard: &Heard) -> std::io::Result<()> {
    let mut cloud = TcpStream::connect(upstream).await?;
    loop {
        let (head, body) = message(&mut client).await?;
        let form: BTreeMap<String, String> = fields(&body).collect();
        let action = form.get("Action").cloned();
        if let Some(word) = word(&head, action.as_deref(), &form) {
            heard.mutations.lock().unwrap().push(word);
        }
        cloud.write_all(head.as_bytes()).await?;
        cloud.write_all(&body).await?;
        let (head, body) = message(&mut cloud).await?;
        let (head, body) = match heard.status {
            Some(status) if action.as_deref() == Some("DescribeStacks") => pretend(&head, &body, status),
            _ => (head, body),
        };
        client.write_all(head.as_bytes()).await?;
        client.write_all(&body).await?;
    }
}

/// One HTTP/1.1 message with its body; both sides always say its length.
async fn message(stream: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(str::to_owned))
        .map_or(0, |length| length.trim().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok((head, body))
}

fn pretend(head: &str, body: &[u8], status: &str) -> (String, Vec<u8>) {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let Some((before, rest)) = text.split_once("<StackStatus>") else {
        return (head.to_owned(), body.to_vec());
    };
    let (_, after) = rest.split_once("</StackStatus>").unwrap();
    let body = format!("{before}<StackStatus>{status}</StackStatus>{after}");
    let head: String = head
        .split_inclusive("\r\n")
        .map(|line| {
            if line.to_ascii_lowercase().starts_with("content-length:") {
                format!("content-length: {}\r\n", body.len())
            } else {
                line.to_owned()
            }
        })
        .collect();
    (head, body.into_bytes())
}

/// The fields of a form whose values matter here; nothing that is looked at is percent-encoded.
fn fields(body: &[u8]) -> impl Iterator<Item = (String, String)> {
    let text = String::from_utf8_lossy(body).into_owned();
    let pairs: Vec<_> = text
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    pairs.into_iter()
}

/// The operation that a service speaking JSON is asked for: `x-amz-target: <service>.<operation>`.
fn target(head: &str) -> Option<&str> {
    let header = head.lines().find(|line| line.to_ascii_lowercase().starts_with("x-amz-target:"))?;
    header.rsplit('.').next().map(str::trim)
}

/// The table's word for a call that changes something; none for a read.
fn word(head: &str, action: Option<&str>, form: &BTreeMap<String, String>) -> Option<String> {
    let says = |key: &str, value: &str| form.get(key).is_some_and(|found| found == value);
    let Some(action) = action.or_else(|| target(head)) else {
        let line = head.lines().next().unwrap_or_default();
        return (!line.starts_with("GET ") && !line.starts_with("HEAD ")).then(|| line.to_owned());
    };
    let word = match action {
        _ if ["Describe", "Get", "List"].iter().any(|read| action.starts_with(read)) => return None,
        // Absent, they keep what somebody else set (CreateChangeSet, NotificationARNs); no row of the table has this.
        "CreateChangeSet" if form.keys().any(|key| key.starts_with("NotificationARNs")) => "notify",
        "CreateChangeSet" if says("ChangeSetType", "CREATE") => "create",
        "CreateChangeSet" if says("ChangeSetType", "UPDATE") => "update",
        "ExecuteChangeSet" => "execute",
        "DeleteChangeSet" => "discard",
        "DeleteStack" if form.keys().any(|key| key.starts_with("RetainResources")) => "retain",
        "DeleteStack" => "delete",
        "RollbackStack" => "roll-back",
        "ContinueUpdateRollback" if form.keys().any(|key| key.starts_with("ResourcesToSkip")) => "skip",
        "ContinueUpdateRollback" => "continue",
        "CancelUpdateStack" => "cancel",
        "SetStackPolicy" => "policy",
        "UpdateTerminationProtection" if says("EnableTerminationProtection", "true") => "protect",
        "UpdateTerminationProtection" => "unprotect",
        // What refuses a delete is taken away beside CloudFormation.
        "UpdateTable" | "UpdateUserPool" | "DeleteUserPoolDomain" => "unblock",
        other => other,
    };
    Some(word.to_owned())
}
