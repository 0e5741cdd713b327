//! Plain HTTP over the SDK's own client: one TLS stack, the same certificates and proxies.

use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_async::rt::sleep::default_async_sleep;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use super::Error;

/// An answer.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Sends one request without signing it.
pub async fn http(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: Option<Vec<u8>>,
) -> Result<HttpAnswer, Error> {
    let invalid = |error: &dyn std::fmt::Display| Error::Rejected {
        code: "InvalidRequest".to_owned(),
        message: format!("{url}: {error}"),
    };
    let mut request = HttpRequest::new(body.map_or_else(SdkBody::empty, SdkBody::from));
    request.set_method(method).map_err(|error| invalid(&error))?;
    request.set_uri(url.to_owned()).map_err(|error| invalid(&error))?;
    for (name, value) in headers {
        request
            .headers_mut()
            .try_insert((*name).to_owned(), (*value).to_owned())
            .map_err(|error| invalid(&error))?;
    }
    let connector = connector().ok_or_else(|| Error::Unreachable("there is no HTTP client".to_owned()))?;
    let answer = connector.call(request).await.map_err(|error| Error::Unreachable(innermost(&error)))?;
    let status = answer.status().as_u16();
    let headers =
        answer.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>();
    let body = ByteStream::new(answer.into_body()).collect().await;
    let body = body.map_err(|error| Error::Garbled(format!("{url}: {error}")))?.to_vec();
    Ok(HttpAnswer { status, headers, body })
}

/// The last cause says what happened ("connection refused").
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn connector() -> Option<&'static SharedHttpConnector> {
    static CONNECTOR: OnceLock<Option<SharedHttpConnector>> = OnceLock::new();
    CONNECTOR
        .get_or_init(|| {
            let settings = HttpConnectorSettings::builder().connect_timeout(Duration::from_secs(4)).build();
            aws_smithy_http_client::default_connector(&settings, default_async_sleep())
        })
        .as_ref()
}
