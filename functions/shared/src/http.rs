//! An HTTP function's frame: finds the caller, answers every request, and writes one log line about it.

use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use lambda_http::http::{HeaderValue, Response};
use lambda_http::{Body, Request, RequestExt};

use crate::caller::Caller;
use crate::problem::Problem;

/// Does `work` for the request's caller and answers what it answers, or the problem it met.
pub async fn respond<F>(request: &Request, work: impl FnOnce(Caller) -> F) -> Response<Body>
where
    F: Future<Output = Result<Response<Body>, Problem>>,
{
    let caller = Caller::of(request);
    let subject = caller.as_ref().ok().map(|caller| caller.sub.hash());
    let result = match caller {
        Ok(caller) => work(caller).await,
        Err(problem) => Err(problem),
    };
    match result {
        Ok(response) => {
            tracing::info!(subject, status = response.status().as_u16(), "answered");
            response
        }
        Err(problem) => {
            if let Some(cause) = &problem.cause {
                cause.log();
            }
            tracing::info!(subject, status = problem.status.as_u16(), code = problem.code, "answered");
            problem.response(request_id(request))
        }
    }
}

/// 200 with a JSON text.
pub fn json(text: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // It is one caller's own: no cache between may keep it.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Lambda's id of the request: the one in its log lines.
fn request_id(request: &Request) -> &str {
    request.lambda_context_ref().map_or("unknown", |context| context.request_id.as_str())
}
