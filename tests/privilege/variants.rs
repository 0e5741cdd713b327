//! The corpus: small edits of the two functions in `base`, and exactly what each must be told.
//!
//! `+` a right that is missing, `-` one in excess, `?` a call that cannot be told, with the file it is in.

pub struct Variant {
    pub name: &'static str,
    /// File, text, what takes its place. An empty text makes the file, or adds to its end.
    pub edits: &'static [(&'static str, &'static str, &'static str)],
    pub expected: &'static [&'static str],
}

const GET: &str = "get-order/src/main.rs";
const GET_MANIFEST: &str = "get-order/Cargo.toml";
const LIST: &str = "list-orders/src/main.rs";
const ORDERS: &str = "shared/src/orders.rs";
const LIBRARY: &str = "shared/src/lib.rs";

const PUT_ORDERS: &[&str] = &["+get-order dynamodb:PutItem orders"];
const PUT_CUSTOMERS: &[&str] = &["+get-order dynamodb:PutItem customers"];
const DELETE_ORDERS: &[&str] = &["+get-order dynamodb:DeleteItem orders"];
const NOTHING: &[&str] = &[];

/// What stands in the handler.
const fn in_handler(code: &'static str) -> (&'static str, &'static str, &'static str) {
    (GET, "        // handler\n", code)
}

const fn in_items(code: &'static str) -> (&'static str, &'static str, &'static str) {
    (GET, "// items\n", code)
}

const fn in_methods(code: &'static str) -> (&'static str, &'static str, &'static str) {
    (GET, "    // methods\n", code)
}

macro_rules! variants {
    ($($name:literal: [$($edit:expr),* $(,)?] => $expected:expr;)*) => {
        &[$(Variant { name: $name, edits: &[$($edit),*], expected: $expected }),*]
    };
}

