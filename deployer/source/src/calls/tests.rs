//! Small programs, and what is read off them.

use super::*;
use crate::Package;

/// What is wrong with a binary of this one file.
fn faults(code: &str) -> (Vec<String>, usize) {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("main.rs");
    std::fs::write(&binary, code).unwrap();
    let package = Package { name: "f".to_owned(), binary: Some(binary), ..Package::default() };
    let workspace = Workspace::load(folder.path(), &[package], &["f"]).unwrap();
    let derived = Reader::new(&workspace).derive(&["f"]).remove(0);
    (derived.faults.iter().map(ToString::to_string).collect(), derived.calls.len())
}

/// `main` calls `depth` functions within each other, of which the last makes a call.
fn deep(depth: usize) -> String {
    let call = "aws_sdk_dynamodb::Client::new(c()).get_item().table_name(std::env::var(\"TABLE_A\").unwrap()).send();";
    let steps =
        (0..depth).map(|at| format!("fn f{at}() {{ if true {{ match 1 {{ _ => f{}() }} }} }}\n", at + 1));
    format!("fn main() {{ f0() }}\n{}fn f{depth}() {{ {call} }}\n", steps.collect::<String>())
}

#[test]
fn calls_within_calls_are_followed_as_deep_as_real_code_goes_and_never_silently_given_up() {
    assert_eq!(faults(&deep(40)), (vec![], 1));
    let (faults, calls) = faults(&deep(400));
    assert_eq!((faults, calls), (vec!["the calls that lead here are too deep to be followed".to_owned()], 0));
}

#[test]
fn circles_of_functions_closures_and_uses_come_to_an_end() {
    let code = "use a::*;\nmod a { pub use super::b::*; }\nmod b { pub use super::a::*; }\n\
        fn main() { let again = || odd(3); odd(again()); unknown(); }\n\
        fn odd(n: u8) -> u8 { even(n) }\nfn even(n: u8) -> u8 { odd(n) }\n";
    assert_eq!(faults(code), (vec![], 0));
}

#[test]
fn a_binary_without_main_is_a_fault() {
    assert_eq!(faults("fn other() {}").0, ["this binary has no `main`"]);
}

/// The rights that a binary of this one file needs, and `? line: …` for what cannot be told.
fn told(code: &str) -> Vec<String> {
    told_with(code, "")
}

/// The same beside a library of the workspace called `common`.
fn told_with(code: &str, library: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let (binary, root) = (folder.path().join("main.rs"), folder.path().join("lib.rs"));
    std::fs::write(&binary, code).unwrap();
    std::fs::write(&root, library).unwrap();
    let on_common = crate::Dependency { package: "common".to_owned(), ..crate::Dependency::default() };
    let packages = [
        Package {
            name: "f".to_owned(),
            binary: Some(binary),
            dependencies: vec![on_common],
            unread: ["ext".to_owned()].into(),
            ..Package::default()
        },
        Package { name: "common".to_owned(), library: Some(root), ..Package::default() },
    ];
    let workspace = match Workspace::load(folder.path(), &packages, &["f"]) {
        Ok(workspace) => workspace,
        Err(faults) => return faults.iter().map(shown).collect(),
    };
    let derived = Reader::new(&workspace).derive(&["f"]).remove(0);
    let needs = derived.calls.iter().flat_map(|call| &call.needs);
    let mut told: Vec<String> = needs.map(|(action, on)| format!("{action} {on}")).collect();
    told.extend(derived.faults.iter().map(shown));
    told.sort();
    told.dedup();
    told
}

fn shown(fault: &Fault) -> String {
    format!("? {}: {fault}", fault.place.as_ref().map_or(0, |place| place.line))
}

const DELETE: &str = "dynamodb:DeleteItem profiles";

/// What follows a client that is called `db`.
const WIPE: &str = "db.delete_item().table_name(std::env::var(\"TABLE_PROFILES\").unwrap()).send().await;";

/// A client that comes by a parameter's type, in a module that knows the type in this way.
fn by_parameter(uses: &str, parent: &str, parameter: &str) -> String {
    format!(
        "{parent}\nfn main() {{ axum::Router::new().route(\"/\", post(routes::wipe)); }}\n\
         mod routes {{ {uses}\npub async fn wipe({parameter}) {{ {WIPE} }} }}\n"
    )
}

