//! Distinguished names: `cn=Joe,ou=Users,dc=contoso,dc=com`.

/// Returns the value of the component `number` (from 1) with escapes resolved; `""` if there is none.
pub(crate) fn dn_component(name: &str, number: i64) -> String {
    let Some(index) = number.checked_sub(1).and_then(|index| usize::try_from(index).ok()) else {
        return String::new();
    };
    let Some(component) = name_components(name).into_iter().nth(index) else { return String::new() };
    let value = component.split_once('=').map_or(component, |(_, value)| value).trim();
    unescape_name(value)
}

/// Splits a name at the commas that are not escaped by a backslash.
fn name_components(name: &str) -> Vec<&str> {
    let mut escaped = false;
    name.split(|letter| {
        let cut = letter == ',' && !escaped;
        escaped = letter == '\\' && !escaped;
        cut
    })
    .collect()
}

fn unescape_name(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        out.push(if letter == '\\' { letters.next().unwrap_or(letter) } else { letter });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::dn_component;

    #[test]
    fn components_are_numbered_from_1_and_escapes_are_resolved() {
        let name = r"cn=Doe\, Joe,ou=Users,dc=contoso";
        assert_eq!(dn_component(name, 1), "Doe, Joe");
        assert_eq!(dn_component(name, 2), "Users");
        assert_eq!(dn_component(name, 0) + &dn_component(name, 9), "");
    }
}