/// Calls that came in.
pub const ADDED: &[Variant] = variants! {
    "a method of the table's module": [in_handler("self.orders.put_item(\"1\").await?;")] => PUT_ORDERS;
    "the handle itself": [in_handler("self.orders.table().delete_item().key(\"id\", id()).send().await?;")] => DELETE_ORDERS;
    "another table": [in_handler("self.customers.put_item().item(\"id\", id()).send().await?;")] => PUT_CUSTOMERS;
    "a helper in the same file": [
        in_handler("helper(&self.orders).await?;"),
        in_items("async fn helper(orders: &OrdersTable) -> Result<String, Error> { Ok(orders.put_item(\"1\").await?) }"),
    ] => PUT_ORDERS;
    "two helpers deep": [
        in_handler("one(self).await?;"),
        in_items("async fn one(of: &GetOrder) -> Result<(), Error> { two(&of.customers).await }\n\
                  async fn two(table: &Table<Customers>) -> Result<(), Error> { table.put_item().send().await?; Ok(()) }"),
    ] => PUT_CUSTOMERS;
    "a helper in another file": [
        in_handler("helper::save(&self.orders).await?;"),
        in_items("mod helper;"),
        ("get-order/src/helper.rs", "", "use shared::orders::OrdersTable;\n\
          pub async fn save(orders: &OrdersTable) -> Result<String, lambda_http::Error> { Ok(orders.put_item(\"1\").await?) }"),
    ] => PUT_ORDERS;
    "a module in a folder": [
        in_handler("deep::er::save(&self.customers).await?;"),
        in_items("mod deep;"),
        ("get-order/src/deep/mod.rs", "", "pub mod er;"),
        ("get-order/src/deep/er.rs", "", "pub async fn save(table: &shared::table::Table<shared::names::Customers>) { table.put_item().send().await; }"),
    ] => PUT_CUSTOMERS;
    "a helper in the shared crate": [
        in_handler("shared::orders::wipe(&self.orders).await;"),
        (ORDERS, "// shared\n", "pub async fn wipe(orders: &OrdersTable) { let _ = orders.table().delete_item().send().await; }"),
    ] => DELETE_ORDERS;
    "a method of the shared crate": [
        in_handler("self.orders.wipe().await;"),
        (ORDERS, "// shared\n", "impl OrdersTable { pub async fn wipe(&self) { let _ = self.table.delete_item().send().await; } }"),
    ] => DELETE_ORDERS;
    "a generic helper": [
        in_handler("wipe(self.orders.table()).await;"),
        in_items("async fn wipe<N: TableName>(table: &Table<N>) { let _ = table.delete_item().send().await; }"),
    ] => DELETE_ORDERS;
    "a generic helper on another table": [
        in_handler("wipe(&self.customers).await;"),
        in_items("async fn wipe<N: TableName>(table: &Table<N>) { let _ = table.delete_item().send().await; }"),
    ] => &["+get-order dynamodb:DeleteItem customers"];
    "a generic helper that is given its type": [
        in_handler("wipe::<Customers>(&self.aws).await;"),
        in_items("async fn wipe<N: TableName>(aws: &Arc<Aws>) { let _ = Table::<N>::new(String::new(), aws).delete_item().send().await; }"),
    ] => &["+get-order dynamodb:DeleteItem customers"];
    "a bound of a trait": [
        in_handler("save(&self.orders).await;"),
        in_items("async fn save<S: Store>(store: &S) { let _ = store.save(\"1\").await; }"),
    ] => PUT_ORDERS;
    "a bound in a where clause": [
        in_handler("save(&self.customers).await;"),
        in_items("async fn save<S>(store: &S) where S: Store { let _ = store.save(\"1\").await; }"),
    ] => PUT_CUSTOMERS;
    "an impl Trait": [
        in_handler("save(&self.orders).await;"),
        in_items("async fn save(store: &impl Store) { let _ = store.save(\"1\").await; }"),
    ] => PUT_ORDERS;
    "a trait object": [
        in_handler("let keeper: &dyn Keeper = &self.orders; keeper.keep().await;"),
        in_items("#[async_trait] trait Keeper { async fn keep(&self); }\n\
                  #[async_trait] impl Keeper for OrdersTable { async fn keep(&self) { let _ = self.put_item(\"1\").await; } }"),
    ] => PUT_ORDERS;
    "a trait object in a field": [
        in_handler("Job { keeper: Arc::new(Table::<Customers>::from_env(&self.aws)?) }.keeper.keep().await;"),
        in_items("struct Job { keeper: Arc<dyn Keeper> }\n\
                  #[async_trait] trait Keeper { async fn keep(&self); }\n\
                  #[async_trait] impl Keeper for OrdersTable { async fn keep(&self) { let _ = self.put_item(\"1\").await; } }\n\
                  #[async_trait] impl Keeper for Table<Customers> { async fn keep(&self) { let _ = self.put_item().send().await; } }"),
    ] => PUT_CUSTOMERS;
    "trait objects of which any may come": [
        in_handler("for keeper in keepers() { keeper.keep().await; }"),
        in_items("fn keepers() -> Vec<Box<dyn Keeper>> { registry::all() }\n\
                  #[async_trait] trait Keeper { async fn keep(&self); }\n\
                  #[async_trait] impl Keeper for OrdersTable { async fn keep(&self) { let _ = self.put_item(\"1\").await; } }\n\
                  #[async_trait] impl Keeper for Table<Customers> { async fn keep(&self) { let _ = self.put_item().send().await; } }"),
    ] => &["+get-order dynamodb:PutItem customers", "+get-order dynamodb:PutItem orders"];
    "a trait's own body": [
        in_handler("self.keep().await;"),
        in_items("trait Keeper { fn orders(&self) -> &OrdersTable; async fn keep(&self) { let _ = self.orders().put_item(\"1\").await; } }\n\
                  impl Keeper for GetOrder { fn orders(&self) -> &OrdersTable { &self.orders } }"),
    ] => PUT_ORDERS;
    "a trait for every type": [
        in_handler("self.customers.keep().await;"),
        in_items("trait Keep { async fn keep(&self); }\n\
                  impl<S: Store> Keep for S { async fn keep(&self) { let _ = self.save(\"1\").await; } }"),
    ] => PUT_CUSTOMERS;
    "a trait named in full": [in_handler("let _ = Store::save(&self.customers, \"1\").await;")] => PUT_CUSTOMERS;
    "a trait named with its type": [in_handler("let _ = <OrdersTable as Store>::save(&self.orders, \"1\").await;")] => PUT_ORDERS;
    "a method named with its type": [in_handler("let _ = OrdersTable::put_item(&self.orders, \"1\").await;")] => PUT_ORDERS;
    "an associated type": [
        in_handler("let _ = of::<Invoice>(&self.aws)?.put_item().send().await;"),
        in_items("trait Entity { type Named: TableName; }\nstruct Invoice;\nimpl Entity for Invoice { type Named = Customers; }\n\
                  fn of<E: Entity>(aws: &Arc<Aws>) -> Result<Table<E::Named>, Error> { Ok(Table::from_env(aws)?) }"),
    ] => PUT_CUSTOMERS;
    "a closure": [in_handler("let save = || self.orders.put_item(\"1\"); save().await?;")] => PUT_ORDERS;
    "a closure with arguments": [in_handler("let save = async |table: &Table<Customers>| { table.put_item().send().await }; save(&self.customers).await?;")] => PUT_CUSTOMERS;
    "a closure that a helper calls": [
        in_handler("retry(|| self.orders.put_item(\"1\")).await?;"),
        in_items("async fn retry<F: Future<Output = Result<String, Error>>>(call: impl Fn() -> F) -> Result<String, Error> { call().await }"),
    ] => PUT_ORDERS;
    "a closure that is given the table": [
        in_handler("with(&self.customers, |table| table.put_item()).send().await?;"),
        in_items("fn with<T, R>(table: &T, work: impl FnOnce(&T) -> R) -> R { work(table) }"),
    ] => PUT_CUSTOMERS;
    "a closure that another crate calls": [in_handler("backoff::retry(policy(), || async { self.orders.put_item(\"1\").await }).await?;")] => PUT_ORDERS;
    "a closure in a field": [
        in_handler("let job = Job { work: Box::new(move || self.customers.put_item()) }; (job.work)().send().await?;"),
        in_items("struct Job<'a> { work: Box<dyn Fn() -> PutItemFluentBuilder + 'a> }"),
    ] => PUT_CUSTOMERS;
    "a spawned task": [in_handler("let orders = self.orders.clone(); tokio::spawn(async move { orders.put_item(\"1\").await });")] => PUT_ORDERS;
    "a function that is handed on": [in_handler("let _ = Some(&self.orders).map(save);"), in_items("async fn save(orders: &OrdersTable) { let _ = orders.put_item(\"1\").await; }")] => PUT_ORDERS;
    "a method that is handed on": [in_handler("let calls = [&self.customers].map(Table::put_item); for call in calls { call.send().await?; }")] => PUT_CUSTOMERS;
    "a function pointer": [
        in_handler("let work: fn(&OrdersTable) -> Work = save; work(&self.orders).await;"),
        in_items("fn save(orders: &OrdersTable) -> Work { Box::pin(async { orders.put_item(\"1\").await }) }"),
    ] => PUT_ORDERS;
    "join!": [in_handler("let (_, _) = tokio::join!(self.orders.put_item(\"1\"), self.orders.get_item(\"2\"));")] => PUT_ORDERS;
    "try_join! of builders": [in_handler("tokio::try_join!(self.customers.put_item().send(), self.orders.table().delete_item().send())?;")] =>
        &["+get-order dynamodb:DeleteItem orders", "+get-order dynamodb:PutItem customers"];
    "select!": [in_handler("tokio::select! { answer = self.orders.put_item(\"1\") => { drop(answer); } _ = tokio::time::sleep(SECOND) => {} }")] => PUT_ORDERS;
    "the body of a select! arm": [in_handler("tokio::select! { _ = timer.tick() => self.orders.put_item(\"1\").await, else => Ok(String::new()) }?;")] => PUT_ORDERS;
    "vec!": [in_handler("let all = vec![self.orders.put_item(\"1\").await?, String::new()];")] => PUT_ORDERS;
    "json!": [in_handler("let body = json!({\"order\": order, \"saved\": self.orders.put_item(\"1\").await?, \"list\": [1, 2]});")] => PUT_ORDERS;
    "a field of a log line": [in_handler("tracing::info!(saved = ?self.orders.put_item(\"1\").await, \"done\");")] => PUT_ORDERS;
    "an argument of format!": [in_handler("let text = format!(\"{:?} {}\", self.orders.put_item(\"1\").await, 1);")] => PUT_ORDERS;
    "matches!": [in_handler("if matches!(self.orders.put_item(\"1\").await, Ok(text) if text.is_empty()) { return Err(\"empty\".into()); }")] => PUT_ORDERS;
    "a macro of the crate": [
        in_handler("save!(self.orders, \"1\");"),
        in_items("macro_rules! save { ($table:expr, $id:literal) => { $table.put_item($id).await? }; }"),
    ] => PUT_ORDERS;
    "a macro that writes methods": [
        in_handler("self.wipe_it().await;"),
        in_items("macro_rules! work { ($($name:ident => $call:ident),* $(,)?) => { impl GetOrder { $(async fn $name(&self) { let _ = self.orders.table().$call().send().await; })* } }; }\nwork!(wipe_it => delete_item);"),
    ] => DELETE_ORDERS;
    "a macro of the shared crate": [
        in_handler("shared::wipe!(self.orders.table());"),
        (LIBRARY, "", "\n#[macro_export]\nmacro_rules! wipe { ($table:expr) => {{ let table = $table; table.delete_item().send().await.ok() }}; }\n"),
    ] => DELETE_ORDERS;
    "a builder in a variable": [in_handler("let call = self.customers.put_item(); let call = call.condition_expression(\"x\"); call.send().await?;")] => PUT_CUSTOMERS;
    "a builder that grows in a loop": [in_handler("let mut call = self.customers.put_item(); for name in [\"a\", \"b\"] { call = call.item(name, id()); } call.send().await?;")] => PUT_CUSTOMERS;
    "a builder that is returned": [in_handler("self.orders.draft(\"1\").condition_expression(\"x\").send().await?;")] => PUT_ORDERS;
    "a builder out of two": [in_handler("let call = if order.is_empty() { self.customers.put_item() } else { self.orders.draft(\"1\") }; call.send().await?;")] =>
        &["+get-order dynamodb:PutItem customers", "+get-order dynamodb:PutItem orders"];
    "a paginator": [in_handler("let mut pages = self.orders.table().query().into_paginator().send(); while let Some(page) = pages.next().await { drop(page); }")] =>
        &["+get-order dynamodb:Query orders"];
    "an index": [in_handler("self.orders.table().index::<ByStatus>().query().send().await?;")] => &["+get-order dynamodb:Query orders/index/by-status"];
    "an index by a helper of its own": [
        in_handler("by_status(self.orders.table()).await;"),
        (GET, "// uses\n", "use shared::table::Index;\n"),
        in_items("async fn by_status(table: &Table<Orders>) { let index: Index<'_, ByStatus> = table.index(); let _ = index.query().into_paginator().send().collect().await; }"),
    ] => &["+get-order dynamodb:Query orders/index/by-status"];
    "a table and its index": [in_handler("self.orders.table().query().send().await?; self.orders.table().index::<ByStatus>().query().send().await?;")] =>
        &["+get-order dynamodb:Query orders", "+get-order dynamodb:Query orders/index/by-status"];
    "a put in a transaction": [in_handler("let put = self.customers.put().item(\"id\", id()).build()?;\n\
         let item = TransactWriteItem::builder().put(put).build();\n\
         self.customers.transact_write_items().transact_items(item).send().await?;")] => PUT_CUSTOMERS;
    "an update in a transaction": [in_handler("let update = aws_sdk_dynamodb::types::Update::builder().table_name(self.orders.table().name()).build()?;\n\
         let items = vec![TransactWriteItem::builder().update(update).build()];\n\
         self.customers.transact_write_items().set_transact_items(Some(items)).send().await?;")] => &["+get-order dynamodb:UpdateItem orders"];
    "a condition in a transaction": [in_handler("let check = aws_sdk_dynamodb::types::ConditionCheck::builder().table_name(self.customers.name()).build()?;\n\
         self.customers.transact_write_items().transact_items(TransactWriteItem::builder().condition_check(check).build()).send().await?;")] =>
        &["+get-order dynamodb:ConditionCheckItem customers"];
    "members that a helper makes": [
        in_handler("let items: Vec<TransactWriteItem> = [self.orders.table().put(), self.customers.put()].into_iter().map(member).collect();\n\
             self.customers.transact_write_items().set_transact_items(Some(items)).send().await?;"),
        in_items("fn member(put: PutBuilder) -> TransactWriteItem { TransactWriteItem::builder().put(put.build().unwrap()).build() }"),
    ] => &["+get-order dynamodb:PutItem customers", "+get-order dynamodb:PutItem orders"];
    "members that are pushed": [in_handler("let mut items = Vec::new();\nitems.push(TransactWriteItem::builder().put(self.orders.table().put().build()?).build());\nif order.is_empty() { items.push(TransactWriteItem::builder().put(self.customers.put().build()?).build()); }\n\
         self.customers.transact_write_items().set_transact_items(Some(items)).send().await?;")] => &["+get-order dynamodb:PutItem customers", "+get-order dynamodb:PutItem orders"];
    "a table in an Option": [in_handler("let table = Some(&self.customers); if let Some(table) = table.filter(|_| order.is_empty()) { table.put_item().send().await?; }")] => PUT_CUSTOMERS;
    "tables in a tuple": [
        in_handler("let (orders, customers) = self.both(); customers.put_item().send().await?; drop(orders);"),
        in_methods("fn both(&self) -> (&OrdersTable, &Table<Customers>) { (&self.orders, &self.customers) }"),
    ] => PUT_CUSTOMERS;
    "a table in an enum": [
        in_handler("Place::Customers(Table::from_env(&self.aws)?).save().await;"),
        in_items("enum Place { Orders(OrdersTable), Customers(Table<Customers>) }\n\
                  impl Place { async fn save(&self) { match self { Self::Orders(orders) => drop(orders.get_item(\"1\").await), Self::Customers(table) => drop(table.put_item().send().await) } } }"),
    ] => PUT_CUSTOMERS;
    "tables in a list": [in_handler("let tables = [&self.customers]; for table in tables.iter() { table.put_item().send().await?; }")] => PUT_CUSTOMERS;
    "tables that are pushed": [
        in_handler("let mut stores: Vec<Box<dyn Keeper>> = Vec::new(); stores.push(Box::new(OrdersTable::from_env(&self.aws)?)); stores.push(Box::new(Table::<Customers>::from_env(&self.aws)?));\nfor store in &stores { store.keep().await; }"),
        in_items("#[async_trait] trait Keeper { async fn keep(&self); }\n\
                  #[async_trait] impl Keeper for OrdersTable { async fn keep(&self) { let _ = self.put_item(\"1\").await; } }\n\
                  #[async_trait] impl Keeper for Table<Customers> { async fn keep(&self) { let _ = self.put_item().send().await; } }\n\
                  struct Never; #[async_trait] impl Keeper for Never { async fn keep(&self) { let _ = client().scan().table_name(std::env::var(\"TABLE_ORDERS\").unwrap()).send().await; } }\n\
                  fn client() -> aws_sdk_dynamodb::Client { aws_sdk_dynamodb::Client::new(config()) }"),
    ] => &["+get-order dynamodb:PutItem customers", "+get-order dynamodb:PutItem orders"];
    "a chain of iterators": [in_handler("let calls: Vec<_> = [\"1\"].iter().map(|id| self.customers.put_item().item(\"id\", text(id))).collect();\nfor call in calls { call.send().await?; }")] => PUT_CUSTOMERS;
    "a wrapper that derefs": [
        in_handler("Wrapped(OrdersTable::from_env(&self.aws)?).put_item(\"1\").await?;"),
        in_items("struct Wrapped(OrdersTable);\nimpl std::ops::Deref for Wrapped { type Target = OrdersTable; fn deref(&self) -> &OrdersTable { &self.0 } }"),
    ] => PUT_ORDERS;
    "a static": [
        in_handler("CUSTOMERS.get_or_init(|| Table::new(String::new(), &self.aws)).put_item().send().await?;"),
        in_items("static CUSTOMERS: std::sync::OnceLock<Table<Customers>> = std::sync::OnceLock::new();"),
    ] => PUT_CUSTOMERS;
    "a lazy static": [
        in_handler("CLIENT.put_item().table_name(self.customers.name()).send().await?;"),
        in_items("static CLIENT: LazyLock<aws_sdk_dynamodb::Client> = LazyLock::new(|| aws_sdk_dynamodb::Client::from_conf(config()));"),
    ] => PUT_CUSTOMERS;
    "an alias of a type": [in_handler("let table: People = Table::from_env(&self.aws)?; table.put_item().send().await?;"), in_items("type People = Table<Customers>;")] => PUT_CUSTOMERS;
    "another name by use": [in_handler("let table = T::<C>::from_env(&self.aws)?; table.put_item().send().await?;"), (GET, "// uses\n", "use shared::names::Customers as C;\nuse shared::table::Table as T;\n")] => PUT_CUSTOMERS;
    "a re-export and a glob": [
        in_handler("let table: Renamed<Customers> = Renamed::from_env(&self.aws)?; table.put_item().send().await?;"),
        (GET, "// uses\n", "use shared::prelude::*;\n"),
        (LIBRARY, "", "\npub mod prelude {\n    pub use crate::table::Table as Renamed;\n    pub use crate::names::*;\n}\n"),
    ] => PUT_CUSTOMERS;
    "a function within a function": [in_handler("async fn inner(table: &Table<Customers>) { let _ = table.put_item().send().await; }\ninner(&self.customers).await;")] => PUT_CUSTOMERS;
    "a recursion": [
        in_handler("self.again(3).await;"),
        in_methods("async fn again(&self, times: u8) { if times == 0 { let _ = self.orders.put_item(\"1\").await; } else { Box::pin(self.again(times - 1)).await } }"),
    ] => PUT_ORDERS;
    "an else branch": [in_handler("let Some(_) = order.strip_prefix(\"x\") else { self.orders.put_item(\"1\").await?; return Err(\"none\".into()); };")] => PUT_ORDERS;
    "a guard of a match": [in_handler("match order.len() { 0 if self.orders.put_item(\"1\").await.is_ok() => {} _ => {} }")] => PUT_ORDERS;
    "an error's way": [in_handler("if let Err(error) = self.orders.table().delete_item().send().await { return Err(error.into()); }")] => DELETE_ORDERS;
    "a service of another crate's trait": [
        (GET, "    // main\n", "let service = Polled { customers: Table::from_env(&Arc::new(Aws::from_env()))? };\nif std::env::args().len() > 9 { return lambda_http::run(service).await; }\n"),
        in_items("struct Polled { customers: Table<Customers> }\nimpl tower::Service<Request> for Polled { type Response = Response<Body>; type Error = Error; type Future = Work;\n\
                  fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> { Poll::Ready(Ok(())) }\n\
                  fn call(&mut self, request: Request) -> Work { let call = self.customers.put_item(); Box::pin(async move { call.send().await }) } }"),
    ] => PUT_CUSTOMERS;
    "what is dropped": [
        in_handler("let _guard = Guard { customers: Table::from_env(&self.aws)? };"),
        in_items("struct Guard { customers: Table<Customers> }\nimpl Drop for Guard { fn drop(&mut self) { let call = self.customers.put_item(); tokio::spawn(async move { call.send().await }); } }"),
    ] => PUT_CUSTOMERS;
    "PartiQL, a select": [in_handler("let text = format!(\"SELECT * FROM \\\"{}\\\"\", self.orders.table().name());\nclient().execute_statement().statement(text).send().await?;"), in_items("fn client() -> aws_sdk_dynamodb::Client { aws_sdk_dynamodb::Client::new(config()) }")] =>
        &["+get-order dynamodb:PartiQLSelect orders"];
    "PartiQL, a delete": [in_handler("let name = self.customers.name();\nclient().execute_statement().statement(format!(\"DELETE FROM \\\"{name}\\\" WHERE id = ?\")).send().await?;"), in_items("fn client() -> aws_sdk_dynamodb::Client { aws_sdk_dynamodb::Client::new(config()) }")] =>
        &["+get-order dynamodb:PartiQLDelete customers"];
    "PartiQL on an index": [in_handler("let text = format!(\"SELECT * FROM \\\"{}\\\".\\\"by-status\\\"\", self.orders.table().name());\nclient().execute_statement().statement(text).send().await?;"), in_items("fn client() -> aws_sdk_dynamodb::Client { aws_sdk_dynamodb::Client::new(config()) }")] =>
        &["+get-order dynamodb:PartiQLSelect orders/index/by-status"];
    "a batch": [in_handler("client().batch_write_item().request_items(self.customers.name(), requests()).send().await?;"), in_items("fn client() -> aws_sdk_dynamodb::Client { aws_sdk_dynamodb::Client::new(config()) }")] =>
        &["+get-order dynamodb:BatchWriteItem customers"];
    "a feature of the function": [
        in_handler("#[cfg(feature = \"audit\")]\nself.orders.put_item(\"1\").await?;"),
        (GET_MANIFEST, "default = []", "default = [\"audit\"]"),
    ] => PUT_ORDERS;
    "a feature of the shared crate": [
        in_handler("shared::orders::audit(&self.orders).await;"),
        (ORDERS, "// shared\n", "#[cfg(feature = \"audit\")]\npub async fn audit(orders: &OrdersTable) { let _ = orders.put_item(\"1\").await; }\n#[cfg(not(feature = \"audit\"))]\npub async fn audit(_: &OrdersTable) {}\n"),
        (GET_MANIFEST, "path = \"../shared\" }", "path = \"../shared\", features = [\"audit\"] }"),
    ] => PUT_ORDERS;
    "another crate": [
        in_handler("ledger::note(&self.customers).await;"),
        (GET_MANIFEST, "tokio = \"1\"", "tokio = \"1\"\nledger = { path = \"../ledger\" }"),
        ("ledger/Cargo.toml", "", "[package]\nname = \"ledger\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\nshared = { path = \"../shared\" }\n"),
        ("ledger/src/lib.rs", "", "use shared::{names::Customers, table::Table};\npub async fn note(table: &Table<Customers>) { let _ = table.put_item().send().await; }\n"),
    ] => PUT_CUSTOMERS;
    "another crate under another name": [
        in_handler("dynamo::Client::new(config()).put_item().table_name(self.customers.name()).send().await?;"),
        (GET_MANIFEST, "aws-sdk-dynamodb = \"1\"", "aws-sdk-dynamodb = \"1\"\ndynamo = { package = \"aws-sdk-dynamodb\", version = \"1\" }"),
    ] => PUT_CUSTOMERS;
    "the user pool": [in_handler("Pool::new(config()).admin_get_user().user_pool_id(pool_id()).username(\"ana\").send().await?;"), (GET, "// uses\n", "use aws_sdk_cognitoidentityprovider::Client as Pool;\n")] =>
        &["+get-order cognito-idp:AdminGetUser user_pool"];
    "the database's secret": [in_handler("aws_sdk_secretsmanager::Client::new(config()).get_secret_value().secret_id(std::env::var(\"DATABASE_SECRET\")?).send().await?;")] =>
        &["+get-order secretsmanager:GetSecretValue database"];
    "one type's method among many of its name": [in_handler("let _ = Other.save(\"1\").await; let _ = self.customers.save(\"1\").await;"), in_items("struct Other;\nimpl Store for Other { async fn save(&self, _: &str) -> Result<String, CallError> { Ok(String::new()) } }")] => PUT_CUSTOMERS;
    "a raw client, by another variable": [(LIST, "    // handler\n", "state.client.delete_item().table_name(env::var(\"TABLE_ORDERS\")?).send().await?;\n")] =>
        &["+list-orders dynamodb:DeleteItem orders"];
    "a raw client, by a field": [(LIST, "    // handler\n", "state.client.scan().table_name(&state.orders).send().await?;\n")] => &["+list-orders dynamodb:Scan orders"];
    "a client by the parent's import": [(LIST, "    // handler\n", "later::wipe(state.client.clone()).await;\n"), (LIST, "// items\n", "mod later { use super::*; pub async fn wipe(db: impl Into<Client>) { one(job::take()).await }\n\
         async fn one(Extension(db): job::Extension<Client>) { db.delete_item().table_name(env::var(\"TABLE_ORDERS\").unwrap()).send().await; } }\n")] => &["+list-orders dynamodb:DeleteItem orders"];
    "a client by a prelude of the shared crate": [
        in_handler("wipe(job::take()).await;"),
        (GET, "// uses\n", "use shared::prelude::*;\n"),
        in_items("async fn wipe(Extension(db): job::Extension<Client>) { db.delete_item().table_name(std::env::var(\"TABLE_ORDERS\").unwrap()).send().await; }"),
        (LIBRARY, "", "\npub mod prelude {\n    pub use aws_sdk_dynamodb::*;\n}\n"),
    ] => DELETE_ORDERS;
    "a client of a thread": [
        in_handler("let db = DB.with(|db| db.get().cloned()).unwrap(); db.delete_item().table_name(std::env::var(\"TABLE_ORDERS\")?).send().await?;"),
        in_items("thread_local! { static DB: OnceCell<aws_sdk_dynamodb::Client> = const { OnceCell::new() } }"),
    ] => DELETE_ORDERS;
    "a waiter": [(LIST, "    // handler\n", "state.client.wait_until_table_exists().table_name(&state.orders).wait(SECOND).await?;\n")] => &["+list-orders dynamodb:DescribeTable orders"];
    "a variable of a table that is not there": [(LIST, "    // handler\n", "state.client.scan().table_name(env::var(\"TABLE_OLD_ORDERS\")?).send().await?;\n")] => &["!list-orders dynamodb:Scan old-orders"];
    "one of two values of a struct": [
        (LIST, "    // handler\n", "Repo { db: state.client.clone(), table: env::var(\"TABLE_ORDERS\")? }.remove().await; Repo { db: state.client.clone(), table: env::var(CUSTOMERS)? }.read().await;\n"),
        (LIST, "// items\n", "struct Repo { db: Client, table: String }\nimpl Repo { async fn read(&self) { self.db.get_item().table_name(&self.table).send().await; } async fn remove(&self) { self.db.delete_item().table_name(&self.table).send().await; } }\n"),
    ] => &["+list-orders dynamodb:DeleteItem orders"];
    "a function in a map": [
        (LIST, "    // handler\n", "let mut all = HashMap::new(); all.insert(\"get\", wipe); (all[\"get\"])(&state.client, &state.orders).await;\n"),
        (LIST, "// items\n", "async fn wipe(db: &Client, table: &str) { db.delete_item().table_name(table).send().await; }\n"),
    ] => &["+list-orders dynamodb:DeleteItem orders"];
    "a table's name in a static": [
        (LIST, "    // handler\n", "state.client.scan().table_name(&*ORDERS).send().await?;\n"),
        (LIST, "// items\n", "static ORDERS: LazyLock<String> = LazyLock::new(|| env::var(\"TABLE_ORDERS\").unwrap());\n"),
    ] => &["+list-orders dynamodb:Scan orders"];
    "a table's name by a helper that makes the variable's": [
        (LIST, "    // handler\n", "state.client.scan().table_name(table(\"orders\")?).send().await?;\n"),
        (LIST, "// items\n", "fn table(name: &str) -> Result<String, Error> { Ok(env::var(format!(\"TABLE_{}\", name.to_uppercase().replace('-', \"_\")))?) }\n"),
    ] => &["+list-orders dynamodb:Scan orders"];
    "a raw client, by a helper for names": [
        (LIST, "    // handler\n", "state.client.update_item().table_name(table(\"ORDERS\")?).send().await?;\n"),
        (LIST, "// items\n", "fn table(_: &str) -> Result<String, Error> { Ok(env::var(\"TABLE_ORDERS\")?) }\n"),
    ] => &["+list-orders dynamodb:UpdateItem orders"];
};