#[test]
fn a_client_type_is_known_however_it_is_imported() {
    let sdk = "use aws_sdk_dynamodb::Client;";
    let state = "State(db): State<Client>";
    let prelude = "pub mod prelude { pub use aws_sdk_dynamodb::Client; }";
    for (name, code, library) in [
        ("of the parent", by_parameter("use super::*;", sdk, state), ""),
        ("of the root", by_parameter("use crate::*;", sdk, state), ""),
        ("all of the SDK", by_parameter("use aws_sdk_dynamodb::*;", "", state), ""),
        ("the SDK's client", by_parameter("use aws_sdk_dynamodb::client::*;", "", state), ""),
        (
            "all of the SDK, of the parent",
            by_parameter("use super::*;", "use aws_sdk_dynamodb::*;", state),
            "",
        ),
        ("a prelude of its own", by_parameter("use crate::prelude::*;", prelude, state), ""),
        (
            "a prelude twice over",
            by_parameter("use super::*;", &format!("{prelude} use prelude::*;"), state),
            "",
        ),
        ("another crate's prelude", by_parameter("use common::prelude::*;", "", state), prelude),
        (
            "a prelude of all",
            by_parameter("use common::prelude::*;", "", state),
            "pub mod prelude { pub use aws_sdk_dynamodb::*; pub use axum::prelude::*; }",
        ),
        ("in an extension", by_parameter("use super::*;", sdk, "Extension(db): Extension<Client>"), ""),
        (
            "out of a channel",
            by_parameter(
                "use super::*;",
                sdk,
                "mut all: mpsc::Receiver<(Client, String)>) { while let Some((db, _)) = all.recv().await { one(db).await } }\n\
                 async fn one(db: Client",
            ),
            "",
        ),
        (
            "another name",
            by_parameter("use super::*;", "use aws_sdk_dynamodb::Client as Db;", "db: State<Db>"),
            "",
        ),
        (
            "a module's name",
            by_parameter("use super::*;", "use aws_sdk_dynamodb as dynamo;", "db: dynamo::Client"),
            "",
        ),
    ] {
        assert_eq!(told_with(&code, library), [DELETE], "{name}");
    }
    let turbofish = format!(
        "use aws_sdk_dynamodb::Client;\nfn main() {{ inner::run() }}\n\
         mod inner {{ use super::*; pub async fn run() {{ let db = registry::get::<Client>(); {WIPE} }} }}"
    );
    assert_eq!(told(&turbofish), [DELETE]);
    let in_static = format!(
        "use aws_sdk_dynamodb::Client;\nfn main() {{ inner::run() }}\n\
         mod inner {{ use super::*; static DB: OnceLock<Client> = OnceLock::new();\n\
         pub async fn run() {{ let db = DB.get().unwrap(); {WIPE} }} }}"
    );
    assert_eq!(told(&in_static), [DELETE]);
}

#[test]
fn what_a_glob_may_bring_does_not_hide_what_is_there() {
    let code = "use aws_sdk_dynamodb::*;\nuse own::*;\nmod own { pub struct Client; impl Client { pub fn delete_item(&self) {} } }\n\
        enum Kind { A }\nfn main() { use Kind::*; let a = A; other(); own::Client.delete_item(); let s: String = text(); s.query(); }\nfn other() {}\n";
    assert_eq!(told(code), Vec::<String>::new());
}

#[test]
fn a_type_that_nothing_explains_may_be_a_client() {
    let code = format!("use ext::prelude::*;\nfn main() {{ wipe() }}\nasync fn wipe(db: Db) {{\n{WIPE} }}");
    assert_eq!(told(&code), ["? 4: it cannot be told on what `delete_item` is called here"]);
}

#[test]
fn a_waiter_asks_again_and_again() {
    let code = "fn main() { let db = aws_sdk_dynamodb::Client::new(&config);\n\
        db.wait_until_table_exists().table_name(std::env::var(\"TABLE_PROFILES\").unwrap()).wait(MINUTE).await;\n\
        aws_sdk_s3::Client::new(&config).wait_until_bucket_exists().bucket(\"b\").wait(MINUTE).await; }";
    assert_eq!(
        told(code),
        [
            "? 3: HeadBucket: no grant can be given for what aws_sdk_s3 calls here",
            "dynamodb:DescribeTable profiles"
        ]
    );
    let unknown = "fn main() {\naws_sdk_sqs::Client::new(c).wait_until_queue_sings().wait(MINUTE); }";
    assert_eq!(told(unknown), ["? 2: WaitUntilQueueSings: which call this waiter makes is not known"]);
}

