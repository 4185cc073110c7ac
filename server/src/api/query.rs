//! Parsing of queries and forms. An empty value counts as absent, as in the settings.

use serde::de::DeserializeOwned;
use serde_urlencoded::de::Error;

/// Deserialises `name=value&…`, ignoring pairs with an empty value.
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let has_value = |pair: &&str| pair.split_once('=').is_some_and(|(_, value)| !value.is_empty());
    let pairs: Vec<_> = text.split('&').filter(has_value).collect();
    serde_urlencoded::from_str(&pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    #[test]
    fn a_pair_without_a_value_is_absent() {
        let parse = |text| super::parse::<BTreeMap<String, String>>(text).unwrap();
        let two = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "=".to_owned())]);
        assert_eq!(parse("a=1&b=%3D&c=&d&&=&"), two);
        assert!(parse("").is_empty());
    }
}
