//! What is known of a value while a function is followed: where it came from, not what it is.

use std::collections::BTreeSet;

use super::program::named;

/// Where something came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The whole of what the function was invoked with.
    Event,
    /// The body, whole.
    Body,
    /// The headers, whole.
    Headers,
    /// `requestContext`.
    Context,
    /// `requestContext.authorizer`.
    Authorizer,
    /// `requestContext.authorizer.jwt`.
    Jwt,
    /// All claims of the token.
    Claims,
    /// All attributes of a trigger's user.
    Attributes,
    /// The token itself.
    Token,
    /// A text or JSON of something whole: the thing itself, for whoever reads it.
    Copied,
    /// What a whole body was parsed into, which may be a type that keeps only some of it.
    Parsed,
    /// A part of a trigger's event.
    Part,
    /// The `Origin` that the request says it comes from.
    Origin,
    /// Something that the caller sent.
    Sent,
    /// Something that the caller sent under a name that says who somebody is.
    SentIdentity,
    /// Something that Cognito vouches for: a claim, or an attribute of a trigger's user.
    Verified,
    /// An e-mail address.
    Email,
    /// The result of a call of AWS or a database, whose error has words of its own.
    Fallible,
    /// What a failed call said.
    Failure,
    /// Another value with each call.
    Random,
    /// The time of day.
    Time,
    /// An environment variable.
    Variable,
}

impl Kind {
    /// Whether only the thing itself has the mark, and nothing that was made from it.
    fn is_whole(self) -> bool {
        self.is_private() || matches!(self, Self::Parsed | Self::Part | Self::Fallible)
    }

    /// Whether it holds people's data or live tokens.
    pub fn is_private(self) -> bool {
        match self {
            Self::Event
            | Self::Body
            | Self::Headers
            | Self::Context
            | Self::Authorizer
            | Self::Jwt
            | Self::Claims
            | Self::Attributes
            | Self::Token
            | Self::Copied => true,
            Self::Parsed
            | Self::Part
            | Self::Origin
            | Self::Sent
            | Self::SentIdentity
            | Self::Verified
            | Self::Email
            | Self::Fallible
            | Self::Failure
            | Self::Random
            | Self::Time
            | Self::Variable => false,
        }
    }
}

/// A kind with the words for it: `userId of the body`, `Uuid::new_v4`, `TABLE_PROFILES`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    pub kind: Kind,
    pub what: String,
}

/// What a value does when it is awaited: a call that writes somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Effect {
    /// The SDK's method, `execute` for SQL, or the workspace function that writes.
    pub operation: String,
    /// The tables as far as they are known.
    pub tables: BTreeSet<String>,
    /// Whether the write says what must hold for it.
    pub conditional: bool,
    /// What the value says of how the write went.
    pub says: Says,
}

/// How a value tells that a write failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Says {
    /// It is the result itself.
    #[default]
    All,
    /// It is true when the write was made: `is_ok()`.
    Success,
    /// It is true when the write failed: `is_err()`.
    Failure,
}

/// A value, or what will be one when it is awaited.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Value {
    pub marks: BTreeSet<Mark>,
    /// A constant text.
    pub literal: Option<String>,
    /// The name of its type, seen through references, `Option` and the like.
    pub ty: Option<String>,
    /// The type's first own argument: `Profiles` of `Table<Profiles>`.
    pub argument: Option<String>,
    /// It was put together here, so that its parts say more than its marks.
    pub built: bool,
    pub effect: Option<Effect>,
}

impl Value {
    pub fn marked(kind: Kind, what: impl Into<String>) -> Self {
        Self::default().and(kind, what)
    }

    pub fn of_type(ty: impl Into<String>) -> Self {
        Self { ty: Some(ty.into()), ..Self::default() }
    }

    /// What a type says of a value.
    pub fn typed(ty: &syn::Type) -> Self {
        match named(ty) {
            Some(found) => Self { ty: Some(found.name), argument: found.argument, ..Self::default() },
            None => Self::default(),
        }
    }

