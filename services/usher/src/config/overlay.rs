//! A deserializer around another one. It expands references in strings and adds missing map entries.
//!
//! The expansion happens inside the deserializer, not on the text. So YAML's own quoting does not affect the values, and every
//! error keeps its line and column.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde_json::Value;

use super::expand::{VariableSource, expand_text, has_reference};

/// The variables for references, and the defaults for maps.
#[derive(Clone, Copy)]
pub(super) struct OverlayContext<'a> {
    pub(super) variables: &'a dyn VariableSource,
    pub(super) defaults: Option<&'a serde_json::Map<String, Value>>,
}

impl OverlayContext<'_> {
    fn without_defaults(self) -> Self {
        Self { defaults: None, ..self }
    }
}

pub(super) struct ConfigOverlay<'a, T> {
    pub(super) inner: T,
    pub(super) context: OverlayContext<'a>,
}

macro_rules! forward {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            self.inner.$method(ConfigOverlay { inner: visitor, context: self.context })
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for ConfigOverlay<'_, D> {
    type Error = D::Error;

    forward! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_option deserialize_unit deserialize_seq deserialize_map
        deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_unit_struct(name, ConfigOverlay { inner: visitor, context: self.context })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_newtype_struct(name, ConfigOverlay { inner: visitor, context: self.context })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_tuple(len, ConfigOverlay { inner: visitor, context: self.context })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_tuple_struct(
            name,
            len,
            ConfigOverlay { inner: visitor, context: self.context },
        )
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_struct(name, fields, ConfigOverlay { inner: visitor, context: self.context })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_enum(name, variants, ConfigOverlay { inner: visitor, context: self.context })
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! forward_visits {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for ConfigOverlay<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.expecting(f)
    }

    forward_visits! {
        visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128, visit_f64: f64,
        visit_char: char, visit_bytes: &[u8], visit_byte_buf: Vec<u8>,
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        if !has_reference(text) {
            return self.inner.visit_str(text);
        }
        let value = expand_text(text, self.context.variables).map_err(E::custom)?;
        // The value may be a secret, and the error may quote it.
        self.inner
            .visit_string(value)
            .map_err(|_: E| E::custom(format!("what `{text}` stands for is not a valid value here")))
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(ConfigOverlay { inner, context: self.context })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(ConfigOverlay { inner, context: self.context })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(ConfigOverlay { inner, context: self.context.without_defaults() })
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let missing = self.context.defaults.cloned().unwrap_or_default();
        self.inner.visit_map(OverlayEntries { inner, context: self.context, missing, key: None, value: None })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(ConfigOverlay { inner, context: self.context.without_defaults() })
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for ConfigOverlay<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(ConfigOverlay { inner, context: self.context })
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for ConfigOverlay<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_element_seed(ConfigOverlay { inner: seed, context: self.context })
    }
}

impl<'a, 'de, A: EnumAccess<'de>> EnumAccess<'de> for ConfigOverlay<'a, A> {
    type Error = A::Error;
    type Variant = ConfigOverlay<'a, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let context = self.context;
        let (value, inner) = self.inner.variant_seed(seed)?;
        Ok((value, ConfigOverlay { inner, context }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for ConfigOverlay<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.newtype_variant_seed(ConfigOverlay { inner: seed, context: self.context })
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.inner.tuple_variant(len, ConfigOverlay { inner: visitor, context: self.context })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(fields, ConfigOverlay { inner: visitor, context: self.context })
    }
}

/// The entries of a map, followed by the defaults for the entries that the map leaves out.
struct OverlayEntries<'a, A> {
    inner: A,
    context: OverlayContext<'a>,
    missing: serde_json::Map<String, Value>,
    key: Option<String>,
    value: Option<Value>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OverlayEntries<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        if self.context.defaults.is_none() {
            return self.inner.next_key_seed(seed);
        }
        let key = match self.inner.next_key::<String>()? {
            Some(key) => {
                self.missing.remove(&key);
                self.key.insert(key).as_str()
            }
            None => {
                let Some(key) = self.missing.keys().next().cloned() else { return Ok(None) };
                self.value = self.missing.remove(&key);
                self.key.insert(key).as_str()
            }
        };
        let key: StrDeserializer<'_, A::Error> = key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        if let Some(value) = self.value.take() {
            return seed.deserialize(value).map_err(A::Error::custom);
        }
        let key = self.key.take();
        let defaults =
            self.context.defaults.zip(key).and_then(|(map, key)| map.get(&key)).and_then(Value::as_object);
        self.inner.next_value_seed(ConfigOverlay {
            inner: seed,
            context: OverlayContext { defaults, ..self.context },
        })
    }
}