/// Calls that went away, or became others.
pub const REMOVED: &[Variant] = variants! {
    "the call": [(GET, "self.orders.get_item(\"1\").await?", "String::new()")] => &["-get-order dynamodb:GetItem orders"];
    "the way to the call": [(GET, "|request| function.answer(request)", "async |_: Request| Ok::<_, Error>(Response::new(Body::Empty))")] => &["-get-order dynamodb:GetItem orders"];
    "the shared method's own call": [(ORDERS, "match call.send().await {\n            Ok(answer) => Ok(format!(\"{answer:?}\")),\n            Err(error) => Err(CallError::new(\"dynamodb:GetItem\", self.table.name(), &error)),\n        }", "drop(call); Ok(String::new())"), (ORDERS, "let call = self.table.get_item()", "let call = self.table.name(); let call = Some(call)")] => &["-get-order dynamodb:GetItem orders"];
    "it is only in tests now": [(GET, "self.orders.get_item(\"1\").await?", "String::new()"), in_items("#[cfg(test)]\nmod tests { async fn t(f: super::GetOrder) { let _ = f.orders.get_item(\"1\").await; } }")] => &["-get-order dynamodb:GetItem orders"];
    "it is behind a feature that is off": [(GET, "let order = self.orders.get_item(\"1\").await?;", "let order = String::new();\n#[cfg(feature = \"audit\")]\nself.orders.get_item(\"1\").await?;")] => &["-get-order dynamodb:GetItem orders"];
    "another operation": [(ORDERS, "self.table.get_item()", "self.table.query()")] => &["+get-order dynamodb:Query orders", "-get-order dynamodb:GetItem orders"];
    "another table in the handle": [(ORDERS, "table: Table<Orders>,\n", "table: Table<Customers>,\n"), (ORDERS, "-> &Table<Orders>", "-> &Table<Customers>")] => &["+get-order dynamodb:GetItem customers", "-get-order dynamodb:GetItem orders"];
    "another name of the table": [("shared/src/names.rs", "\"orders\"", "\"customers\"")] => &["+get-order dynamodb:GetItem customers", "-get-order dynamodb:GetItem orders"];
    "the table instead of its index": [(LIST, "        .index_name(INDEX)\n", "")] => &["+list-orders dynamodb:Query orders", "-list-orders dynamodb:Query orders/index/by-status"];
    "another index": [(LIST, "\"by-status\"", "\"by-day\"")] => &["!list-orders dynamodb:Query orders/index/by-day", "-list-orders dynamodb:Query orders/index/by-status"];
    "an index instead of the table": [(ORDERS, "self.table.get_item()", "self.table.index::<crate::names::ByStatus>().query()")] => &["+get-order dynamodb:Query orders/index/by-status", "-get-order dynamodb:GetItem orders"];
    "another variable": [(LIST, "\"TABLE_CUSTOMERS\"", "\"TABLE_ORDERS\"")] =>
        &["+list-orders dynamodb:GetItem orders", "+list-orders dynamodb:PutItem orders", "-list-orders dynamodb:GetItem customers", "-list-orders dynamodb:PutItem customers"];
    "a member of the transaction": [(LIST, "    remember(state, \"1\").await?;\n", "")] => &["-list-orders dynamodb:PutItem customers"];
    "another kind of member": [(LIST, "{AttributeValue, Put, TransactWriteItem}", "{AttributeValue, Delete, TransactWriteItem}"), (LIST, "Put::builder()", "Delete::builder()"), (LIST, ".put(put)", ".delete(put)")] =>
        &["+list-orders dynamodb:DeleteItem customers", "-list-orders dynamodb:PutItem customers"];
    "the user pool's call": [(LIST, "state.pool.admin_get_user().user_pool_id(pool).username(\"ana\").send().await?", "User::none(pool)")] => &["-list-orders cognito-idp:AdminGetUser user_pool"];
    "another call of the user pool": [(LIST, "state.pool.admin_get_user()", "state.pool.admin_delete_user()")] => &["+list-orders cognito-idp:AdminDeleteUser user_pool", "-list-orders cognito-idp:AdminGetUser user_pool"];
    "a call that needs no right": [(LIST, "state.pool.admin_get_user().user_pool_id(pool).username(\"ana\")", "state.pool.get_user().access_token(pool)")] => &["-list-orders cognito-idp:AdminGetUser user_pool"];
    "a grant too many": [(GET_MANIFEST, "[\"dynamodb:GetItem\"]", "[\"dynamodb:GetItem\", \"dynamodb:Scan\"]")] => &["-get-order dynamodb:Scan orders"];
    "a grant on another table": [(GET_MANIFEST, "orders = [", "customers = [\"dynamodb:Query\"]\norders = [")] => &["-get-order dynamodb:Query customers"];
    "a grant on the index": [(GET_MANIFEST, "orders = [", "\"orders/index/by-status\" = [\"dynamodb:Query\"]\norders = [")] => &["-get-order dynamodb:Query orders/index/by-status"];
    "the grant": [(GET_MANIFEST, "orders = [\"dynamodb:GetItem\"]", "customers = [\"dynamodb:GetItem\"]")] => &["+get-order dynamodb:GetItem orders", "-get-order dynamodb:GetItem customers"];
};