#[test]
fn included_code_is_refused_wherever_it_stands() {
    for code in [
        "fn main() {\ninclude!(\"x.in\") }",
        "fn main() {\nlet x = vec![include!(\"x.in\")]; }",
        "struct S; impl S {\ninclude!(\"x.in\"); } fn main() {}",
        "macro_rules! m { () => {\nstd::include!(\"x.in\") }; } fn main() { m!() }",
    ] {
        assert_eq!(told(code), ["? 2: code that is included from another file is not read"], "{code}");
    }
    let text = "fn main() { let a = include_str!(\"a.txt\"); let include = 1; if include != 2 {} }";
    assert_eq!(told(text), Vec::<String>::new());
}

#[test]
fn clients_of_a_thread_are_known() {
    for code in ["DB.with(|c| c.get().cloned()).unwrap()", "DB.with_borrow(|c| c.clone()).unwrap()"] {
        let code = format!(
            "use aws_sdk_dynamodb::Client;\n\
             thread_local! {{ static N: Cell<u8> = const {{ Cell::new(1) }}; pub static DB: OnceCell<Client> = const {{ OnceCell::new() }} }}\n\
             fn main() {{ let db = {code}; {WIPE} }}"
        );
        assert_eq!(told(&code), [DELETE], "{code}");
    }
    let inside = format!(
        "fn main() {{ thread_local! {{ static DB: RefCell<Option<aws_sdk_dynamodb::Client>> = RefCell::new(None); }}\n\
         DB.with(|db| async move {{ {WIPE} }}); }}"
    );
    assert_eq!(told(&inside), [DELETE]);
}

#[test]
fn a_client_that_is_handed_to_code_that_is_not_read_is_a_fault() {
    for call in
        ["ext::wipe(&db)", "ext::deep::Wiper::new((1, db.clone()))", "wipe(&db)", "ext::send(db.put_item())"]
    {
        let code = format!(
            "use ext::wipe;\nfn main() {{ let db = aws_sdk_dynamodb::Client::new(&config);\n{call}; }}"
        );
        let told = told(&code);
        let expected = "? 3: what ext calls with this client cannot be told: its code is not read";
        assert!(told.contains(&expected.to_owned()), "{call}: {told:?}");
    }
    let known = "fn main() { let db = aws_sdk_dynamodb::Client::new(&config); let db = Arc::new(db); ext::start(1);\n\
        axum::Router::new().layer(axum::Extension(db.clone())).with_state(db.clone()); tokio::spawn(run(db.clone())); std::mem::drop(db); }\n\
        async fn run(db: Arc<aws_sdk_dynamodb::Client>) {}";
    assert_eq!(told(known), Vec::<String>::new());
}

#[test]
fn a_secret_and_a_pool_are_what_their_variables_name() {
    let secret = |id: &str| {
        format!("fn main() {{ aws_sdk_secretsmanager::Client::new(&c).get_secret_value()\n{id}.send(); }}")
    };
    for id in [
        ".secret_id(env::var(\"DATABASE_SECRET\").unwrap())",
        ".set_secret_id(Some(required(\"DATABASE_SECRET\")))",
    ] {
        let code = format!("{}\nfn required(name: &str) -> String {{ env::var(name).unwrap() }}", secret(id));
        assert_eq!(told(&code), ["secretsmanager:GetSecretValue database"], "{id}");
    }
    for (id, message) in [
        (".secret_id(\"shop/stripe\")", "no grant is given for the secret \"shop/stripe\""),
        (
            ".secret_id(env::var(\"STRIPE_SECRET\").unwrap())",
            "no grant is given for the secret in the variable STRIPE_SECRET",
        ),
        (".secret_id(&event.secret)", "which secret it is on cannot be told"),
        ("", "which secret it is on cannot be told"),
    ] {
        assert_eq!(told(&secret(id)), [format!("? 1: GetSecretValue: {message}")]);
    }
    let pool = |id: &str| {
        format!(
            "fn main() {{ aws_sdk_cognitoidentityprovider::Client::new(&c).admin_get_user().user_pool_id({id}).send(); }}"
        )
    };
    for id in ["env::var(\"USER_POOL_ID\").unwrap()", "&event.user_pool_id"] {
        assert_eq!(told(&pool(id)), ["cognito-idp:AdminGetUser user_pool"], "{id}");
    }
    for (id, message) in [
        ("\"eu-west-1_abc\"", "no grant is given for the user pool \"eu-west-1_abc\""),
        ("env::var(\"OTHER\").unwrap()", "no grant is given for the user pool in the variable OTHER"),
    ] {
        assert_eq!(told(&pool(id)), [format!("? 1: AdminGetUser: {message}")]);
    }
}