    pub fn and(mut self, kind: Kind, what: impl Into<String>) -> Self {
        self.marks.insert(Mark { kind, what: what.into() });
        self
    }

    /// The result of a call that may fail.
    pub fn fallible(self) -> Self {
        self.and(Kind::Fallible, "a call")
    }

    /// What a failed call said.
    pub fn failure() -> Self {
        Self::marked(Kind::Failure, "what a failed call said")
    }

    pub fn without(mut self, kind: Kind) -> Self {
        self.marks.retain(|mark| mark.kind != kind);
        self
    }

    /// Whether it is what the function was invoked with.
    pub fn is_event(&self) -> bool {
        self.has(Kind::Event)
    }

    pub fn has(&self, kind: Kind) -> bool {
        self.mark(kind).is_some()
    }

    pub fn mark(&self, kind: Kind) -> Option<&Mark> {
        self.marks.iter().find(|mark| mark.kind == kind)
    }

    /// What `is_ok()` and `is_err()` answer of a result.
    pub fn asked(&self, says: Says) -> Self {
        let effect = self.effect.clone().map(|effect| Effect { says, ..effect });
        Self { effect, ..Self::of_type("bool") }
    }

    /// The opposite of a condition.
    pub fn negated(mut self) -> Self {
        if let Some(effect) = &mut self.effect {
            effect.says = match effect.says {
                Says::All => Says::All,
                Says::Success => Says::Failure,
                Says::Failure => Says::Success,
            };
        }
        self
    }

    /// Without what it does, where it only says how that went.
    pub fn unless_asked(mut self) -> Self {
        self.effect = self.effect.filter(|effect| effect.says == Says::All);
        self
    }

    /// A text or JSON of this: only where it came from is left, and that it holds the whole.
    pub fn copied(&self) -> Self {
        let whole = self.marks.iter().filter(|mark| mark.kind.is_private()).map(|mark| mark.what.clone());
        whole.fold(self.derived(), |copy, what| copy.and(Kind::Copied, what))
    }

    /// What was parsed is the whole body still where its type keeps all that it is given.
    pub fn kept_by(self, ty: &str) -> Self {
        let keeps = ["Value", "Map", "HashMap", "BTreeMap"].contains(&ty);
        match self.mark(Kind::Parsed).filter(|_| keeps).map(|mark| mark.what.clone()) {
            Some(what) => self.and(Kind::Copied, what),
            None => self,
        }
    }

    /// Whether it is of somebody else's type: what a function was invoked with is, and what it holds.
    pub fn is_foreign(&self) -> bool {
        !self.built && self.marks.iter().any(|mark| mark.kind.is_private())
    }

    /// What is made from this: only where it came from is left.
    pub fn derived(&self) -> Self {
        let marks = self.marks.iter().filter(|mark| !mark.kind.is_whole()).cloned().collect();
        Self { marks, built: self.built, effect: self.effect.clone(), ..Self::default() }
    }

    /// Either of two values.
    pub fn join(mut self, other: &Self) -> Self {
        self.marks.extend(other.marks.iter().cloned());
        if self.literal != other.literal {
            self.literal = None;
        }
        if self.ty.is_none() || self.ty == other.ty {
            self.ty.clone_from(&other.ty);
            self.argument.clone_from(&other.argument);
        }
        self.built |= other.built;
        match (&mut self.effect, &other.effect) {
            (None, Some(effect)) => self.effect = Some(effect.clone()),
            (Some(own), Some(effect)) => {
                own.tables.extend(effect.tables.iter().cloned());
                own.conditional &= effect.conditional;
            }
            (_, None) => {}
        }
        self
    }

    /// Made from both: nothing of either is left whole.
    pub fn mixed(self, other: &Self) -> Self {
        let other = other.derived();
        let built = self.built || other.built;
        Self { built, literal: None, ..self.join(&other) }
    }
}