/// Calls of which it cannot be told what they are or what they are on.
pub const UNRESOLVED: &[Variant] = variants! {
    "a table that comes with the request": [(LIST, "    // handler\n", "state.client.delete_item().table_name(event.payload[\"table\"].as_str().unwrap_or_default()).send().await?;\n")] => &["?list-orders/src/main.rs"];
    "a table out of a variable that is no table's": [(LIST, "    // handler\n", "state.client.delete_item().table_name(env::var(\"WHICH\")?).send().await?;\n")] => &["?list-orders/src/main.rs"];
    "no table at all": [(LIST, "    // handler\n", "state.client.delete_item().key(\"id\", id()).send().await?;\n")] => &["?list-orders/src/main.rs"];
    "a handle that does not say which": [in_handler("let table: Table<_> = Table::new(name(), &self.aws); table.put_item().send().await?;")] => &["?get-order/src/main.rs"];
    "a receiver of which nothing is known": [in_handler("plugins(|client| client.put_item().send());"), in_items("fn plugins<F>(run: F) { let _ = host::register(run); }")] => &["?get-order/src/main.rs"];
    "a type parameter without bounds": [
        in_handler("save(host::store()).await;"),
        in_items("async fn save<T>(store: T) { store.put_item().send().await; }"),
    ] => &["?get-order/src/main.rs"];
    "an index that is not told": [(LIST, ".index_name(INDEX)", ".index_name(event.payload[\"index\"].to_string())")] => &["?list-orders/src/main.rs"];
    "a transaction whose members are not told": [(LIST, "    // handler\n", "state.client.transact_write_items().set_transact_items(members(&event)).send().await?;\n")] => &["?list-orders/src/main.rs"];
    "a statement that is not told": [(LIST, "    // handler\n", "state.client.execute_statement().statement(statement(&event)).send().await?;\n")] => &["?list-orders/src/main.rs"];
    "a service that cannot be granted": [in_handler("aws_sdk_s3::Client::new(config()).put_object().bucket(\"b\").send().await?;")] => &["?get-order/src/main.rs"];
    "a presigned request of such a service": [in_handler("let url = aws_sdk_s3::Client::new(config()).get_object().bucket(\"b\").key(\"k\").presigned(hour()).await?;")] => &["?get-order/src/main.rs"];
    "every table": [(LIST, "    // handler\n", "state.client.list_tables().send().await?;\n")] => &["?list-orders/src/main.rs"];
    "a call in tokens of no known form": [in_handler("grammar!(self.orders ==> then .put_item(\"1\") <== end);")] => &["?get-order/src/main.rs"];
    "a call in debug builds alone": [in_handler("#[cfg(debug_assertions)]\nself.orders.put_item(\"1\").await?;")] => &["?shared/src/orders.rs"];
    "a call that is in debug builds alone now": [(GET, "let order = self.orders.get_item(\"1\").await?;", "let order = String::new();\n#[cfg(debug_assertions)]\nself.orders.get_item(\"1\").await?;")] => &["?shared/src/orders.rs"];
    "a table whose name is written down": [(LIST, "    // handler\n", "state.client.delete_item().table_name(\"orders\").send().await?;\n")] => &["?list-orders/src/main.rs"];
    "a table whose name is written down in a statement": [(LIST, "    // handler\n", "state.client.execute_statement().statement(\"DELETE FROM \\\"orders\\\"\").send().await?;\n")] => &["?list-orders/src/main.rs"];
    "a table whose name is put together": [(LIST, "    // handler\n", "state.client.delete_item().table_name(format!(\"{}-archive\", state.orders)).send().await?;\n")] => &["?list-orders/src/main.rs"];
    "another secret": [in_handler("aws_sdk_secretsmanager::Client::new(config()).get_secret_value().secret_id(\"shop/stripe\").send().await?;")] => &["?get-order/src/main.rs"];
    "a secret in another variable": [in_handler("aws_sdk_secretsmanager::Client::new(config()).get_secret_value().secret_id(std::env::var(\"STRIPE\")?).send().await?;")] => &["?get-order/src/main.rs"];
    "another user pool": [(LIST, ".user_pool_id(pool)", ".user_pool_id(\"eu-west-1_abc\")")] => &["?list-orders/src/main.rs"];
    "code that is included": [in_handler("include!(\"rest.in\");")] => &["! code that is included from another file is not read"];
    "a client that leaves the workspace": [
        in_handler("outside::wipe(&client()).await;"),
        in_items("fn client() -> aws_sdk_dynamodb::Client { aws_sdk_dynamodb::Client::new(config()) }"),
        (GET_MANIFEST, "tokio = \"1\"", "tokio = \"1\"\noutside = { path = \"../../outside\" }"),
        ("../Cargo.toml", "[workspace]\n", "[workspace]\nexclude = [\"outside\"]\n"),
        ("../outside/Cargo.toml", "", "[package]\nname = \"outside\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
        ("../outside/src/lib.rs", "", "pub async fn wipe<T>(_: &T) {}\n"),
    ] => &["?get-order/src/main.rs"];
    "a client of an unknown name": [(GET, "// uses\n", "use outside::prelude::*;\n"), in_items("async fn wipe(db: Db) { db.delete_item().send().await; }"), in_handler("wipe(registry::take()).await;")] => &["?get-order/src/main.rs"];
    "a request that goes out of sight": [in_handler("queue::enqueue(self.customers.put_item());")] => &["?get-order/src/main.rs"];
};

/// Changes that change no right.
pub const HARMLESS: &[Variant] = variants! {
    "a helper that nobody calls": [in_items("async fn unused(orders: &OrdersTable) { let _ = orders.put_item(\"1\").await; }")] => NOTHING;
    "a method that nobody calls": [in_methods("async fn unused(&self) { let _ = self.customers.put_item().send().await; }")] => NOTHING;
    "tests": [in_items("#[cfg(test)]\nmod tests { #[tokio::test] async fn saves() { table().put_item(\"1\").await.unwrap(); } }")] => NOTHING;
    "a test of its own file": [in_items("#[cfg(test)]\nmod tests;"), ("get-order/src/tests.rs", "", "async fn f() { client().delete_table().send().await; }")] => NOTHING;
    "a feature that is off": [in_handler("#[cfg(feature = \"audit\")]\nself.orders.put_item(\"1\").await?;")] => NOTHING;
    "a file of a feature that is off": [in_items("#[cfg(feature = \"audit\")]\nmod audit;")] => NOTHING;
    "the same call behind a helper": [(GET, "self.orders.get_item(\"1\").await?", "read(&self.orders).await?"), in_items("async fn read(orders: &OrdersTable) -> Result<String, Error> { Ok(orders.get_item(\"1\").await?) }")] => NOTHING;
    "the same call behind a trait object": [
        (GET, "self.orders.get_item(\"1\").await?", "{ let reader: Arc<dyn Reader> = Arc::new(OrdersTable::from_env(&self.aws)?); reader.read().await? }"),
        in_items("#[async_trait] trait Reader { async fn read(&self) -> Result<String, Error>; }\n#[async_trait] impl Reader for OrdersTable { async fn read(&self) -> Result<String, Error> { Ok(self.get_item(\"1\").await?) } }\n\
                  #[async_trait] impl Reader for Table<Customers> { async fn read(&self) -> Result<String, Error> { self.put_item().send().await; Ok(String::new()) } }"),
    ] => NOTHING;
    "the same call twice": [in_handler("self.orders.get_item(\"2\").await?;")] => NOTHING;
    "the same call by the handle": [(GET, "self.orders.get_item(\"1\").await?", "format!(\"{:?}\", self.orders.table().get_item().send().await?)")] => NOTHING;
    "a client of another crate with the same words": [
        in_handler("let postgres: tokio_postgres::Client = connect().await?; postgres.query(\"select 1\", &[]).await?; postgres.execute(\"x\", &[]).await?;"),
    ] => NOTHING;
    "a type of our own with the same words": [
        in_handler("let cache = Cache::default(); cache.put_item(\"1\"); cache.query(\"2\"); cache.send();"),
        in_items("#[derive(Default)]\nstruct Cache;\nimpl Cache { fn put_item(&self, _: &str) {} fn query(&self, _: &str) {} fn send(&self) {} }"),
    ] => NOTHING;
    "words in texts and comments": [in_handler("// self.orders.put_item(\"1\").await?;\nlet text = \"client.put_item().send()\";")] => NOTHING;
    "maps, headers and options": [in_handler("let mut map = std::collections::HashMap::new(); map.insert(\"a\", order.clone()); let found = map.get(\"a\").map(|text| text.len()).filter(|length| *length > 0);\nif let Some(length) = found { tracing::info!(length, order = %order, \"found\"); }")] => NOTHING;
    "clients in well-known hands": [(LIST, "    // handler\n", "let app = axum::Router::new().layer(axum::Extension(state.client.clone())).with_state(std::sync::Arc::new(state.pool.clone())); tokio::spawn(axum::serve(listener, app));\n")] => NOTHING;
    "an error's words": [(LIST, "    // handler\n", "let name = env::var(\"TABLE_ORDERS\").with_context(|| \"no orders\").context(\"none\")?; state.client.query().table_name(name).index_name(INDEX).send().await?;\n")] => NOTHING;
    "a clone of the client": [(LIST, "    // handler\n", "let client = state.client.clone(); let region = client.config().region().cloned();\n")] => NOTHING;
    "a call of the pool that needs no right": [(LIST, "    // handler\n", "state.pool.get_user().access_token(\"t\").send().await?;\n")] => NOTHING;
    "another module for the same code": [(GET, "use shared::orders::{OrdersTable, Store};", "use crate::local::OrdersTable;\nuse shared::orders::Store;"), in_items("mod local { pub use shared::orders::OrdersTable; }")] => NOTHING;
    "a name that is shadowed": [in_handler("let customers = &order; let text = customers.clone();")] => NOTHING;
};
