//! Routes of the HTTP API, as `Cargo.toml` writes them: `GET /user/profile`.

use std::fmt;
use std::str::FromStr;

use super::names::pascal_case;

/// A method and a path of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Route {
    pub method: Method,
    /// Starts with `/`; variables as `{name}`, a greedy last one as `{name+}`.
    pub path: String,
}

/// What an HTTP API can route by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    Any,
    Delete,
    Get,
    Head,
    Options,
    Patch,
    Post,
    Put,
}

/// Why a text is no route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a route: {rule}")]
pub struct RouteError {
    text: String,
    rule: &'static str,
}

impl Method {
    const ALL: [Self; 8] =
        [Self::Any, Self::Delete, Self::Get, Self::Head, Self::Options, Self::Patch, Self::Post, Self::Put];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "ANY",
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)
    }
}

impl Route {
    /// The path with the names of its variables left out: API Gateway tells routes apart by it.
    pub fn shape(&self) -> String {
        let parts = self.path.split('/').map(|part| match part.strip_prefix('{') {
            Some(rest) if rest.ends_with("+}") => "{+}",
            Some(_) => "{}",
            None => part,
        });
        format!("{} {}", self.method, parts.collect::<Vec<_>>().join("/"))
    }

    /// The start of the route's logical ids: `GET /user/{id}` -> `GetUserId`.
    pub fn logical_name(&self) -> String {
        let words = self.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        words
            .map(pascal_case)
            .fold(pascal_case(&self.method.as_str().to_ascii_lowercase()), |name, word| name + &word)
    }
}

impl FromStr for Route {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        let fail = |rule| Err(RouteError { text: text.to_owned(), rule });
        let Some((method, path)) = text.split_once(' ') else {
            return fail("a method, one space and a path, such as GET /user/profile");
        };
        let Some(method) = Method::ALL.into_iter().find(|known| known.as_str() == method) else {
            return fail("the method is one of GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS, ANY");
        };
        let Some(parts) = path.strip_prefix('/') else {
            return fail("the path starts with /");
        };
        if path == "/" {
            return Ok(Self { method, path: path.to_owned() });
        }
        let mut names = Vec::new();
        let last = parts.split('/').count() - 1;
        for (position, part) in parts.split('/').enumerate() {
            let variable = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let Some(variable) = variable else {
                let valid = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
                if part.is_empty() || !part.chars().all(valid) {
                    return fail("between slashes stand letters, digits and - . _ ~, or one {variable}");
                }
                continue;
            };
            let name = variable.strip_suffix('+').unwrap_or(variable);
            if name != variable && position != last {
                return fail("only the last part may be greedy ({name+})");
            }
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return fail("a variable's name has letters, digits and _");
            }
            if names.contains(&name) {
                return fail("each variable has its own name");
            }
            names.push(name);
        }
        Ok(Self { method, path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(text: &str) -> Route {
        text.parse().unwrap()
    }

    #[test]
    fn a_route_is_a_method_and_a_path() {
        for good in ["GET /user/profile", "ANY /{proxy+}", "POST /a/{id}/b", "DELETE /"] {
            assert_eq!(route(good).to_string(), good);
        }
        for bad in [
            "",
            "GET",
            "/user",
            "get /user",
            "GET user",
            "GET  /user",
            "GET /user/",
            "GET //",
            "FETCH /user",
            "GET /{a+}/b",
            "GET /{a}/{a}",
            "GET /{}",
            "GET /a{b}",
            "GET /a b",
            "GET /ü",
            "$default",
        ] {
            assert!(bad.parse::<Route>().is_err(), "{bad}");
        }
    }

    #[test]
    fn routes_that_differ_in_variable_names_only_are_the_same() {
        assert_eq!(route("GET /a/{x}").shape(), route("GET /a/{y}").shape());
        assert_ne!(route("GET /a/{x}").shape(), route("GET /a/{x+}").shape());
        assert_ne!(route("GET /a/x").shape(), route("GET /a/{x}").shape());
    }

    #[test]
    fn logical_names_follow_method_and_path() {
        assert_eq!(route("GET /user/profile").logical_name(), "GetUserProfile");
        assert_eq!(route("ANY /{proxy+}").logical_name(), "AnyProxy");
    }
}
