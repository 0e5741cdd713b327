//! `#[cfg(…)]` as the shipped build has it.

use std::collections::BTreeSet;

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Token};

/// What a shipped build of one package turns on.
#[derive(Debug, Clone, Default)]
pub struct Cfg {
    pub features: BTreeSet<String>,
    /// A debug build, which is never shipped.
    pub debug: bool,
}

impl Cfg {
    /// Whether the shipped build has an item with these attributes. What cannot be known here (a processor, a
    /// build script's own setting) counts as there: code too many is a right too many, and is seen; code too
    /// few would hide a call.
    pub fn has(&self, attributes: &[Attribute]) -> bool {
        attributes.iter().all(|attribute| self.keeps(&attribute.meta))
    }

    fn keeps(&self, meta: &Meta) -> bool {
        let last = meta.path().segments.last().map(|segment| segment.ident.to_string());
        match (last.as_deref(), meta) {
            // `#[test]` and what stands in for it, such as `#[tokio::test]`.
            (Some("test" | "bench"), _) => false,
            (Some("cfg"), Meta::List(list)) => match list.parse_args::<Meta>() {
                Ok(condition) => self.holds(&condition) != Some(false),
                Err(_) => true,
            },
            (Some("cfg_attr"), Meta::List(list)) => {
                let Ok(parts) = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else {
                    return true;
                };
                let mut parts = parts.iter();
                let applies = parts.next().and_then(|condition| self.holds(condition));
                applies != Some(true) || parts.all(|part| self.keeps(part))
            }
            _ => true,
        }
    }

    /// Whether a condition holds; `None` where it cannot be known.
    fn holds(&self, condition: &Meta) -> Option<bool> {
        let name = condition.path().get_ident()?.to_string();
        match (name.as_str(), condition) {
            ("debug_assertions", Meta::Path(_)) => Some(self.debug),
            ("test" | "miri" | "windows" | "false", Meta::Path(_)) => Some(false),
            ("unix" | "true", Meta::Path(_)) => Some(true),
            ("feature", Meta::NameValue(pair)) => Some(self.features.contains(&text(&pair.value)?)),
            ("target_os", Meta::NameValue(pair)) => Some(text(&pair.value)? == "linux"),
            ("target_family", Meta::NameValue(pair)) => Some(text(&pair.value)? == "unix"),
            ("not" | "all" | "any", Meta::List(list)) => {
                let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
                let parts: Vec<Option<bool>> = parts.iter().map(|part| self.holds(part)).collect();
                match name.as_str() {
                    "not" => parts.first().copied().flatten().map(|holds| !holds),
                    "all" => every(&parts),
                    _ => every(&parts.iter().map(|holds| holds.map(|holds| !holds)).collect::<Vec<_>>())
                        .map(|none| !none),
                }
            }
            _ => None,
        }
    }
}

fn every(parts: &[Option<bool>]) -> Option<bool> {
    if parts.contains(&Some(false)) {
        Some(false)
    } else if parts.contains(&None) {
        None
    } else {
        Some(true)
    }
}

fn text(value: &Expr) -> Option<String> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(attribute: &str) -> bool {
        let cfg = Cfg { features: BTreeSet::from(["on".to_owned()]), debug: false };
        let item: syn::ItemFn = syn::parse_str(&format!("{attribute} fn f() {{}}")).unwrap();
        cfg.has(&item.attrs)
    }

    #[test]
    fn tests_and_debug_code_are_not_shipped() {
        for gone in
            ["#[cfg(test)]", "#[test]", "#[tokio::test]", "#[cfg(debug_assertions)]", "#[cfg(windows)]"]
        {
            assert!(!has(gone), "{gone}");
        }
        for kept in ["", "#[cfg(not(test))]", "#[cfg(unix)]", "#[inline]", "#[cfg(target_arch = \"x86_64\")]"]
        {
            assert!(has(kept), "{kept}");
        }
    }

    #[test]
    fn features_decide_through_not_all_and_any() {
        for kept in [
            "#[cfg(feature = \"on\")]",
            "#[cfg(not(feature = \"off\"))]",
            "#[cfg(any(feature = \"off\", feature = \"on\"))]",
            "#[cfg(all(feature = \"on\", target_os = \"linux\"))]",
            "#[cfg_attr(feature = \"off\", cfg(test))]",
        ] {
            assert!(has(kept), "{kept}");
        }
        for gone in [
            "#[cfg(feature = \"off\")]",
            "#[cfg(all(feature = \"on\", feature = \"off\"))]",
            "#[cfg(not(any(test, feature = \"on\")))]",
            "#[cfg_attr(feature = \"on\", cfg(test))]",
        ] {
            assert!(!has(gone), "{gone}");
        }
    }
}
