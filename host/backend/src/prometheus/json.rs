//! A JSON object whose fields are kept as they were written and in their order.
//!
//! A filter looks at few fields and copies the others byte by byte, so numbers stay what they were.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

/// An object; a field that stands in it twice is refused.
#[derive(Debug)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, Cow<'a, RawValue>)>);

impl<'a> Object<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
    }

    /// Replaces a field's value where the field is there.
    pub(super) fn replace(&mut self, name: &str, value: &impl Serialize) -> Result<(), serde_json::Error> {
        if let Some((_, old)) = self.0.iter_mut().find(|(other, _)| other == name) {
            *old = Cow::Owned(serde_json::value::to_raw_value(value)?);
        }
        Ok(())
    }

    /// Removes all fields but these.
    pub(super) fn keep(&mut self, names: &[&str]) {
        self.0.retain(|(name, _)| names.contains(&&**name));
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut fields: Vec<(Cow<'de, str>, Cow<'de, RawValue>)> = Vec::new();
        while let Some(name) = map.next_key::<Name<'de>>()? {
            if fields.iter().any(|(other, _)| *other == name.0) {
                return Err(A::Error::custom("a field stands twice in an object"));
            }
            fields.push((name.0, Cow::Borrowed(map.next_value::<&'de RawValue>()?)));
        }
        Ok(Object(fields))
    }
}

#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
