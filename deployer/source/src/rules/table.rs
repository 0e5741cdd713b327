//! The rules on code: what each finds, why it is a mistake, and how it is mended.

/// A rule. Its id never changes its meaning: waivers name it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub id: &'static str,
    /// What is found, and why it is a mistake, with the source of the fact.
    pub why: &'static str,
    /// What to do instead.
    pub mend: &'static str,
}

/// All rules on code.
pub const RULES: &[Rule] = &[
    Rule {
        id: "identity-from-request",
        why: "a user's id from the body, path, query or a header of a route with a token becomes a key, or the user that \
              an Admin call changes: every caller can name somebody else (OWASP API1:2023)",
        mend: "take the user from the verified claims: requestContext.authorizer.jwt.claims.sub",
    },
    Rule {
        id: "payload-1-claims",
        why: "claims are read at requestContext.authorizer.claims, or from a REST API's event; payload 2.0 of an HTTP \
              API has them at requestContext.authorizer.jwt.claims (\"Working with AWS Lambda proxy integrations for \
              HTTP APIs\", API Gateway developer guide)",
        mend: "read requestContext.authorizer.jwt.claims (ApiGatewayV2httpRequest, RequestContext::ApiGatewayV2)",
    },
    Rule {
        id: "id-token-accepted",
        why: "claims are read without a look at token_use: an id token has the client as `aud`, so the JWT authorizer \
              lets it pass (\"Understanding the access token\", Cognito developer guide)",
        mend: "refuse a token whose claim token_use is not \"access\"",
    },
    Rule {
        id: "keyed-by-email",
        why: "a row is keyed by an e-mail address: users may have none, change it, and another may get it later",
        mend: "key it by `sub`, which is a user's for ever",
    },
    Rule {
        id: "one-partition",
        why: "the rows of all users have the same partition key: one partition takes 1,000 writes a second (\"Designing \
              partition keys\", DynamoDB developer guide)",
        mend: "put the user into the partition key: USER#<sub>",
    },
    Rule {
        id: "swallowed-error",
        why: "a trigger goes on after a failed write: Cognito confirms the user, and the row is missing for ever",
        mend: "return the error, with its cause: Cognito sends the event again",
    },
    Rule {
        id: "wrong-answer",
        why: "a trigger answers something else than its event, which is an error to Cognito (\"Customizing user pool \
              workflows with Lambda triggers\", Cognito developer guide), or an event that lost fields",
        mend: "answer the event as it came, such as a Box<RawValue> that is never touched",
    },
    Rule {
        id: "any-trigger-source",
        why: "a PostConfirmation trigger writes without a look at triggerSource: it is also called for \
              PostConfirmation_ConfirmForgotPassword (\"Post confirmation Lambda trigger\", Cognito developer guide)",
        mend: "write only when triggerSource is PostConfirmation_ConfirmSignUp",
    },
    Rule {
        id: "random-key",
        why: "a trigger makes an id by chance or from the time: Cognito sends an event up to three times, and each makes \
              another row",
        mend: "make the id from what the event says: Uuid::new_v5 of `sub`",
    },
    Rule {
        id: "unconditional-write",
        why: "a trigger writes a row without a condition: a repeated event overwrites what the row has become",
        mend: "add condition_expression(\"attribute_not_exists(pk)\"), or ON CONFLICT DO NOTHING",
    },
    Rule {
        id: "split-write",
        why: "two tables are written one after the other: a failure in between leaves one without the other",
        mend: "write both in one TransactWriteItems, or one SQL transaction",
    },
    Rule {
        id: "index-without-arn",
        why: "an index is queried that the function is not granted: an index has an ARN of its own (\"Actions, resources, \
              and condition keys for Amazon DynamoDB\", Service Authorization Reference)",
        mend: "grant it in Cargo.toml: \"<table>/index/<index>\" = [\"dynamodb:Query\"]",
    },
    Rule {
        id: "verified-by-hand",
        why: "email_verified is set to true: whoever typed the address is taken for its owner",
        mend: "leave it out; the pool sends a code and sets it itself",
    },
    Rule {
        id: "secret-in-environment",
        why: "a secret is read from an environment variable, which everyone with lambda:GetFunctionConfiguration sees",
        mend: "keep it in Secrets Manager, and read it with GetSecretValue under a grant",
    },
    Rule {
        id: "logged-event",
        why: "an event, body, token or all claims go into the log, and people's data and live tokens with them",
        mend: "log ids, statuses and counts alone; give #[instrument] a skip_all",
    },
    Rule {
        id: "internals-in-answer",
        why: "an answer holds the words of a failed call of AWS, which name tables, roles and accounts (OWASP API8:2023)",
        mend: "answer a code of your own and the request's id, and log the error",
    },
    Rule {
        id: "undefined-text",
        why: "the word \"undefined\" stands for what is not there, and comes back later as somebody's name",
        mend: "leave the attribute out, or write null",
    },
    Rule {
        id: "unverified-tls",
        why: "a connection is made without TLS, or without checking who answers",
        mend: "connect with rustls and the server's CA",
    },
    Rule {
        id: "any-origin",
        why: "an answer allows every origin; the API sets CORS headers itself, for the origins that a stage lists",
        mend: "leave the header out, and list http_api.cors_origins in the environment",
    },
];
