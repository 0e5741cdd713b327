//! The functions' binaries: this test, which answers the one question that `up` asks as the migrating function would.
//! What a migration does to a database is the function's own test.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

/// Runs the test [`function_process`] alone. `version` tells the zips apart.
pub fn script(version: &str) -> String {
    let program = std::env::current_exe().unwrap();
    let name = "migrator::function_process";
    format!("#!/bin/sh\n# {version}\nexec '{}' --exact {name} --nocapture\n", program.display())
}

/// No test: what a function's process runs.
#[test]
fn function_process() {
    let Ok(api) = std::env::var("AWS_LAMBDA_RUNTIME_API") else { return };
    loop {
        let (id, event) = runtime(&api, "GET", "invocation/next", "");
        let asked: Value = serde_json::from_str(&event).unwrap();
        let answer = if asked == json!({"database": "migrate"}) {
            json!({"schema": std::env::var("DATABASE_SCHEMA").unwrap(), "applied": [], "new": []})
        } else {
            Value::Null
        };
        runtime(&api, "POST", &format!("invocation/{id}/response"), &answer.to_string());
    }
}

/// The request's id and body.
fn runtime(api: &str, method: &str, path: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(api).unwrap();
    let head = format!(
        "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let id = head.lines().filter_map(|line| line.split_once(": "));
    let id =
        id.filter(|(name, _)| name.eq_ignore_ascii_case("lambda-runtime-aws-request-id")).map(|(_, id)| id);
    (id.collect(), body.to_owned())
}
