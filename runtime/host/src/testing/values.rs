//! The contract's values from JSON and back, by their types alone: for functions of a driver that
//! are called by name. The words are those of `abaca_json`, which does the same for types that Rust
//! knows. Pure.

use serde_json::{Map, Number, Value};
use wasmtime::component::{Type, Val, types};

/// A value of this type.
///
/// # Errors
/// Where, and what is wrong there.
pub(crate) fn from_json(json: &Value, wanted: &Type) -> Result<Val, String> {
    let unlike = || format!("{} is no {}", shortened(json), name(wanted));
    let integer = |json: &Value| json.as_i64().ok_or_else(unlike);
    let natural = |json: &Value| json.as_u64().ok_or_else(unlike);
    Ok(match wanted {
        Type::Bool => Val::Bool(json.as_bool().ok_or_else(unlike)?),
        Type::S8 => Val::S8(integer(json)?.try_into().map_err(|_| unlike())?),
        Type::S16 => Val::S16(integer(json)?.try_into().map_err(|_| unlike())?),
        Type::S32 => Val::S32(integer(json)?.try_into().map_err(|_| unlike())?),
        Type::S64 => Val::S64(integer(json)?),
        Type::U8 => Val::U8(natural(json)?.try_into().map_err(|_| unlike())?),
        Type::U16 => Val::U16(natural(json)?.try_into().map_err(|_| unlike())?),
        Type::U32 => Val::U32(natural(json)?.try_into().map_err(|_| unlike())?),
        Type::U64 => Val::U64(natural(json)?),
        Type::Float64 => Val::Float64(json.as_f64().ok_or_else(unlike)?),
        Type::String => Val::String(json.as_str().ok_or_else(unlike)?.to_owned()),
        Type::Option(option) => match json {
            Value::Null => Val::Option(None),
            json => Val::Option(Some(Box::new(from_json(json, &option.ty())?))),
        },
        Type::List(list) => items(json, &list.ty()).ok_or_else(unlike)??,
        Type::Tuple(tuple) => {
            let items = json.as_array().filter(|items| items.len() == tuple.types().len());
            let items = items.ok_or_else(unlike)?.iter().zip(tuple.types());
            Val::Tuple(items.map(|(item, ty)| from_json(item, &ty)).collect::<Result<_, _>>()?)
        }
        Type::Record(record) => {
            let fields = json.as_object().ok_or_else(unlike)?;
            let known: Vec<_> = record.fields().map(|field| key(field.name)).collect();
            if let Some(unknown) = fields.keys().find(|name| !known.contains(name)) {
                return Err(format!("there is no field `{unknown}`"));
            }
            let field = |field: types::Field<'_>| {
                let value = match fields.get(&key(field.name)) {
                    Some(value) => from_json(value, &field.ty),
                    None => absent(&field.ty).ok_or_else(|| "it is missing".to_owned()),
                };
                let value = value.map_err(|error| format!("{}: {error}", key(field.name)))?;
                Ok((field.name.to_owned(), value))
            };
            Val::Record(record.fields().map(field).collect::<Result<_, String>>()?)
        }
        Type::Enum(cases) => {
            let word = json.as_str().filter(|word| cases.names().any(|name| name == *word));
            Val::Enum(word.ok_or_else(unlike)?.to_owned())
        }
        Type::Variant(variant) => {
            let (word, carried) = case(json).ok_or_else(unlike)?;
            let case = variant.cases().find(|case| case.name == word).ok_or_else(unlike)?;
            match (case.ty, carried) {
                (None, None) => Val::Variant(word.to_owned(), None),
                (Some(ty), Some(value)) => {
                    let value =
                        from_json(value, &ty).map_err(|error| format!("{word}: {error}"))?;
                    Val::Variant(word.to_owned(), Some(Box::new(value)))
                }
                _ => return Err(unlike()),
            }
        }
        _ => return Err(format!("the contract has no {}", name(wanted))),
    })
}

