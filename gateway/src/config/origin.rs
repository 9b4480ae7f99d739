//! Origins of web pages.

use std::str::FromStr;

/// An origin whose pages may use the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsOrigin {
    /// Every origin.
    Any,
    /// One, such as `https://app.example`.
    One(String),
}

impl FromStr for CorsOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_origin = text.split_once("://").is_some_and(|(scheme, host)| {
            ["http", "https"].contains(&scheme)
                && !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
        });
        match text {
            "*" => Ok(Self::Any),
            _ if is_origin => Ok(Self::One(text.to_ascii_lowercase())),
            _ => Err("expected an origin such as https://app.example, or *".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_a_scheme_and_no_path() {
        for text in ["*", "http://localhost:3000", "https://[::1]:1", "https://App.example"] {
            assert!(text.parse::<CorsOrigin>().is_ok(), "{text}");
        }
        for text in ["", "app.example", "https://", "https://a/", "ftp://a", "null", "https://a b"] {
            assert!(text.parse::<CorsOrigin>().is_err_and(|e| e.contains("https://app.example")), "{text}");
        }
    }
}