#[test]
fn a_table_is_what_its_variable_names_and_no_text() {
    let on = |call: &str| {
        format!(
            "static T: LazyLock<String> = LazyLock::new(|| env::var(\"TABLE_PROFILES\").expect(\"TABLE_PROFILES\"));\n\
            static O: OnceLock<String> = OnceLock::new();\n\
            fn named(name: &str) -> String {{ env::var(format!(\"TABLE_{{}}\", name.to_uppercase())).unwrap() }}\n\
            fn main() {{ let db = aws_sdk_dynamodb::Client::new(&c); O.set(env::var(\"TABLE_PROFILES\").unwrap());\ndb.{call}.send(); }}"
        )
    };
    for name in [
        "&*T",
        "T.as_str()",
        "T.clone()",
        "O.get().unwrap()",
        "named(\"profiles\")",
        "Some(T.to_string()).unwrap()",
    ] {
        assert_eq!(told(&on(&format!("delete_item().table_name({name})"))), [DELETE], "{name}");
    }
    let literal = "the table's name is written here, \"profiles\", and only a stage knows its tables' names";
    for (call, operation) in [
        ("delete_item().table_name(\"profiles\")", "DeleteItem"),
        ("execute_statement().statement(\"DELETE FROM \\\"profiles\\\"\")", "ExecuteStatement"),
    ] {
        assert_eq!(told(&on(call)), [format!("? 5: {operation}: {literal}")]);
    }
    let other = "delete_item().table_name(env::var(\"WHICH\").unwrap())";
    let message = "? 5: DeleteItem: the variable WHICH names no table: those are TABLE_<NAME>";
    assert_eq!(told(&on(other)), [message]);
}

#[test]
fn the_key_of_a_map_is_no_table() {
    let code = "fn main() { let db = aws_sdk_dynamodb::Client::new(&c); let mut m = HashMap::new(); m.insert(\"get\", get);\n\
        let t = env::var(\"TABLE_PROFILES\").unwrap(); m[\"get\"](&db, &t); m.get(\"get\").unwrap()(&db, &t); }\n\
        fn get(db: &aws_sdk_dynamodb::Client, table: &str) { db.delete_item().table_name(table).send(); }";
    assert_eq!(told(code), [DELETE]);
}

