//! HTTP APIs over HTTP, before a real function and with real tokens.

use std::collections::BTreeMap;

use aws_sdk_cognitoidentityprovider::types::AuthFlowType;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use localcloud::Running;
use localcloud::auth::Principal;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::lambda::{function, make, request};
use crate::support::{administrator, cloud};

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}: {}", self.status, self.body))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// One request over a connection of its own.
async fn send(cloud: &Running, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut stream = tokio::net::TcpStream::connect(cloud.address()).await.unwrap();
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| *name == "host") {
        head.push_str(&format!("host: {}\r\n", cloud.address()));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let at = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..at].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = BTreeMap::new();
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        let known: &mut String = headers.entry(name.to_lowercase()).or_default();
        known.push_str(value);
    }
    Answer { status, headers, body: String::from_utf8(answer[at + 4..].to_vec()).unwrap() }
}

/// An API before the function `f` that echoes its event.
struct Setup {
    cloud: Running,
    api: String,
    integration: String,
    function: String,
}

impl Setup {
    async fn new(api: Value) -> Self {
        let cloud = cloud().await;
        let function = function(&cloud, json!({})).await.attributes["Arn"].as_str().unwrap().to_owned();
        let mut properties = json!({"Name": "a", "ProtocolType": "HTTP"});
        properties.as_object_mut().unwrap().extend(api.as_object().unwrap().clone());
        let created = make(&cloud, "AWS::ApiGatewayV2::Api", "A", properties).await.unwrap();
        let api = created.physical_id;
        assert_eq!(created.attributes["ApiEndpoint"], format!("{}/_api/{api}", cloud.endpoint()));
        let integration = make(&cloud, "AWS::ApiGatewayV2::Integration", "I", json!({
            "ApiId": api, "IntegrationType": "AWS_PROXY", "PayloadFormatVersion": "2.0",
            "IntegrationUri": format!("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"),
        })).await.unwrap().physical_id;
        Self { cloud, api, integration, function }
    }

    async fn part(&self, kind: &str, properties: Value) -> String {
        let mut whole = json!({"ApiId": self.api});
        whole.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
        make(&self.cloud, &format!("AWS::ApiGatewayV2::{kind}"), "P", whole).await.unwrap().physical_id
    }

    async fn route(&self, key: &str) -> String {
        self.part("Route", json!({"RouteKey": key, "Target": format!("integrations/{}", self.integration)}))
            .await
    }

    async fn stage(&self, changes: Value) {
        let mut stage = json!({"StageName": "$default", "AutoDeploy": true});
        stage.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.part("Stage", stage).await;
    }

