//! Lambda over the wire, with real processes: this test binary is the function.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{InvocationType, LogType};
use localcloud::auth::Principal;
use localcloud::lambda::{Invocation, Invoker, invoke};
use localcloud::resource::{Created, Failure, Request};
use localcloud::{Config, Running, start};
use serde_json::{Value, json};

use crate::support::{administrator, cloud};

const REGION: &str = "us-east-1";

/// The function. Acts when Lambda starts it, and is an empty test otherwise.
#[test]
fn function_process() {
    if let Ok(api) = std::env::var("AWS_LAMBDA_RUNTIME_API") {
        serve(&api);
    }
}

fn serve(api: &str) {
    match std::env::var("AT_START").as_deref() {
        Ok("exit") => std::process::exit(3),
        Ok("fail") => {
            let error = json!({"errorType": "Init.Broken", "errorMessage": "no configuration"});
            runtime(api, "POST", "init/error", error.to_string().as_bytes());
            std::process::exit(1);
        }
        _ => {}
    }
    loop {
        let (headers, event) = runtime(api, "GET", "invocation/next", b"");
        let id = headers["lambda-runtime-aws-request-id"].clone();
        let event: Value = serde_json::from_slice(&event).unwrap();
        let respond =
            |answer: &[u8]| drop(runtime(api, "POST", &format!("invocation/{id}/response"), answer));
        // Behind an HTTP API the order is the request's body.
        let body = event["body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok());
        let order = body.as_ref().unwrap_or(&event);
        match order.get("do").and_then(Value::as_str) {
            Some("environment") => {
                let variables: BTreeMap<String, String> = std::env::vars().collect();
                respond(json!(variables).to_string().as_bytes());
            }
            Some("facts") => respond(
                json!({"pid": std::process::id(), "headers": headers, "build": build()})
                    .to_string()
                    .as_bytes(),
            ),
            Some("hang") => std::thread::sleep(Duration::from_secs(600)),
            Some("wait") => {
                let (began, go) = (order["began"].as_str().unwrap(), order["go"].as_str().unwrap());
                std::fs::write(began, "").unwrap();
                while !std::path::Path::new(go).exists() {
                    std::thread::sleep(Duration::from_millis(2));
                }
                respond(json!(build()).to_string().as_bytes());
            }
            Some("exit") => std::process::exit(1),
            Some("fail") => {
                let error = json!({"errorType": "Broken", "errorMessage": "as asked"}).to_string();
                runtime(api, "POST", &format!("invocation/{id}/error"), error.as_bytes());
            }
            Some("large") => respond(json!("x".repeat(7_000_000)).to_string().as_bytes()),
            Some("flood") => {
                (0..2000).for_each(|line| println!("line {line}"));
                respond(b"null");
            }
            Some("print") => {
                println!("hello from the function");
                eprint!("and without a new line");
                respond(b"null");
            }
            Some("answer") => respond(order["with"].to_string().as_bytes()),
            _ => respond(event.to_string().as_bytes()),
        }
    }
}

/// Which of the zips of a test this process came from.
fn build() -> String {
    std::fs::read_to_string("build.txt").unwrap_or_default()
}

fn runtime(api: &str, method: &str, path: &str, body: &[u8]) -> (BTreeMap<String, String>, Vec<u8>) {
    let mut stream = TcpStream::connect(api).unwrap();
    let head = format!(
        "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // An answer that is too large is refused before it is read to its end.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let at = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(answer.len());
    let head = String::from_utf8_lossy(&answer[..at]).into_owned();
    let headers = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    (headers.collect(), answer.get(at + 4..).unwrap_or_default().to_vec())
}

/// A zip whose bootstrap is this test binary; `build` tells several apart.
pub fn zip(build: &str) -> Vec<u8> {
    let program = std::env::current_exe().unwrap();
    let script =
        format!("#!/bin/sh\nexec '{}' --exact lambda::function_process --nocapture\n", program.display());
    zip_of(&[("bootstrap", script.as_bytes()), ("build.txt", build.as_bytes())])
}

fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub fn request(principal: Principal, logical_id: &str, properties: Value) -> Request {
    Request {
        stack_id: "arn:aws:cloudformation:us-east-1:000000000000:stack/test/1".into(),
        stack_name: "test".into(),
        logical_id: logical_id.into(),
        region: REGION.into(),
        principal,
        tags: serde_json::Map::new(),
        properties,
    }
}

/// Makes a resource as a stack would.
pub async fn make(
    cloud: &Running,
    kind: &str,
    logical_id: &str,
    properties: Value,
) -> Result<Created, Failure> {
    let types = localcloud::resource::all();
    let kind = types.iter().find(|one| one.name() == kind).unwrap();
    kind.create(cloud.cloud(), &request(Principal::Administrator, logical_id, properties)).await
}

/// A role that Lambda may assume, with these statements; answers its ARN.
pub async fn role(cloud: &Running, name: &str, statements: Value) -> String {
    let properties = json!({
        "RoleName": name,
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ]},
        "Policies": [{"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}],
    });
    let created = make(cloud, "AWS::IAM::Role", "Role", properties).await.unwrap();
    created.attributes["Arn"].as_str().unwrap().to_owned()
}

/// The rights to log to the function's own group.
pub fn may_log(function: &str) -> Value {
    json!([{
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": format!("arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/{function}:*"),
    }])
}

/// Puts a zip into a bucket of its own.
async fn upload(cloud: &Running, zip: Vec<u8>) -> Value {
    let s3 = aws_sdk_s3::Client::new(&administrator(cloud));
    let bucket = "code";
    // Some tests upload twice.
    let _ = s3.create_bucket().bucket(bucket).send().await;
    let key = format!("{}.zip", zip.len());
    s3.put_object().bucket(bucket).key(&key).body(zip.into()).send().await.unwrap();
    json!({"S3Bucket": bucket, "S3Key": key})
}

/// The properties of a function called `f`, changed by `changes`.
async fn declared(cloud: &Running, changes: Value) -> Value {
    let mut properties = json!({
        "FunctionName": "f",
        "Role": role(cloud, "r", may_log("f")).await,
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Timeout": 20,
        "Code": upload(cloud, zip("one")).await,
    });
    properties.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    properties
}

/// A function called `f`.
pub async fn function(cloud: &Running, changes: Value) -> Created {
    let properties = declared(cloud, changes).await;
    make(cloud, "AWS::Lambda::Function", "F", properties).await.unwrap()
}

async fn call(client: &Client, event: Value) -> (Option<String>, Value) {
    let answer =
        client.invoke().function_name("f").payload(Blob::new(event.to_string())).send().await.unwrap();
    let payload = serde_json::from_slice(answer.payload().unwrap().as_ref()).unwrap();
    (answer.function_error().map(str::to_owned), payload)
}

async fn pid(client: &Client) -> u64 {
    call(client, json!({"do": "facts"})).await.1["pid"].as_u64().unwrap()
}

fn lives(pid: u64) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
}

/// Resolves when the process is gone: the kill is sent before the answer, and takes effect when the system
/// comes to it.
async fn gone(pid: u64) {
    let waiting = async {
        while lives(pid) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the process is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_answers_and_its_process_is_used_again() {
    let cloud = cloud().await;
    let created = function(&cloud, json!({})).await;
    assert_eq!(created.physical_id, "f");
    assert_eq!(created.attributes["Arn"], "arn:aws:lambda:us-east-1:000000000000:function:f");
    let client = Client::new(&administrator(&cloud));
    assert_eq!(call(&client, json!({"a": [1]})).await, (None, json!({"a": [1]})));
    let (_, facts) = call(&client, json!({"do": "facts"})).await;
    assert_eq!(facts["headers"]["lambda-runtime-invoked-function-arn"], created.attributes["Arn"]);
    let deadline: i64 = facts["headers"]["lambda-runtime-deadline-ms"].as_str().unwrap().parse().unwrap();
    let left = deadline - jiff::Timestamp::now().as_millisecond();
    assert!((15_000..=20_000).contains(&left), "{left}");
    assert_eq!(pid(&client).await, facts["pid"].as_u64().unwrap());
    cloud.stop().await;
    assert!(!lives(facts["pid"].as_u64().unwrap()), "the process outlived its cloud");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_sees_what_aws_documents_and_what_is_declared_and_nothing_else() {
    let cloud = cloud().await;
    function(&cloud, json!({"Environment": {"Variables": {"TABLE_PROFILES": "t"}}})).await;
    let (_, seen) = call(&Client::new(&administrator(&cloud)), json!({"do": "environment"})).await;
    let mut names: Vec<&str> = seen.as_object().unwrap().keys().map(String::as_str).collect();
    // The shell that the test's bootstrap is written in adds these.
    names.retain(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(name));
    assert_eq!(
        names,
        [
            "AWS_ACCESS_KEY_ID",
            "AWS_DEFAULT_REGION",
            "AWS_ENDPOINT_URL",
            "AWS_EXECUTION_ENV",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            "AWS_LAMBDA_FUNCTION_NAME",
            "AWS_LAMBDA_FUNCTION_VERSION",
            "AWS_LAMBDA_INITIALIZATION_TYPE",
            "AWS_LAMBDA_LOG_FORMAT",
            "AWS_LAMBDA_LOG_GROUP_NAME",
            "AWS_LAMBDA_LOG_STREAM_NAME",
            "AWS_LAMBDA_RUNTIME_API",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "LAMBDA_RUNTIME_DIR",
            "LAMBDA_TASK_ROOT",
            "LANG",
            "PATH",
            "TABLE_PROFILES",
            "TZ",
            "_HANDLER",
        ]
    );
    assert_eq!(seen["AWS_ENDPOINT_URL"], cloud.endpoint());
    assert_eq!(seen["AWS_LAMBDA_LOG_GROUP_NAME"], "/aws/lambda/f");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_functions_credentials_are_a_session_of_its_role() {
    let cloud = cloud().await;
    function(&cloud, json!({})).await;
    let (_, seen) = call(&Client::new(&administrator(&cloud)), json!({"do": "environment"})).await;
    let text = |name: &str| seen[name].as_str().unwrap().to_owned();
    let credentials = aws_credential_types::Credentials::new(
        text("AWS_ACCESS_KEY_ID"),
        text("AWS_SECRET_ACCESS_KEY"),
        Some(text("AWS_SESSION_TOKEN")),
        None,
        "function",
    );
    let configuration = crate::support::with_credentials(&cloud, credentials);
    let who = aws_sdk_sts::Client::new(&configuration).get_caller_identity().send().await.unwrap();
    assert_eq!(who.arn(), Some("arn:aws:sts::000000000000:assumed-role/r/f"));
    let refused = Client::new(&configuration).invoke().function_name("f").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDeniedException"));
    assert_eq!(
        refused.message(),
        Some(
            "User: arn:aws:sts::000000000000:assumed-role/r/f is not authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:us-east-1:000000000000:function:f because no identity-based policy allows the lambda:InvokeFunction action"
        )
    );
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_kills_the_process_and_the_next_call_gets_another() {
    let cloud = cloud().await;
    function(&cloud, json!({"Timeout": 1})).await;
    let client = Client::new(&administrator(&cloud));
    let before = pid(&client).await;
    let (error, payload) = call(&client, json!({"do": "hang"})).await;
    assert_eq!(error.as_deref(), Some("Unhandled"));
    assert_eq!(payload["errorType"], "Sandbox.Timedout");
    assert!(payload["errorMessage"].as_str().unwrap().ends_with("Task timed out after 1.00 seconds"));
    gone(before).await;
    assert_ne!(pid(&client).await, before);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_and_a_failing_handler_are_told_apart() {
    let cloud = cloud().await;
    function(&cloud, json!({})).await;
    let client = Client::new(&administrator(&cloud));
    let (error, payload) = call(&client, json!({"do": "exit"})).await;
    assert_eq!((error.as_deref(), &payload["errorType"]), (Some("Unhandled"), &json!("Runtime.ExitError")));
    let message = payload["errorMessage"].as_str().unwrap();
    assert!(message.ends_with("Error: Runtime exited with error: exit status 1"), "{message}");
    let before = pid(&client).await;
    let (error, payload) = call(&client, json!({"do": "fail"})).await;
    assert_eq!(error.as_deref(), Some("Unhandled"));
    assert_eq!(payload, json!({"errorType": "Broken", "errorMessage": "as asked"}));
    assert_eq!(pid(&client).await, before, "a failing handler keeps its process");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_cannot_start_says_why() {
    let cloud = cloud().await;
    function(&cloud, json!({"Environment": {"Variables": {"AT_START": "exit"}}})).await;
    let client = Client::new(&administrator(&cloud));
    let (error, payload) = call(&client, json!({})).await;
    assert_eq!(error.as_deref(), Some("Unhandled"));
    assert_eq!(payload["errorType"], "Runtime.ExitError");
    assert!(payload["errorMessage"].as_str().unwrap().ends_with("exit status 3"));
    cloud.stop().await;

    let cloud = crate::support::cloud().await;
    function(&cloud, json!({"Environment": {"Variables": {"AT_START": "fail"}}})).await;
    let (_, payload) = call(&Client::new(&administrator(&cloud)), json!({})).await;
    assert_eq!(payload, json!({"errorType": "Init.Broken", "errorMessage": "no configuration"}));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_of_another_machine_is_an_exec_format_error() {
    let cloud = cloud().await;
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0".to_vec();
    elf.extend(8_u16.to_le_bytes());
    elf.extend([0; 64]);
    let code = upload(&cloud, zip_of(&[("bootstrap", &elf)])).await;
    function(&cloud, json!({"Code": code})).await;
    let (error, payload) = call(&Client::new(&administrator(&cloud)), json!({})).await;
    assert_eq!(error.as_deref(), Some("Unhandled"));
    assert_eq!(payload["errorType"], "Runtime.InvalidEntrypoint");
    assert!(payload["errorMessage"].as_str().unwrap().ends_with("exec format error"));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_in_the_tail_and_in_the_group_between_start_and_report() {
    let cloud = cloud().await;
    make(&cloud, "AWS::Logs::LogGroup", "G", json!({"LogGroupName": "/aws/lambda/f"})).await.unwrap();
    function(&cloud, json!({})).await;
    let client = Client::new(&administrator(&cloud));
    let send = || {
        client
            .invoke()
            .function_name("f")
            .log_type(LogType::Tail)
            .payload(Blob::new(r#"{"do":"print"}"#))
            .send()
    };
    let answer = send().await.unwrap();
    let tail = base64(answer.log_result().unwrap());
    let lines: Vec<&str> = tail.lines().collect();
    let at = |start: &str| {
        lines.iter().position(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {tail}"))
    };
    assert!(at("START RequestId: ") < at("hello from the function"));
    assert!(at("hello from the function") < at("and without a new line"));
    assert!(at("and without a new line") < at("END RequestId: "));
    assert!(at("END") < at("REPORT"));
    assert!(lines[at("REPORT")].contains("\tInit Duration: "));
    let again = base64(send().await.unwrap().log_result().unwrap());
    assert!(again.starts_with("START") && !again.contains("Init Duration"), "{again}");

    let logs = aws_sdk_cloudwatchlogs::Client::new(&administrator(&cloud));
    let events = logs.filter_log_events().log_group_name("/aws/lambda/f").send().await.unwrap();
    let messages: Vec<&str> = events.events().iter().filter_map(|event| event.message()).collect();
    assert_eq!(messages.iter().filter(|message| **message == "hello from the function").count(), 2);
    let stream = events.events()[0].log_stream_name().unwrap();
    assert!(stream.contains("/[$LATEST]"), "{stream}");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_ends_behind_everything_that_it_printed() {
    let cloud = cloud().await;
    function(&cloud, json!({})).await;
    let client = Client::new(&administrator(&cloud));
    let flood = Blob::new(r#"{"do":"flood"}"#);
    let answer =
        client.invoke().function_name("f").log_type(LogType::Tail).payload(flood).send().await.unwrap();
    let tail = base64(answer.log_result().unwrap());
    assert!(tail.len() <= 4096 && tail.contains("line 1998\nline 1999\nEND RequestId: "), "{tail}");
    cloud.stop().await;
}

fn base64(text: &str) -> String {
    use base64::Engine;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_rights_there_are_silently_no_logs() {
    let cloud = cloud().await;
    make(&cloud, "AWS::Logs::LogGroup", "G", json!({"LogGroupName": "/aws/lambda/f"})).await.unwrap();
    let mute = role(&cloud, "mute", may_log("other")).await;
    function(&cloud, json!({"Role": mute})).await;
    assert_eq!(call(&Client::new(&administrator(&cloud)), json!({"do": "print"})).await, (None, Value::Null));
    let logs = aws_sdk_cloudwatchlogs::Client::new(&administrator(&cloud));
    let streams = logs.describe_log_streams().log_group_name("/aws/lambda/f").send().await.unwrap();
    assert!(streams.log_streams().is_empty());
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_have_limits_both_ways() {
    let cloud = cloud().await;
    function(&cloud, json!({})).await;
    let client = Client::new(&administrator(&cloud));
    let large = json!("x".repeat(6_300_000)).to_string();
    let refused = client.invoke().function_name("f").payload(Blob::new(large)).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("RequestTooLargeException"));
    let garbage = client.invoke().function_name("f").payload(Blob::new("{")).send().await.unwrap_err();
    assert_eq!(garbage.code(), Some("InvalidRequestContentException"));
    let (error, payload) = call(&client, json!({"do": "large"})).await;
    assert_eq!(error.as_deref(), Some("Unhandled"));
    assert_eq!(payload["errorType"], "Function.ResponseSizeTooLarge");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_invocations_run_in_processes_of_their_own() {
    let cloud = cloud().await;
    function(&cloud, json!({"Timeout": 3})).await;
    let client = Client::new(&administrator(&cloud));
    let (hanging, free) = tokio::join!(call(&client, json!({"do": "hang"})), pid(&client));
    assert_eq!(hanging.1["errorType"], "Sandbox.Timedout");
    assert!(lives(free));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_concurrency_refuses_what_is_beyond_it() {
    let cloud = cloud().await;
    function(&cloud, json!({"ReservedConcurrentExecutions": 0})).await;
    let refused = Client::new(&administrator(&cloud)).invoke().function_name("f").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("TooManyRequestsException"));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_code_is_served_by_new_processes() {
    let cloud = cloud().await;
    function(&cloud, json!({})).await;
    let client = Client::new(&administrator(&cloud));
    let (_, before) = call(&client, json!({"do": "facts"})).await;
    let updated = client
        .update_function_code()
        .function_name("f")
        .zip_file(Blob::new(zip("two")))
        .send()
        .await
        .unwrap();
    assert_eq!(updated.last_update_status().unwrap().as_str(), "Successful");
    let shown = client.get_function().function_name("f").send().await.unwrap().configuration.unwrap();
    assert_eq!(shown.code_sha256(), updated.code_sha256());
    let (_, after) = call(&client, json!({"do": "facts"})).await;
    assert_eq!((&before["build"], &after["build"]), (&json!("one"), &json!("two")));
    gone(before["pid"].as_u64().unwrap()).await;
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_that_runs_finishes_on_the_code_it_began_with() {
    let cloud = cloud().await;
    function(&cloud, json!({})).await;
    let client = Client::new(&administrator(&cloud));
    let folder = tempfile::tempdir().unwrap();
    let (began, go) = (folder.path().join("began"), folder.path().join("go"));
    let order = json!({"do": "wait", "began": began, "go": go});
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { call(&client, order).await }
    });
    while !began.exists() {
        tokio::task::yield_now().await;
    }
    client.update_function_code().function_name("f").zip_file(Blob::new(zip("two"))).send().await.unwrap();
    let (_, after) = call(&client, json!({"do": "facts"})).await;
    assert_eq!(after["build"], "two");
    std::fs::write(go, "").unwrap();
    assert_eq!(waiting.await.unwrap(), (None, json!("one")));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_and_their_code_survive_a_restart_and_go_when_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let configuration = || Config { folder: Some(folder.path().to_owned()), ..Config::default() };
    let cloud = start(configuration()).await.unwrap();
    let properties = declared(&cloud, json!({})).await;
    make(&cloud, "AWS::Lambda::Function", "F", properties.clone()).await.unwrap();
    assert_eq!(call(&Client::new(&administrator(&cloud)), json!(1)).await, (None, json!(1)));
    cloud.stop().await;

    let cloud = start(configuration()).await.unwrap();
    assert_eq!(call(&Client::new(&administrator(&cloud)), json!(2)).await, (None, json!(2)));
    let kind =
        localcloud::resource::all().into_iter().find(|one| one.name() == "AWS::Lambda::Function").unwrap();
    kind.delete(cloud.cloud(), &request(Principal::Administrator, "F", properties), "f").await.unwrap();
    assert_eq!(std::fs::read_dir(folder.path().join("functions")).unwrap().count(), 0);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_a_killed_cloud_left_behind_is_ended_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let code = folder.path().join("functions").join("hash");
    std::fs::create_dir_all(&code).unwrap();
    let mut left = tokio::process::Command::new("sleep")
        .arg("600")
        .current_dir(code)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let cloud = start(Config { folder: Some(folder.path().to_owned()), ..Config::default() }).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(5), left.wait()).await.unwrap().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended), Some(9));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_json_format_turns_platform_lines_into_objects() {
    let cloud = cloud().await;
    function(&cloud, json!({"LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"}})).await;
    let client = Client::new(&administrator(&cloud));
    let answer = client
        .invoke()
        .function_name("f")
        .log_type(LogType::Tail)
        .payload(Blob::new("{}"))
        .send()
        .await
        .unwrap();
    let tail = base64(answer.log_result().unwrap());
    let objects: Vec<Value> = tail.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let kinds: Vec<&str> = objects.iter().filter_map(|object| object["type"].as_str()).collect();
    assert_eq!(kinds, ["platform.start", "platform.report"]);
    assert_eq!(objects[1]["record"]["status"], "success");
    assert_eq!(call(&client, json!({"do": "environment"})).await.1["AWS_LAMBDA_LOG_LEVEL"], "DEBUG");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_needs_a_permission_that_names_its_source() {
    let cloud = cloud().await;
    let arn = function(&cloud, json!({})).await.attributes["Arn"].as_str().unwrap().to_owned();
    let from = |source: &str| {
        let invocation = Invocation {
            function: arn.clone(),
            payload: "{}".into(),
            invoker: Invoker::Service { service: "cognito-idp.amazonaws.com", source_arn: source.into() },
            limit: Some(Duration::from_secs(5)),
        };
        let cloud = std::sync::Arc::clone(cloud.cloud());
        async move { invoke(&cloud, invocation).await }
    };
    let pool = "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_a";
    assert_eq!(from(pool).await.unwrap_err().code, "AccessDeniedException");
    let properties = json!({
        "FunctionName": arn, "Action": "lambda:InvokeFunction",
        "Principal": "cognito-idp.amazonaws.com", "SourceArn": pool, "SourceAccount": "000000000000",
    });
    let created = make(&cloud, "AWS::Lambda::Permission", "P", properties.clone()).await.unwrap();
    assert_eq!(from(pool).await.unwrap().payload, "{}");
    assert!(from(&format!("{pool}b")).await.is_err());

    let client = Client::new(&administrator(&cloud));
    let policy = client.get_policy().function_name("f").send().await.unwrap();
    let policy: Value = serde_json::from_str(policy.policy().unwrap()).unwrap();
    assert_eq!(policy["Statement"][0]["Condition"]["ArnLike"], json!({"AWS:SourceArn": pool}));
    let kind =
        localcloud::resource::all().into_iter().find(|one| one.name() == "AWS::Lambda::Permission").unwrap();
    kind.delete(cloud.cloud(), &request(Principal::Administrator, "P", properties), &created.physical_id)
        .await
        .unwrap();
    assert!(from(pool).await.is_err());
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_accepted_at_once_and_dry_runs_run_nothing() {
    let cloud = cloud().await;
    function(&cloud, json!({})).await;
    let client = Client::new(&administrator(&cloud));
    let send =
        |kind| client.invoke().function_name("f").invocation_type(kind).payload(Blob::new("{}")).send();
    assert_eq!(send(InvocationType::Event).await.unwrap().status_code(), 202);
    assert_eq!(send(InvocationType::DryRun).await.unwrap().status_code(), 204);
    let unknown = client.invoke().function_name("g").send().await.unwrap_err();
    assert_eq!(unknown.code(), Some("ResourceNotFoundException"));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lambda_refuses_is_refused() {
    let cloud = cloud().await;
    let untrusted = make(&cloud, "AWS::IAM::Role", "U", json!({
        "RoleName": "untrusted",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ]},
    })).await.unwrap();
    let base = declared(&cloud, json!({})).await;
    let cases = [
        (
            json!({"Role": untrusted.attributes["Arn"]}),
            "The role defined for the function cannot be assumed by Lambda.",
        ),
        (json!({"Runtime": "python3.13"}), "the runtime \"python3.13\""),
        (
            json!({"Environment": {"Variables": {"AWS_REGION": "x"}}}),
            "Reserved keys used in this request: AWS_REGION",
        ),
        (json!({"Environment": {"Variables": {"BIG": "x".repeat(4096)}}}), "exceeded the 4KB limit"),
        (json!({"Timeout": 901}), "less than or equal to 900"),
        (json!({"MemorySize": 64}), "greater than or equal to 128"),
        (json!({"Layers": ["arn"]}), "unknown field `Layers`"),
        (json!({"Code": {"ZipFile": "x"}}), "unknown field `ZipFile`"),
        (
            json!({"Code": {"S3Bucket": "code", "S3Key": "absent"}}),
            "Error occurred while GetObject. S3 Error Code: NoSuchKey.",
        ),
    ];
    for (change, words) in cases {
        let mut properties = base.clone();
        properties.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let refused = make(&cloud, "AWS::Lambda::Function", "F", properties).await.unwrap_err();
        assert!(refused.reason.contains(words), "{words}: {}", refused.reason);
    }
    let client = Client::new(&administrator(&cloud));
    assert!(client.list_functions().send().await.unwrap().functions().is_empty());
    cloud.stop().await;
}
