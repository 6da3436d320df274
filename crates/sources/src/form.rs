//! Parsing of forms: `data[changedFields][0]=firstName` becomes `{"data": {"changedFields": {"0": "firstName"}}}`.

use serde_json::{Map, Value};

use crate::error::{ErrorKind, ReadError};
use crate::{DEPTH_MAX, FORM_FIELDS_MAX};

/// Returns the form as an object of texts and objects.
pub(crate) fn read_form(body: &[u8]) -> Result<Value, ReadError> {
    let mut form = Map::new();
    for (count, (name, text)) in form_urlencoded::parse(body).enumerate() {
        if count >= FORM_FIELDS_MAX {
            let what = format!("the form has more than {FORM_FIELDS_MAX} fields");
            return Err(ReadError::new(ErrorKind::TooMuch, "", what, "send fewer"));
        }
        insert_field(&mut form, &field_parts(&name)?, text.into_owned())?;
    }
    Ok(Value::Object(form))
}

/// Returns the parts of a field's name. A name with unclosed brackets is one part.
fn field_parts(name: &str) -> Result<Vec<&str>, ReadError> {
    let Some((first, rest)) = name.split_once('[') else { return Ok(vec![name]) };
    let Some(rest) = rest.strip_suffix(']') else { return Ok(vec![name]) };
    let parts: Vec<&str> = std::iter::once(first).chain(rest.split("][")).collect();
    if parts.len() > DEPTH_MAX {
        let what = format!("the form nests deeper than {DEPTH_MAX}");
        return Err(ReadError::new(ErrorKind::TooMuch, "", what, "send a flatter form"));
    }
    Ok(parts)
}

/// Inserts a field at the path `parts`.
fn insert_field(form: &mut Map<String, Value>, parts: &[&str], text: String) -> Result<(), ReadError> {
    let mut level = form;
    let mut at = String::new();
    let clash = |at: &str| ReadError::invalid(at, "this field occurs twice in the form", "send it once");
    for (index, part) in parts.iter().enumerate() {
        // `list[]` is the next element of a list.
        let name = if part.is_empty() && index > 0 { level.len().to_string() } else { (*part).to_owned() };
        at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        if index + 1 == parts.len() {
            return match level.insert(name, Value::String(text)) {
                None => Ok(()),
                Some(_) => Err(clash(&at)),
            };
        }
        let next = level.entry(name).or_insert_with(|| Value::Object(Map::new()));
        level = next.as_object_mut().ok_or_else(|| clash(&at))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn brackets_nest_and_empty_ones_count() {
        let read = |form: &str| read_form(form.as_bytes());
        assert_eq!(
            read("type=employee.updated&data[companyId]=12345&data[changedFields][0]=First+name").unwrap(),
            json!({"type": "employee.updated", "data": {"companyId": "12345", "changedFields": {"0": "First name"}}})
        );
        assert_eq!(read("a%5B%5D=x&a[]=%C3%A9").unwrap(), json!({"a": {"0": "x", "1": "é"}}));
        assert_eq!(read("a[b=1&c]=2&=3&d").unwrap(), json!({"a[b": "1", "c]": "2", "": "3", "d": ""}));
        assert_eq!(read("").unwrap(), json!({}));
        assert_eq!(read("a=1&a=2").unwrap_err().at, "/a");
        assert_eq!(read("a[b]=1&a=2").unwrap_err().at, "/a");
        assert_eq!(read("a=1&a[b][c]=2").unwrap_err().at, "/a");
        assert_eq!(read(&format!("a{}=1", "[x]".repeat(40))).unwrap_err().kind, ErrorKind::TooMuch);
        assert_eq!(read(&"a&".repeat(2)).unwrap_err().kind, ErrorKind::Invalid);
        let many: String = (0..=FORM_FIELDS_MAX).map(|n| format!("{n}&")).collect();
        assert_eq!(read(&many).unwrap_err().kind, ErrorKind::TooMuch);
    }
}
