//! Tokens as texts.

use projections::{GlobalPosition, StoreId, Token};
use proptest::prelude::*;

proptest! {
    /// Whatever the stream is called, the text holds nothing that a URL, a header or JSON escapes.
    #[test]
    fn a_token_comes_back_from_its_text(
        store in any::<u128>(), first in any::<u64>(), more in 0..1_000_u64, stream in any::<String>(),
    ) {
        let last = first.saturating_add(more);
        let token = Token::new(
            StoreId::from_u128(store),
            GlobalPosition::new(first),
            GlobalPosition::new(last),
            stream,
        );
        let text = token.to_string();
        prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)));
        prop_assert_eq!(&text.parse::<Token>().unwrap(), &token);
        let json = serde_json::to_string(&token).unwrap();
        prop_assert_eq!(&json, &format!("\"{text}\""));
        prop_assert_eq!(serde_json::from_str::<Token>(&json).unwrap(), token);
    }

    /// A text is a token's own, or none.
    #[test]
    fn what_is_read_as_a_token_is_its_text(text in r"[0-9a-f]{32}\.[0-9]{1,3}\.[0-9]{1,3}\.[a-z~0-9]{0,6}") {
        if let Ok(token) = text.parse::<Token>() {
            prop_assert_eq!(token.to_string(), text);
        }
    }
}
