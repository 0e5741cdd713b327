//! Requests to AWS while they are built, and calls of which it cannot be told what they are.

use super::analysis::{Analysis, Frame};
use super::sdk;
use super::value::{Atom, Request, Site, Value};
use crate::place::Fault;

impl<'w> Analysis<'w> {
    /// Requests that a handle began are begun by whoever calls the handle.
    pub fn moved(&mut self, value: Value, site: Site) -> Value {
        let mut moved = Value::none();
        for atom in value.0 {
            moved.add(Value::of(match atom {
                Atom::Request(request) => {
                    let here = Request { at: site, ..request.clone() };
                    if let Some((_, sent)) = self.begun.get_mut(&request.at) {
                        *sent = true;
                    }
                    self.begun.entry(site).or_insert_with(|| (here.clone(), false));
                    Atom::Request(here)
                }
                other => other,
            }));
        }
        moved
    }

    pub fn begin(&mut self, service: &str, operation: &str, member: bool, site: Site) -> Value {
        let request = Request {
            service: service.to_owned(),
            operation: sdk::operation_of(service, operation).to_owned(),
            member,
            at: site,
            set: Vec::new(),
        };
        self.begun.entry(site).or_insert_with(|| (request.clone(), false));
        Value::of(Atom::Request(request))
    }

    /// A method of a request that is being built.
    pub fn build(&mut self, request: &Request, name: &str, arguments: &[Value]) -> Value {
        let ends = if request.member {
            name == "build"
        } else {
            matches!(
                name,
                "send" | "send_with" | "wait" | "presigned" | "orchestrate" | "build" | "into_future"
            )
        };
        if ends {
            self.sent.insert(request.clone());
            if let Some((_, sent)) = self.begun.get_mut(&request.at) {
                *sent = true;
            }
            return if request.member { Value::of(Atom::Request(request.clone())) } else { Value::opaque() };
        }
        let key = sdk::setting(name);
        if !sdk::names_resource(name) {
            return Value::of(Atom::Request(request.clone()));
        }
        let given = arguments.iter().cloned().collect::<Value>();
        let mut request = request.clone();
        match request.set.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => known.add(given),
            None => request.set.push((key.to_owned(), given)),
        }
        request.set.sort();
        Value::of(Atom::Request(request))
    }

    /// A call of something of which nothing is known, by the name of an operation.
    pub fn unresolved(&mut self, name: &str, site: Site) {
        if sdk::is_operation(name) {
            let fault = Fault::new(
                "unresolved-call",
                format!("it cannot be told on what `{name}` is called here"),
            )
            .help(
                "write the type of what it is called on, or call it through a handle such as Table<Profiles>",
            );
            self.fault(site, fault);
        }
    }

    /// Something of a crate that is not read, made or called by a path: it must not have a client.
    pub fn unread(&mut self, path: &[String], given: &[Value], site: Site) {
        let Some(first) = path.first() else { return };
        let index = self.index;
        let unread = &index.scopes[site.scope].source.unread;
        // A name that nothing brings is one that a macro makes.
        let is_made = || {
            let others = index.unknown_names(site.scope);
            path.len() == 1
                && !matches!(first.as_str(), "Some" | "Ok" | "Err" | "drop" | "Box" | "Self")
                && (others.is_empty() || others.iter().any(|other| unread.contains(other)))
        };
        if given.iter().any(can_call) && (unread.contains(first) || is_made()) {
            let message = format!("what {first} calls with this client cannot be told: its code is not read");
            let help = "make it a member of the workspace, or make the calls in a crate that is one";
            self.fault(site, Fault::new("unresolved-call", message).help(help));
        }
    }

    /// What is known of a value that comes from a crate that is not read: that it does.
    pub fn of_unread(&self, path: &[String], scope: usize) -> Value {
        match path.first() {
            Some(first) if self.index.scopes[scope].source.unread.contains(first) => {
                Value::of(Atom::External(vec![first.clone()], Value::none()))
            }
            _ => Value::none(),
        }
    }

    /// A call in tokens of a macro that cannot be read.
    pub fn lost(&mut self, frame: &Frame<'w>, name: &str, span: proc_macro2::Span) {
        if sdk::is_operation(name) {
            let site = self.site(frame, span);
            let fault = Fault::new(
                "unresolved-call",
                format!("`{name}` is called within a macro that cannot be read"),
            )
            .help("call it before the macro, and give the macro what it answered");
            self.fault(site, fault);
        }
    }
}

/// Whether calls can be made with a value.
fn can_call(value: &Value) -> bool {
    value.iter().any(|atom| match atom {
        Atom::Client(_) => true,
        Atom::Request(request) => !request.member,
        Atom::Tuple(parts) | Atom::Instance(_, parts) => parts.iter().any(can_call),
        _ => false,
    })
}