#[test]
fn two_values_of_one_struct_have_their_own_tables() {
    let program = |held: &str, used: &str| {
        format!(
            "struct Repo {{ db: aws_sdk_dynamodb::Client, table: String }}\n\
             impl Repo {{ fn new(db: &aws_sdk_dynamodb::Client, table: String) -> Self {{ Self {{ db: db.clone(), table }} }}\n\
             fn read(&self) {{ self.db.get_item().table_name(&self.table).send(); }}\n\
             fn remove(&self) {{ let Repo {{ db, table }} = self; db.delete_item().table_name(table).send(); }}\n\
             fn other(&self) -> Self {{ registry::take() }}\n\
             fn rename(&mut self, table: String) {{ self.table = table; }} }}\n\
             fn swap(out: &mut Repo, new: Repo) {{ *out = new; }}\n\
             struct App {{ profiles: Repo, identities: Arc<Repo> }}\n\
             fn main() {{ let db = aws_sdk_dynamodb::Client::new(&c);\n\
             let mut profiles = Repo::new(&db, env::var(\"TABLE_PROFILES\").unwrap());\n\
             let identities = Repo::new(&db, env::var(\"TABLE_IDENTITIES\").unwrap());\n\
             {held} {used} }}\nfn handle(State(state): State<Arc<App>>) {{ state.profiles.read(); state.identities.remove(); }}"
        )
    };
    let apart = ["dynamodb:DeleteItem identities", "dynamodb:GetItem profiles"];
    assert_eq!(told(&program("", "profiles.read(); identities.remove();")), apart);
    let state = "let state = Arc::new(App { profiles, identities: Arc::new(identities) });";
    assert_eq!(told(&program(state, "state.profiles.read(); state.identities.remove();")), apart);
    assert_eq!(told(&program(state, "Router::new().route(\"/\", get(handle)).with_state(state);")), apart);
    let both =
        ["dynamodb:DeleteItem identities", "dynamodb:DeleteItem profiles", "dynamodb:GetItem profiles"];
    assert_eq!(
        told(&program("", "profiles.read(); for one in [profiles, identities] { one.remove(); }")),
        both
    );
    let apart = "let Repo { db, table } = if late() { profiles } else { identities }; db.delete_item().table_name(table).send();";
    assert_eq!(told(&program("", apart)), ["dynamodb:DeleteItem identities", "dynamodb:DeleteItem profiles"]);
    // A name that is given later may be any value's.
    let later = "profiles.rename(env::var(\"TABLE_OTHERS\").unwrap()); profiles.read();";
    assert_eq!(told(&program("", later)), ["dynamodb:GetItem others", "dynamodb:GetItem profiles"]);
    // Where values lose their names each may be the other.
    for lost in [
        "let one: Repo = registry::take(); one.read();",
        "profiles.other().read();",
        "swap(&mut profiles, identities); profiles.read();",
        "std::mem::swap(&mut profiles, &mut identities); profiles.read();",
        "let mut all = vec![profiles]; fill(&mut all, identities); for one in all { one.read(); }",
    ] {
        let code =
            format!("{}\nfn fill(all: &mut Vec<Repo>, one: Repo) {{ all.push(one); }}", program("", lost));
        assert_eq!(told(&code), ["dynamodb:GetItem identities", "dynamodb:GetItem profiles"], "{lost}");
    }
}

#[test]
fn a_right_that_only_debug_builds_need_is_a_fault() {
    let code = "struct S; impl S {\n#[cfg(debug_assertions)] fn run(&self, db: &Client) { db.get_item().table_name(t()).send(); }\n\
        #[cfg(not(debug_assertions))] fn run(&self, db: &Client) { db.put_item().table_name(t()).send(); } }\n\
        use aws_sdk_dynamodb::Client;\nfn t() -> String { env::var(\"TABLE_A\").unwrap() }\n\
        #[cfg(not(debug_assertions))] fn run(db: &Client) { db.scan().table_name(t()).send(); }\n\
        #[cfg(debug_assertions)] fn run(db: &Client) { db.query().table_name(t()).send(); db.scan().table_name(t()).send(); }\n\
        fn main() { let db = Client::new(&c); run(&db); S.run(&db); }";
    let why = "in debug builds alone, and a role is for what is shipped";
    assert_eq!(
        told(code),
        [
            format!("? 2: dynamodb:GetItem is called on a {why}"),
            format!("? 7: dynamodb:Query is called on a {why}"),
            "dynamodb:PutItem a".to_owned(),
            "dynamodb:Scan a".to_owned(),
        ]
    );
}

#[test]
fn a_lazy_static_is_a_static() {
    let code = format!(
        "lazy_static::lazy_static! {{ static ref N: u8 = 1; pub static ref DB: aws_sdk_dynamodb::Client = aws_sdk_dynamodb::Client::new(&c()); }}\n\
         fn main() {{ let db = &*DB; {WIPE} }}"
    );
    assert_eq!(told(&code), [DELETE]);
}

