//! What projectors, domains and events may be called, and what to call them instead.

/// Names are keys of checkpoints, in every storage.
const LONGEST: usize = 64;

/// Tells what is wrong with a projector's name.
pub(crate) fn projector_fault(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some(
            "a projector name must not be empty\nnote: the name is the key of its checkpoint"
                .into(),
        );
    }
    if name.len() > LONGEST {
        return Some(format!(
            "projector name `{name}` has {} characters\nnote: a name has at most {LONGEST}",
            name.chars().count()
        ));
    }
    (!is_kebab(name))
        .then(|| format!("projector name `{name}` is not kebab-case{}", use_instead(&kebab(name))))
}

/// Tells what is wrong with a domain's name, which the attribute calls `key`.
pub(crate) fn domain_fault(key: &str, name: &str) -> Option<String> {
    if name.is_empty() {
        return Some(format!("{key} must not be empty"));
    }
    if name.len() > LONGEST {
        return Some(format!(
            "domain `{name}` has {} characters\nnote: a domain has at most {LONGEST}",
            name.chars().count()
        ));
    }
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    (!name.chars().all(fits))
        .then(|| format!("`{name}` is not a domain name{}", use_instead(&kebab(name))))
}

/// Tells what is wrong with an event's wire name.
pub(crate) fn event_fault(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("an event name must not be empty".into());
    }
    let blank = |c: char| c.is_whitespace() || c.is_control();
    name.contains(blank).then(|| format!("event name `{name}` contains white space"))
}

/// The longest name of a table or a column, in bytes: `projections::rows::LONGEST_NAME`.
const LONGEST_IN_TABLES: usize = 48;

/// Tells what is wrong with a table's name.
pub(crate) fn table_fault(name: &str) -> Option<String> {
    if name.eq_ignore_ascii_case("events") {
        return Some(format!(
            "table `{name}` is the event store's\nhelp: write `#[read_model(table = \"...\")]` with another name"
        ));
    }
    let reserved = ["projections_", "sqlite_"];
    sql_fault("table", name, &reserved, "#[read_model(table = \"...\")]")
}

/// Tells what is wrong with a column's name.
pub(crate) fn column_fault(name: &str) -> Option<String> {
    sql_fault("column", name, &["projections_"], "#[column(name = \"...\")]")
}

fn sql_fault(noun: &str, name: &str, reserved: &[&str], attribute: &str) -> Option<String> {
    let help = format!("help: write `{attribute}` with another name");
    if name.is_empty() {
        return Some(format!("a {noun}'s name must not be empty"));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.chars().all(fits) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(format!(
            "`{name}` is not a {noun}'s name\n{help}\nnote: it has ASCII letters, digits and `_`, and does not begin with a digit"
        ));
    }
    if name.len() > LONGEST_IN_TABLES {
        return Some(format!(
            "{noun} `{name}` has {} bytes\n{help}\nnote: a name has at most {LONGEST_IN_TABLES}",
            name.len()
        ));
    }
    let lower = name.to_ascii_lowercase();
    if let Some(prefix) = reserved.iter().find(|prefix| lower.starts_with(**prefix)) {
        return Some(format!(
            "{noun} `{name}` begins with `{prefix}`\n{help}\nnote: such names are reserved"
        ));
    }
    name.contains("__").then(|| {
        format!(
            "{noun} `{name}` has `__` in it\n{help}\nnote: names made from several are joined by it"
        )
    })
}

/// Turns an identifier into snake_case. It may come out empty.
pub(crate) fn snake(text: &str) -> String {
    kebab(text).replace('-', "_")
}

/// Turns an identifier or a text into kebab-case. It may come out empty.
pub(crate) fn kebab(text: &str) -> String {
    let mut words = String::new();
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        // `HTMLPage` is two words: the last capital begins the next one.
        let begins = c.is_uppercase()
            && (before.is_lowercase()
                || before.is_ascii_digit()
                || (before.is_uppercase() && chars.peek().is_some_and(|next| next.is_lowercase())));
        if begins || !c.is_ascii_alphanumeric() {
            words.push('-');
        }
        if c.is_ascii_alphanumeric() {
            words.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

fn is_kebab(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.split('-').all(|word| !word.is_empty() && word.chars().all(fits))
}

fn use_instead(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("\nhelp: use `{name}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_become_kebab_case() {
        for (text, kebab_case) in [
            ("OrderSummary", "order-summary"),
            ("Order_Summary", "order-summary"),
            ("HTMLPage", "html-page"),
            ("Top10Players", "top10-players"),
            ("--a  b-", "a-b"),
            ("Orders ", "orders"),
            ("", ""),
        ] {
            assert_eq!(kebab(text), kebab_case, "{text}");
        }
    }

    #[test]
    fn kebab_case_is_a_name() {
        for name in ["a", "order-summary", "top-10"] {
            assert_eq!(projector_fault(name), None, "{name}");
        }
    }

    #[test]
    fn anything_else_is_not_a_name() {
        for name in ["", "A", "a_b", "a b", "-a", "a-", "a--b", "é"] {
            assert!(projector_fault(name).is_some(), "{name}");
        }
        assert_eq!(projector_fault(&"a".repeat(64)), None);
        assert!(projector_fault(&"a".repeat(65)).is_some());
    }

    #[test]
    fn a_domain_is_lower_case() {
        assert_eq!(domain_fault("domain", "player_stats.v2"), None);
        assert_eq!(
            domain_fault("input_domain", "Orders ").as_deref(),
            Some("`Orders ` is not a domain name\nhelp: use `orders`")
        );
        assert_eq!(
            domain_fault("input_domain", "").as_deref(),
            Some("input_domain must not be empty")
        );
    }

    #[test]
    fn a_table_has_a_name_that_every_database_takes() {
        for name in ["players", "Players", "_a", "a1_b", &"a".repeat(48), "my_events"] {
            assert_eq!(table_fault(name), None, "{name}");
            assert_eq!(column_fault(name), None, "{name}");
        }
        let long = "a".repeat(49);
        let faulty = ["", "a-b", "1a", "é", "a b", "a__b", "Projections_a", long.as_str()];
        for name in faulty {
            assert!(table_fault(name).is_some(), "{name}");
            assert!(column_fault(name).is_some(), "{name}");
        }
        for name in ["events", "EVENTS", "sqlite_a"] {
            assert!(table_fault(name).is_some(), "{name}");
            assert_eq!(column_fault(name), None, "{name}");
        }
    }

    #[test]
    fn an_event_name_has_no_white_space() {
        assert_eq!(event_fault("order.placed/v1"), None);
        assert!(event_fault("Order Placed").is_some());
        assert!(event_fault("").is_some());
    }
}