/// A value of this type as JSON. A list of pairs that stands by itself is a list, within a record
/// an object.
///
/// # Errors
/// When the contract has no such value, or a key of an object would be repeated.
pub(crate) fn to_json(value: &Val, ty: &Type) -> Result<Value, String> {
    let unlike = || format!("{value:?} is no {}", name(ty));
    let carried = |value: &Option<Box<Val>>, ty: Option<Type>| match (value, ty) {
        (None, _) => Ok(Value::Null),
        (Some(value), Some(ty)) => to_json(value, &ty),
        (Some(_), None) => Err(unlike()),
    };
    Ok(match (value, ty) {
        (Val::Bool(truth), _) => (*truth).into(),
        (Val::S8(number), _) => (*number).into(),
        (Val::S16(number), _) => (*number).into(),
        (Val::S32(number), _) => (*number).into(),
        (Val::S64(number), _) => (*number).into(),
        (Val::U8(number), _) => (*number).into(),
        (Val::U16(number), _) => (*number).into(),
        (Val::U32(number), _) => (*number).into(),
        (Val::U64(number), _) => (*number).into(),
        (Val::Float64(number), _) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
        (Val::String(text), _) => text.as_str().into(),
        (Val::Enum(word), _) => word.as_str().into(),
        (Val::Option(value), Type::Option(option)) => carried(value, Some(option.ty()))?,
        (Val::Result(Ok(value)), Type::Result(result)) => carried(value, result.ok())?,
        (Val::Result(Err(error)), Type::Result(result)) => carried(error, result.err())?,
        (Val::List(items), Type::List(list)) => {
            let item = list.ty();
            items.iter().map(|one| to_json(one, &item)).collect::<Result<Vec<_>, _>>()?.into()
        }
        (Val::Tuple(items), Type::Tuple(tuple)) => {
            let items = items.iter().zip(tuple.types()).map(|(item, ty)| to_json(item, &ty));
            items.collect::<Result<Vec<_>, _>>()?.into()
        }
        (Val::Record(values), Type::Record(record)) => {
            let field = |((name, value), field): (&(String, Val), types::Field<'_>)| {
                let json = match value {
                    Val::List(items) if are_pairs(&field.ty) => pairs(items),
                    value => to_json(value, &field.ty),
                };
                Ok((key(name), json?))
            };
            let fields = values.iter().zip(record.fields()).map(field);
            Value::Object(fields.collect::<Result<Map<_, _>, String>>()?)
        }
        (Val::Variant(word, None), _) => word.as_str().into(),
        (Val::Variant(word, value), Type::Variant(variant)) => {
            let case = variant.cases().find(|case| case.name == word.as_str());
            let json = carried(value, case.and_then(|case| case.ty))?;
            Value::Object(Map::from_iter([(word.clone(), json)]))
        }
        _ => return Err(unlike()),
    })
}

/// The items of a list, or the pairs of an object.
fn items(json: &Value, ty: &Type) -> Option<Result<Val, String>> {
    let items: Result<_, _> = match (json, ty) {
        (Value::Array(items), ty) => items.iter().map(|item| from_json(item, ty)).collect(),
        (Value::Object(fields), Type::Tuple(_)) => fields
            .iter()
            .map(|(key, value)| {
                from_json(&Value::from(vec![key.as_str().into(), value.clone()]), ty)
            })
            .collect(),
        _ => return None,
    };
    Some(items.map(Val::List))
}

/// What stands for a field that is not there.
fn absent(ty: &Type) -> Option<Val> {
    match ty {
        Type::Option(_) => Some(Val::Option(None)),
        Type::List(_) => Some(Val::List(Vec::new())),
        _ => None,
    }
}

/// The word of a variant's case, and what it carries.
fn case(json: &Value) -> Option<(&str, Option<&Value>)> {
    match json {
        Value::String(word) => Some((word, None)),
        Value::Object(fields) => {
            let mut fields = fields.iter();
            let (word, value) = fields.next()?;
            fields.next().is_none().then_some((word, Some(value)))
        }
        _ => None,
    }
}

/// Whether it is a list of pairs of texts.
fn are_pairs(ty: &Type) -> bool {
    let Type::List(list) = ty else { return false };
    let Type::Tuple(tuple) = list.ty() else { return false };
    tuple.types().len() == 2 && tuple.types().all(|one| one == Type::String)
}

fn pairs(items: &[Val]) -> Result<Value, String> {
    let mut fields = Map::new();
    for item in items {
        if let Val::Tuple(two) = item
            && let [Val::String(name), Val::String(value)] = two.as_slice()
            && fields.insert(name.clone(), value.as_str().into()).is_some()
        {
            return Err(format!("the key {name:?} is repeated"));
        }
    }
    Ok(fields.into())
}

/// A record's field as a key.
fn key(field: &str) -> String {
    field.replace('-', "_")
}

fn name(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "truth value",
        Type::S8 | Type::S16 | Type::S32 | Type::S64 => "integer of its size",
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => "natural number of its size",
        Type::Float32 | Type::Float64 => "number",
        Type::String => "text",
        Type::List(_) => "list",
        Type::Record(_) => "record",
        Type::Tuple(_) => "tuple of its length",
        Type::Variant(_) => "case of this variant",
        Type::Enum(_) => "word of this enum",
        Type::Option(_) => "value or null",
        _ => "value of that kind",
    }
}

fn shortened(json: &Value) -> String {
    const SHOWN: usize = 80;
    crate::text::printable(&json.to_string(), SHOWN)
}
