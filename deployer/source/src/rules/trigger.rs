//! Rules on Cognito triggers: Cognito takes anything but the event for an error, and sends the same event again.

use super::facts::{Answer, Facts};
use super::program::Program;
use super::value::{Kind, Value};
use super::{Event, Findings, Function};

pub fn check(function: &Function, program: &Program<'_>, facts: &Facts, findings: &mut Findings) {
    let Event::Trigger(trigger) = function.event else { return };
    for (place, how) in &facts.swallowed {
        let message = format!("a write fails and nobody learns of it: {how}");
        findings.add("swallowed-error", place, message);
    }
    answers(program, facts, findings);
    random_keys(function, facts, findings);
    unconditional(facts, findings);
    if trigger == "PostConfirmation" && !facts.names.contains("triggersource") {
        let asked = facts.texts.iter().any(|(text, _)| text.starts_with("PostConfirmation_"));
        if let Some(write) = facts.writes.iter().find(|write| !write.called && !asked) {
            let message = "this write also happens when a forgotten password was replaced".to_owned();
            findings.add("any-trigger-source", &write.place, message);
        }
    }
}

/// What the handler answers, by its type, and by its value where the type allows the event.
fn answers(program: &Program<'_>, facts: &Facts, findings: &mut Findings) {
    const RULE: &str = "wrong-answer";
    let handlers = facts.handlers.iter().map(|id| (*id, &program.routines[*id]));
    let mut payloads = Vec::new();
    for (id, routine) in handlers {
        let event = routine.parameters().filter_map(|parameter| super::program::named(&parameter.ty));
        let Some(payload) =
            event.filter(|found| found.name == "LambdaEvent").find_map(|found| found.argument)
        else {
            continue;
        };
        let place = program.place(id, syn::spanned::Spanned::span(&routine.signature.output));
        let answer = routine.output().map_or_else(|| "()".to_owned(), |found| found.name);
        let structure = program.structs.get(&answer);
        if is_never_an_event(&answer) || (structure.is_some() && answer != payload) {
            findings.add(RULE, &place, format!("the trigger answers {answer} and not its event"));
        } else if structure.is_some_and(|structure| !structure.open) {
            let message = format!("{answer} drops the fields of the event that it does not name");
            findings.add(RULE, &place, message);
        } else {
            payloads.push(payload);
        }
    }
    // What the closure around a handler answers is what the handler does.
    let (outer, inner): (Vec<&Answer>, Vec<&Answer>) =
        facts.answers.iter().partition(|answer| answer.handler);
    for answers in [inner, outer] {
        let wrong = answers.into_iter().filter(|answer| is_wrong(program, facts, &payloads, answer));
        let wrong: Vec<&Answer> = wrong.collect();
        for answer in &wrong {
            findings.add(RULE, &answer.place, "the trigger answers something else than its event".to_owned());
        }
        if !wrong.is_empty() {
            break;
        }
    }
}

/// Whether it is an answer to Cognito, by the handler or a function that the event is passed on to, and not the event.
fn is_wrong(program: &Program<'_>, facts: &Facts, payloads: &[String], answer: &Answer) -> bool {
    let routine = &program.routines[answer.routine];
    let handles = facts.handlers.contains(&answer.routine) || answer.handler;
    let takes = |name: &String| {
        let mut types = routine.parameters().filter_map(|parameter| super::program::named(&parameter.ty));
        types.any(|found| found.name == *name || found.argument.as_ref() == Some(name))
    };
    let passes_on =
        routine.output().is_some_and(|output| payloads.contains(&output.name) && takes(&output.name));
    let is_part = handles && !answer.value.is_event() && answer.value.has(Kind::Part);
    is_part || ((handles || passes_on) && is_something_else(&answer.value))
}

fn is_never_an_event(answer: &str) -> bool {
    ["String", "str", "()", "bool", "u16", "u32", "i32"].contains(&answer) || answer.ends_with("Response")
}

fn is_something_else(value: &Value) -> bool {
    !value.is_event() && (value.built || value.literal.is_some())
}

fn random_keys(function: &Function, facts: &Facts, findings: &mut Findings) {
    const RULE: &str = "random-key";
    let is_id = |name: &str| {
        let plain = super::access::plain(name);
        let own = plain == "id" || plain == "uuid" || function.is_key(name) || plain.ends_with("id");
        own && !["requestid", "correlationid", "traceid", "spanid", "runid", "sessionid", "awsrequestid"]
            .contains(&plain.as_str())
    };
    let message =
        |name: &str, mark: &str| format!("{name} is {mark}: each repeat of the event makes another row");
    let by_chance = |value: &Value| value.mark(Kind::Random).map(|mark| mark.what.clone());
    for entry in facts.entries.iter().filter(|entry| is_id(&entry.name)) {
        if let Some(mark) = by_chance(&entry.value) {
            findings.add(RULE, &entry.place, message(&format!("{:?}", entry.name), &mark));
        }
    }
    let by_time = |value: &Value| value.mark(Kind::Time).map(|mark| mark.what.clone());
    for call in &facts.calls {
        match (call.name.as_str(), call.args.as_slice()) {
            ("key" | "item", [name, value])
                if name.literal.as_deref().is_some_and(|name| function.is_key(name)) =>
            {
                if let Some(mark) = by_chance(value).or_else(|| by_time(value)) {
                    let name = name.literal.clone().unwrap_or_default();
                    findings.add(RULE, &call.place, message(&format!("{name:?}"), &mark));
                }
            }
            ("client_request_token", [token]) => {
                if let Some(mark) = by_chance(token) {
                    findings.add(RULE, &call.place, message("the request token", &mark));
                }
            }
            ("execute" | "query" | "query_one" | "bind", args) => {
                if let Some(mark) = args.iter().find_map(by_chance) {
                    findings.add(RULE, &call.place, message("a value of the row", &mark));
                }
            }
            _ => {}
        }
    }
}

fn unconditional(facts: &Facts, findings: &mut Findings) {
    const RULE: &str = "unconditional-write";
    for write in facts.writes.iter().filter(|write| !write.called) {
        let Some(effect) = &write.value.effect else { continue };
        let makes = effect.operation == "put_item" || effect.operation == "sql";
        if makes && !effect.conditional {
            let message = "a repeat of the event writes the row again, over what has become of it".to_owned();
            findings.add(RULE, &write.place, message);
        }
    }
    for (place, _) in facts.members.iter().filter(|(_, conditional)| !conditional) {
        let message = "a repeat of the event writes this row again, over what has become of it".to_owned();
        findings.add(RULE, place, message);
    }
}