    /// Lets the API invoke the function for what matches.
    async fn permit(&self, source: &str) {
        make(
            &self.cloud,
            "AWS::Lambda::Permission",
            "P",
            json!({
                "FunctionName": self.function, "Action": "lambda:InvokeFunction",
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": format!("arn:aws:execute-api:us-east-1:000000000000:{}/{source}", self.api),
            }),
        )
        .await
        .unwrap();
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, b"").await
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        send(&self.cloud, method, &format!("/_api/{}{path}", self.api), headers, body).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_gets_the_event_of_payload_format_2() {
    let setup = Setup::new(json!({})).await;
    setup.route("POST /users/{id}/{rest+}").await;
    setup.stage(json!({"StageVariables": {"v": "1"}})).await;
    setup.permit("*/POST/users/{id}/{rest+}").await;
    let answer = setup
        .send(
            "POST",
            "/users/a%20b/c/d?x=1&x=2&y=%26",
            &[
                ("Content-Type", "application/json"),
                ("X-Two", "a"),
                ("x-two", "b"),
                ("cookie", "k=v; l=w"),
                ("user-agent", "t"),
            ],
            br#"{"name":"n"}"#,
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let mut event = answer.json();
    let context = event["requestContext"].as_object_mut().unwrap();
    for varying in ["requestId", "time", "timeEpoch"] {
        assert!(context.remove(varying).is_some(), "{varying}");
    }
    let address = setup.cloud.address().to_string();
    assert_eq!(
        event,
        json!({
            "version": "2.0",
            "routeKey": "POST /users/{id}/{rest+}",
            "rawPath": "/users/a%20b/c/d",
            "rawQueryString": "x=1&x=2&y=%26",
            "cookies": ["k=v", "l=w"],
            "headers": {
                "connection": "close", "content-length": "12", "content-type": "application/json", "host": address,
                "user-agent": "t", "x-two": "a,b", "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http",
            },
            "queryStringParameters": {"x": "1,2", "y": "&"},
            "pathParameters": {"id": "a b", "rest": "c/d"},
            "stageVariables": {"v": "1"},
            "requestContext": {
                "accountId": "000000000000", "apiId": setup.api, "domainName": address, "domainPrefix": setup.api,
                "http": {"method": "POST", "path": "/users/a%20b/c/d", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t"},
                "routeKey": "POST /users/{id}/{rest+}", "stage": "$default",
            },
            "body": r#"{"name":"n"}"#,
            "isBase64Encoded": false,
        })
    );
    let binary = setup.send("POST", "/users/1/2", &[("content-type", "image/png")], &[0xff, 0]).await.json();
    assert_eq!((&binary["body"], &binary["isBase64Encoded"]), (&json!("/wA="), &json!(true)));
    setup.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_structured_answer_is_sent_and_a_malformed_one_is_a_500() {
    let setup = Setup::new(json!({})).await;
    setup.route("$default").await;
    setup.stage(json!({})).await;
    setup.permit("*/$default").await;
    let answering = async |order: Value| {
        setup
            .send("POST", "/any", &[("content-type", "application/json")], order.to_string().as_bytes())
            .await
    };
    let teapot = json!({"statusCode": 418, "headers": {"x-a": "b"}, "cookies": ["c=d"], "body": "short"});
    let answer = answering(json!({"do": "answer", "with": teapot})).await;
    assert_eq!((answer.status, answer.body.as_str()), (418, "short"));
    assert_eq!((answer.header("x-a"), answer.header("set-cookie")), (Some("b"), Some("c=d")));
    assert_eq!(answer.header("content-type"), Some("text/plain;charset=UTF-8"));
    for order in
        [json!({"do": "answer", "with": {"statusCode": "no"}}), json!({"do": "fail"}), json!({"do": "exit"})]
    {
        let failed = answering(order.clone()).await;
        assert_eq!(
            (failed.status, failed.json()),
            (500, json!({"message": "Internal Server Error"})),
            "{order}"
        );
    }
    setup.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_permission_that_fits_the_route_the_answer_is_a_500() {
    let setup = Setup::new(json!({})).await;
    setup.route("GET /a").await;
    setup.stage(json!({})).await;
    let refused = setup.get("/a", &[]).await;
    assert_eq!((refused.status, refused.json()), (500, json!({"message": "Internal Server Error"})));
    setup.permit("*/GET/b").await;
    assert_eq!(setup.get("/a", &[]).await.status, 500);
    setup.permit("*/GET/a").await;
    assert_eq!(setup.get("/a", &[]).await.status, 200);
    setup.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_routed_or_not_deployed_is_not_found() {
    let setup = Setup::new(json!({})).await;
    setup.route("GET /a").await;
    setup.permit("*").await;
    assert_eq!(setup.get("/a", &[]).await.status, 404, "no stage");
    setup.part("Stage", json!({"StageName": "quiet"})).await;
    assert_eq!(setup.get("/quiet/a", &[]).await.status, 404, "not deployed");
    setup.stage(json!({})).await;
    setup.part("Stage", json!({"StageName": "v1", "AutoDeploy": true})).await;
    assert_eq!(setup.get("/a", &[]).await.status, 200);
    let named = setup.get("/v1/a", &[]).await.json();
    assert_eq!((&named["rawPath"], &named["requestContext"]["stage"]), (&json!("/v1/a"), &json!("v1")));
    for (method, path) in [("GET", "/b"), ("POST", "/a"), ("GET", "/a/"), ("GET", "/")] {
        let answer = setup.send(method, path, &[], b"").await;
        assert_eq!((answer.status, answer.json()), (404, json!({"message": "Not Found"})), "{method} {path}");
    }
    let host = format!("{}.execute-api.localhost:1", setup.api);
    assert_eq!(send(&setup.cloud, "GET", "/a", &[("host", &host)], b"").await.status, 200);
    assert_eq!(send(&setup.cloud, "GET", "/_api/absent/a", &[], b"").await.status, 404);
    setup.cloud.stop().await;
}

/// A pool's id, a client's id, and the id and access token of a user of both.
async fn tokens(cloud: &Running) -> (String, String, String, String) {
    let pool = make(cloud, "AWS::Cognito::UserPool", "Pool", json!({"UserPoolName": "p"}))
        .await
        .unwrap()
        .physical_id;
    let client = make(
        cloud,
        "AWS::Cognito::UserPoolClient",
        "Client",
        json!({
            "UserPoolId": pool, "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        }),
    )
    .await
    .unwrap()
    .physical_id;
    let cognito = aws_sdk_cognitoidentityprovider::Client::new(&administrator(cloud));
    let password = "Correct-horse-7";
    cognito.sign_up().client_id(&client).username("u").password(password).send().await.unwrap();
    cognito.admin_confirm_sign_up().user_pool_id(&pool).username("u").send().await.unwrap();
    let signed = cognito
        .initiate_auth()
        .client_id(&client)
        .auth_flow(AuthFlowType::UserPasswordAuth)
        .auth_parameters("USERNAME", "u")
        .auth_parameters("PASSWORD", password)
        .send()
        .await
        .unwrap();
    let result = signed.authentication_result().unwrap();
    (pool, client, result.id_token().unwrap().to_owned(), result.access_token().unwrap().to_owned())
}

/// A token with another header, and otherwise as it was.
fn with_header(token: &str, header: Value) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_good_token_of_the_pool_and_client_passes_the_authorizer() {
    let setup = Setup::new(json!({})).await;
    setup.stage(json!({})).await;
    setup.permit("*").await;
    let (pool, client, id, access) = tokens(&setup.cloud).await;
    let authorizer = setup.part("Authorizer", json!({
        "Name": "jwt", "AuthorizerType": "JWT", "IdentitySource": ["$request.header.Authorization"],
        "JwtConfiguration": {"Audience": [client], "Issuer": format!("https://cognito-idp.us-east-1.amazonaws.com/{pool}")},
    })).await;
    let secured = |key: &str, scopes: Value| {
        json!({
            "RouteKey": key, "Target": format!("integrations/{}", setup.integration),
            "AuthorizationType": "JWT", "AuthorizerId": authorizer, "AuthorizationScopes": scopes,
        })
    };
    setup.part("Route", secured("GET /me", json!([]))).await;
    setup.part("Route", secured("GET /admin", json!(["aws.cognito.signin.user.admin"]))).await;
    setup.part("Route", secured("GET /other", json!(["profile/read"]))).await;

    let bearer = format!("Bearer {access}");
    let good = setup.get("/me", &[("authorization", &bearer)]).await;
    assert_eq!(good.status, 200, "{}", good.body);
    let jwt = &good.json()["requestContext"]["authorizer"]["jwt"];
    assert_eq!(jwt["claims"]["client_id"], json!(client));
    assert_eq!(jwt["claims"]["token_use"], "access");
    assert!(jwt["claims"]["exp"].is_string());
    assert_eq!(jwt["scopes"], Value::Null);
    // Without scopes the id token passes too: refusing it is the function's business.
    assert_eq!(setup.get("/me", &[("authorization", &id)]).await.status, 200);
    let admin = setup.get("/admin", &[("authorization", &bearer)]).await.json();
    assert_eq!(
        admin["requestContext"]["authorizer"]["jwt"]["scopes"],
        json!(["aws.cognito.signin.user.admin"])
    );
    let forbidden = setup.get("/other", &[("authorization", &bearer)]).await;
    assert_eq!((forbidden.status, forbidden.json()), (403, json!({"message": "Forbidden"})));

    let (_, _, _, foreign) = tokens(&setup.cloud).await;
    let (body, signature) = access.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    let broken = format!("{body}.{flipped}{}", &signature[1..]);
    let none = with_header(&format!("{body}."), json!({"alg": "none"}));
    let symmetric = with_header(&access, json!({"alg": "HS256", "kid": "k"}));
    for (what, token) in [
        ("another pool's", foreign),
        ("a broken signature", broken),
        ("alg none", none),
        ("alg HS256", symmetric),
        ("garbage", "garbage".to_owned()),
    ] {
        let refused = setup.get("/me", &[("authorization", &format!("Bearer {token}"))]).await;
        assert_eq!((refused.status, refused.json()), (401, json!({"message": "Unauthorized"})), "{what}");
        assert!(refused.header("www-authenticate").unwrap().contains("invalid_token"), "{what}");
    }
    let without = setup.get("/me", &[]).await;
    assert_eq!((without.status, without.header("www-authenticate")), (401, Some("Bearer")));
    setup.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cors_is_answered_by_the_api_for_listed_origins_alone() {
    let setup = Setup::new(json!({"CorsConfiguration": {
        "AllowOrigins": ["https://app.example"], "AllowMethods": ["GET", "POST"], "AllowHeaders": ["authorization"], "MaxAge": 60,
    }})).await;
    setup.route("GET /a").await;
    setup.stage(json!({})).await;
    setup.permit("*").await;
    let preflight = async |origin: &str| {
        let headers = [("origin", origin), ("access-control-request-method", "GET")];
        setup.send("OPTIONS", "/a", &headers, b"").await
    };
    let listed = preflight("https://app.example").await;
    assert_eq!(listed.status, 204);
    assert_eq!(listed.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(listed.header("access-control-allow-methods"), Some("GET,POST"));
    assert_eq!(listed.header("access-control-max-age"), Some("60"));
    let other = preflight("https://evil.example").await;
    assert!(other.headers.keys().all(|name| !name.starts_with("access-control-")));
    let plain = setup.get("/a", &[("origin", "https://app.example")]).await;
    assert_eq!(
        (plain.status, plain.header("access-control-allow-origin")),
        (200, Some("https://app.example"))
    );
    let missing = setup.get("/b", &[("origin", "https://app.example")]).await;
    assert_eq!(
        (missing.status, missing.header("access-control-allow-origin")),
        (404, Some("https://app.example"))
    );
    setup.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_the_burst_are_too_many() {
    let setup = Setup::new(json!({})).await;
    setup.route("GET /a").await;
    setup.route("GET /b").await;
    setup.permit("*").await;
    setup
        .stage(json!({
            "DefaultRouteSettings": {"ThrottlingBurstLimit": 100, "ThrottlingRateLimit": 100},
            "RouteSettings": {"GET /a": {"ThrottlingBurstLimit": 1, "ThrottlingRateLimit": 0.001}},
        }))
        .await;
    assert_eq!(setup.get("/a", &[]).await.status, 200);
    let refused = setup.get("/a", &[]).await;
    assert_eq!((refused.status, refused.json()), (429, json!({"message": "Too Many Requests"})));
    assert_eq!(setup.get("/b", &[]).await.status, 200);
    setup.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_is_in_the_access_log() {
    let setup = Setup::new(json!({})).await;
    make(&setup.cloud, "AWS::Logs::LogGroup", "G", json!({"LogGroupName": "/api"})).await.unwrap();
    setup.route("GET /a").await;
    setup.permit("*").await;
    setup.stage(json!({"AccessLogSettings": {
        "DestinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:/api:*",
        "Format": "$context.httpMethod $context.path $context.routeKey $context.status $context.authorizer.error",
    }})).await;
    setup.get("/a?token=secret", &[("authorization", "secret")]).await;
    setup.get("/b", &[]).await;
    let logs = aws_sdk_cloudwatchlogs::Client::new(&administrator(&setup.cloud));
    let events = logs.filter_log_events().log_group_name("/api").send().await.unwrap();
    let lines: Vec<&str> = events.events().iter().filter_map(|event| event.message()).collect();
    assert_eq!(lines, ["GET /a GET /a 200 -", "GET /b - 404 -"]);
    setup.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_integration_that_takes_too_long_is_unavailable() {
    let setup = Setup::new(json!({})).await;
    let slow = setup.part("Integration", json!({
        "IntegrationType": "AWS_PROXY", "PayloadFormatVersion": "2.0", "IntegrationUri": setup.function, "TimeoutInMillis": 50,
    })).await;
    setup.part("Route", json!({"RouteKey": "POST /a", "Target": format!("integrations/{slow}")})).await;
    setup.permit("*").await;
    setup.stage(json!({})).await;
    let late = setup.send("POST", "/a", &[("content-type", "application/json")], br#"{"do":"hang"}"#).await;
    assert_eq!((late.status, late.json()), (503, json!({"message": "Service Unavailable"})));
    setup.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_management_api_shows_what_was_made() {
    let setup = Setup::new(json!({"Tags": {"Team": "t"}})).await;
    setup.route("GET /a").await;
    setup.stage(json!({})).await;
    let cloud = setup.cloud.cloud();
    let ask = async |path: String| {
        let call = localcloud::wire::Call {
            method: http::Method::GET,
            uri: path.parse().unwrap(),
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
            region: "us-east-1".into(),
            principal: Principal::Administrator,
            request_id: "r".into(),
        };
        let body = localcloud::httpapi::handle(cloud, call).await.into_body();
        serde_json::from_slice::<Value>(&axum::body::to_bytes(body, usize::MAX).await.unwrap()).unwrap()
    };
    let apis = ask("/v2/apis".into()).await;
    assert_eq!(apis["items"][0]["apiId"], json!(setup.api));
    assert_eq!(apis["items"][0]["tags"], json!({"Team": "t"}));
    let routes = ask(format!("/v2/apis/{}/routes", setup.api)).await;
    assert_eq!(routes["items"][0]["routeKey"], "GET /a");
    let stages = ask(format!("/v2/apis/{}/stages", setup.api)).await;
    assert_eq!(
        (&stages["items"][0]["stageName"], &stages["items"][0]["autoDeploy"]),
        (&json!("$default"), &json!(true))
    );
    setup.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_beyond_the_limits_are_too_large() {
    let setup = Setup::new(json!({})).await;
    setup.route("POST /a").await;
    setup.permit("*").await;
    setup.stage(json!({})).await;
    for size in [10 * 1024 * 1024 + 1, 7_000_000] {
        let refused = setup.send("POST", "/a", &[("content-type", "text/plain")], &vec![b'x'; size]).await;
        assert_eq!(
            (refused.status, refused.json()),
            (413, json!({"message": "Request Entity Too Large"})),
            "{size}"
        );
    }
    setup.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_api_gateway_refuses_is_refused() {
    let setup = Setup::new(json!({})).await;
    let target = format!("integrations/{}", setup.integration);
    setup.route("GET /a").await;
    for (kind, properties, words) in [
        (
            "Route",
            json!({"RouteKey": "GET /a", "Target": target}),
            "Route with key GET /a already exists for this API",
        ),
        ("Route", json!({"RouteKey": "FETCH /a", "Target": target}), "not formatted properly"),
        (
            "Route",
            json!({"RouteKey": "GET /b", "Target": "integrations/x"}),
            "Invalid integration identifier",
        ),
        (
            "Route",
            json!({"RouteKey": "GET /b", "Target": target, "AuthorizationType": "JWT"}),
            "Invalid authorizer ID",
        ),
        (
            "Route",
            json!({"RouteKey": "GET /b", "Target": target, "AuthorizationType": "AWS_IAM"}),
            "does not implement",
        ),
        (
            "Integration",
            json!({"IntegrationType": "HTTP_PROXY", "IntegrationUri": "https://a.example"}),
            "only AWS_PROXY",
        ),
        (
            "Stage",
            json!({"StageName": "s", "RouteSettings": {"GET /x": {}}}),
            "Unable to find Route by key GET /x",
        ),
        ("Stage", json!({"StageName": "s", "DeploymentId": "d"}), "unknown field `DeploymentId`"),
        ("Authorizer", json!({"Name": "n", "AuthorizerType": "REQUEST"}), "REQUEST authorizers"),
    ] {
        let mut whole = json!({"ApiId": setup.api});
        whole.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
        let refused =
            make(&setup.cloud, &format!("AWS::ApiGatewayV2::{kind}"), "P", whole).await.unwrap_err();
        assert!(refused.reason.contains(words), "{words}: {}", refused.reason);
    }
    let kind = localcloud::resource::all()
        .into_iter()
        .find(|one| one.name() == "AWS::ApiGatewayV2::Integration")
        .unwrap();
    let step = request(
        Principal::Administrator,
        "I",
        json!({
            "ApiId": setup.api, "IntegrationType": "AWS_PROXY", "IntegrationUri": setup.function, "PayloadFormatVersion": "2.0",
        }),
    );
    let refused = kind.delete(setup.cloud.cloud(), &step, &setup.integration).await.unwrap_err();
    assert!(refused.reason.contains("is referenced by one or more Routes"));
    setup.cloud.stop().await;
}
