//! Which route a request takes.
//! Source: API Gateway developer guide, "Routing API requests" of HTTP APIs.

use std::cmp::Ordering;

use super::model::Route;

/// A route key taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteKey<'a> {
    Default,
    /// The method is `ANY` or one method.
    Path {
        method: &'a str,
        path: &'a str,
    },
}

const METHODS: [&str; 8] = ["ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// `$default` or `METHOD /path`; `None` for anything else.
pub fn parse(key: &str) -> Option<RouteKey<'_>> {
    if key == "$default" {
        return Some(RouteKey::Default);
    }
    let (method, path) = key.split_once(' ')?;
    let segments = path.strip_prefix('/')?.split('/').collect::<Vec<_>>();
    let greedy_inside =
        segments.iter().rev().skip(1).any(|segment| matches!(variable(segment), Some((_, true))));
    let well_formed = segments.iter().all(|segment| {
        let inner = match variable(segment) {
            Some((name, _)) => !name.is_empty() && !name.contains(['{', '}', '+']),
            None => !segment.contains(['{', '}']),
        };
        inner && (!segment.is_empty() || segments.len() == 1)
    });
    (METHODS.contains(&method) && well_formed && !greedy_inside).then_some(RouteKey::Path { method, path })
}

/// `{name}` or the greedy `{name+}`.
fn variable(segment: &str) -> Option<(&str, bool)> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    Some(name.strip_suffix('+').map_or((name, false), |name| (name, true)))
}

/// The path parameters where the path fits the pattern, still percent-encoded.
fn fit<'a>(pattern: &'a str, path: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let mut parameters = Vec::new();
    let mut rest = path.strip_prefix('/')?;
    let mut segments = pattern.strip_prefix('/')?.split('/').peekable();
    while let Some(segment) = segments.next() {
        if let Some((name, true)) = variable(segment) {
            parameters.push((name, rest));
            return (!rest.is_empty()).then_some(parameters);
        }
        let (head, tail) = match rest.split_once('/') {
            Some((head, tail)) => (head, Some(tail)),
            None => (rest, None),
        };
        match variable(segment) {
            Some((name, _)) if !head.is_empty() => parameters.push((name, head)),
            Some(_) => return None,
            None if segment == head => {}
            None => return None,
        }
        match (tail, segments.peek()) {
            (Some(tail), Some(_)) => rest = tail,
            (None, None) => return Some(parameters),
            (Some(_), None) | (None, Some(_)) => return None,
        }
    }
    None
}

/// How far a segment narrows: text before a variable before a greedy one.
fn rank(segment: &str) -> u8 {
    match variable(segment) {
        None => 0,
        Some((_, false)) => 1,
        Some((_, true)) => 2,
    }
}

/// The narrower of two patterns that fit the same path comes first; then a method before `ANY`.
fn narrower(one: &RouteKey<'_>, other: &RouteKey<'_>) -> Ordering {
    match (one, other) {
        (RouteKey::Default, RouteKey::Default) => Ordering::Equal,
        (RouteKey::Default, RouteKey::Path { .. }) => Ordering::Greater,
        (RouteKey::Path { .. }, RouteKey::Default) => Ordering::Less,
        (RouteKey::Path { method: m1, path: p1 }, RouteKey::Path { method: m2, path: p2 }) => p1
            .split('/')
            .map(rank)
            .cmp(p2.split('/').map(rank))
            .then_with(|| (*m1 == "ANY").cmp(&(*m2 == "ANY"))),
    }
}

/// The route of a request, with its path parameters, still percent-encoded.
pub fn select<'a>(
    routes: impl Iterator<Item = &'a Route>,
    method: &str,
    path: &'a str,
) -> Option<(&'a Route, Vec<(&'a str, &'a str)>)> {
    routes
        .filter_map(|route| {
            let key = parse(&route.route_key)?;
            let parameters = match &key {
                RouteKey::Default => Vec::new(),
                RouteKey::Path { method: own, path: pattern } => {
                    if *own != "ANY" && *own != method {
                        return None;
                    }
                    fit(pattern, path)?
                }
            };
            Some((key, route, parameters))
        })
        .min_by(|(one, ..), (other, ..)| narrower(one, other))
        .map(|(_, route, parameters)| (route, parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(keys: &[&str]) -> Vec<Route> {
        keys.iter()
            .map(|key| Route {
                api_id: String::new(),
                route_key: (*key).to_owned(),
                target: None,
                authorization_type: None,
                authorizer_id: None,
                authorization_scopes: Vec::new(),
                operation_name: None,
            })
            .collect()
    }

    #[test]
    fn the_most_specific_route_wins() {
        // The table of the developer guide.
        let all = routes(&[
            "$default",
            "ANY /{proxy+}",
            "GET /pets/{proxy+}",
            "GET /pets/dog/{id}",
            "GET /pets/dog/1",
        ]);
        let chosen = |method, path| {
            select(all.iter(), method, path).map(|(route, _)| route.route_key.clone()).unwrap()
        };
        assert_eq!(chosen("GET", "/pets/dog/1"), "GET /pets/dog/1");
        assert_eq!(chosen("GET", "/pets/dog/2"), "GET /pets/dog/{id}");
        assert_eq!(chosen("GET", "/pets/cat/1"), "GET /pets/{proxy+}");
        assert_eq!(chosen("POST", "/test/5"), "ANY /{proxy+}");
        assert_eq!(chosen("POST", "/"), "$default");
    }

    #[test]
    fn a_method_comes_before_any_on_the_same_path() {
        let all = routes(&["ANY /a", "GET /a"]);
        assert_eq!(select(all.iter(), "GET", "/a").unwrap().0.route_key, "GET /a");
        assert_eq!(select(all.iter(), "PUT", "/a").unwrap().0.route_key, "ANY /a");
    }

    #[test]
    fn parameters_are_taken_from_the_path() {
        let all = routes(&["GET /users/{id}/{rest+}"]);
        let (_, parameters) = select(all.iter(), "GET", "/users/7/a/b").unwrap();
        assert_eq!(parameters, [("id", "7"), ("rest", "a/b")]);
        for other in ["/users/7", "/users/7/", "/users//a", "/users/7/a/b/../c".trim_end_matches("/a/b/../c")]
        {
            assert!(select(all.iter(), "GET", other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_trailing_slash_is_another_path() {
        let all = routes(&["GET /a"]);
        assert!(select(all.iter(), "GET", "/a/").is_none());
        assert!(select(all.iter(), "get", "/a").is_none());
    }

    #[test]
    fn malformed_keys_are_none() {
        for key in
            ["GET", "GET a", "FETCH /a", "get /a", "GET /{a+}/b", "GET /a//b", "GET /{}", "GET /x{a}", ""]
        {
            assert_eq!(parse(key), None, "{key}");
        }
        assert!(parse("GET /").is_some());
    }
}