#[test]
fn what_a_macro_or_another_crate_may_have_made_is_a_fault_where_it_may_call() {
    for (code, told_of_it) in [
        (
            "make! { db }\nfn main() {\nDB.delete_item().send(); }",
            "it cannot be told on what `delete_item` is called here",
        ),
        (
            "make! { db }\nfn main() { let db = aws_sdk_dynamodb::Client::new(&c);\nwipe(&db); }",
            "what wipe calls with this client cannot be told: its code is not read",
        ),
        (
            "use ext::*;\nfn main() { let db = aws_sdk_dynamodb::Client::new(&c);\nwipe(&db); }",
            "what wipe calls with this client cannot be told: its code is not read",
        ),
        (
            "use ext::Job;\nfn main() { let db = aws_sdk_dynamodb::Client::new(&c); let job = Job::new();\njob.run(&db); }",
            "what ext calls with this client cannot be told: its code is not read",
        ),
        ("fn main() {\n}\nfn run(job: &ext::Job, db: aws_sdk_dynamodb::Client) { job.run(db); }", ""),
        (
            "fn main() { run(make(), aws_sdk_dynamodb::Client::new(&c)) } fn run(job: &ext::Job, db: aws_sdk_dynamodb::Client) {\n\njob.run(db); }",
            "what ext calls with this client cannot be told: its code is not read",
        ),
        (
            "mod a { make! { fn wipe(db: &Client) { db.delete_item().send(); } } }\nfn main() {}\n",
            "`delete_item` is called within a macro that cannot be read",
        ),
    ] {
        let line = if code.starts_with("mod") { 1 } else { 3 };
        let expected = if told_of_it.is_empty() { vec![] } else { vec![format!("? {line}: {told_of_it}")] };
        assert_eq!(told(code), expected, "{code}");
    }
    let known = "use axum::*;\nfn main() { let db = aws_sdk_dynamodb::Client::new(&c); let a = Some(db.clone()); drop(a);\n\
        serve(1, Router::new().with_state(db)); let job = ext::Job::new(); job.run(1); other! { x.put(1) } }";
    assert_eq!(told(known), Vec::<String>::new());
}

#[test]
fn programs_as_people_write_them_raise_no_alarm() {
    for code in [
        "use axum::*; use aws_sdk_dynamodb::Client; use std::sync::*;\n#[derive(Clone)] struct App { db: Client, table: String, cache: moka::Cache<String, String> }\n\
         #[tokio::main] async fn main() -> Result<(), Error> { let config = aws_config::load_defaults(BehaviorVersion::latest()).await;\n\
         let app = App { db: Client::new(&config), table: std::env::var(\"TABLE_PROFILES\").expect(\"TABLE_PROFILES\"), cache: moka::Cache::new(10) };\n\
         let router = Router::new().route(\"/\", get(read)).layer(TraceLayer::new_for_http()).with_state(Arc::new(app)); run(router).await }\n\
         async fn read(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Value>, StatusCode> { app.cache.insert(id.clone(), id.clone());\n\
         let out = app.db.get_item().table_name(&app.table).key(\"pk\", AttributeValue::S(id)).send().await.map_err(|e| { tracing::error!(%e); StatusCode::BAD })?; Ok(Json(json!({\"a\": out.item}))) }",
        "use lambda_http::*; use aws_sdk_dynamodb::{Client, types::*};\nstruct Settings { table: String }\n\
         impl Settings { fn from_env() -> anyhow::Result<Self> { Ok(Self { table: env::var(\"TABLE_PROFILES\").context(\"TABLE_PROFILES is not set\")? }) } }\n\
         #[tokio::main] async fn main() -> Result<(), Error> { let config = aws_config::load_from_env().await; let client = Client::new(&config); let settings = Settings::from_env()?;\n\
         let (client, settings) = (&client, &settings); run(service_fn(move |event: Request| async move { handler(event, client, settings).await })).await }\n\
         async fn handler(event: Request, client: &Client, settings: &Settings) -> Result<Response<Body>, Error> {\n\
         let result = client.get_item().table_name(settings.table.as_str()).key(\"pk\", AttributeValue::S(\"1\".into())).send().await?; Ok(Response::builder().status(200).body(\"ok\".into())?) }",
        "use aws_sdk_dynamodb as dynamo;\nmod store { use super::*; pub struct Store { client: dynamo::Client, name: Box<str> }\n\
         impl Store { pub fn new(client: dynamo::Client, name: impl Into<Box<str>>) -> Self { Self { client, name: name.into() } }\n\
         pub async fn load(&self, id: &str) -> Option<Row> { let got = self.client.get_item().table_name(&*self.name).key(\"id\", s(id)).send().await.ok()?; serde_dynamo::from_item(got.item?).ok() } } }\n\
         static STORE: tokio::sync::OnceCell<store::Store> = tokio::sync::OnceCell::const_new();\n\
         async fn store() -> &'static store::Store { STORE.get_or_init(|| async { let c = aws_config::load_from_env().await; store::Store::new(dynamo::Client::new(&c), std::env::var(\"TABLE_PROFILES\").unwrap_or_else(|_| panic!(\"no TABLE\"))) }).await }\n\
         fn main() { lambda_runtime::run(service_fn(|e| async { store().await.load(\"1\").await })); }",
    ] {
        assert_eq!(told(code), ["dynamodb:GetItem profiles"], "{code}");
    }
}
