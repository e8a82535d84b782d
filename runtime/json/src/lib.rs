//! How the contract's types look in JSON: a derive macro that `abaca`'s bindings put on each of
//! them. The bindings are generated, so nobody can write serde's attributes on their types; this
//! reads the contract's own words, which stand in the attributes that wasmtime's bindings carry.
//!
//! | in the contract | in JSON |
//! |---|---|
//! | a record's field `share-id` | the key `share_id`; unknown keys are refused |
//! | an enum's case `error-deleting` | the text `"error-deleting"` |
//! | a variant's case with a value | an object of one key, `{"command-failed": {…}}` |
//! | `option<T>` | absent or `null` where there is none |
//! | `list<T>` | absent where it is empty, as an array |
//! | `list<pair>` | an object; a repeated key is refused |
//! | `list<u8>` | a text, or `{"base64": …}` where it is none |
//!
//! Serialising, deserialising and the schema are derived from one mirrored type, so that they
//! cannot differ.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote};
use syn::{Attribute, Data, DeriveInput, Field, GenericArgument, LitStr, PathArguments, Type};

/// Derives `serde::Serialize`, `serde::Deserialize` and `schemars::JsonSchema` in the contract's
/// words. Where it is used, `crate::types::pairs` says how lists of pairs look.
#[proc_macro_derive(Json)]
pub fn json(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as DeriveInput);
    mirrored(input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// The type once more, with serde's attributes, and the traits of the type by those of the
/// mirror.
fn mirrored(input: DeriveInput) -> syn::Result<Tokens> {
    let name = input.ident.clone();
    let remote = name.to_string();
    let mut mirror = input;
    mirror.ident = format_ident!("{name}Json");
    only_documentation(&mut mirror.attrs);
    match &mut mirror.data {
        Data::Struct(record) => record.fields.iter_mut().for_each(field),
        Data::Enum(variant) => {
            for case in &mut variant.variants {
                let word = contract_word(&case.attrs)?
                    .ok_or_else(|| syn::Error::new_spanned(&case.ident, "has no contract word"))?;
                only_documentation(&mut case.attrs);
                case.attrs.push(syn::parse_quote!(#[serde(rename = #word)]));
            }
        }
        Data::Union(_) => {
            return Err(syn::Error::new_spanned(name, "the contract has no unions"));
        }
    }
    let mirror_name = &mirror.ident;
    Ok(quote! {
        const _: () = {
            #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
            #[serde(remote = #remote, deny_unknown_fields)]
            #[allow(dead_code)]
            #mirror

            impl serde::Serialize for #name {
                fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                    #mirror_name::serialize(self, to)
                }
            }

            impl<'de> serde::Deserialize<'de> for #name {
                fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                    #mirror_name::deserialize(from)
                }
            }

            impl schemars::JsonSchema for #name {
                fn schema_name() -> std::borrow::Cow<'static, str> {
                    std::borrow::Cow::Borrowed(#remote)
                }

                fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                    <#mirror_name as schemars::JsonSchema>::json_schema(generator)
                }
            }
        };
    })
}

/// Lists may be left out, and lists of pairs are objects.
fn field(field: &mut Field) {
    only_documentation(&mut field.attrs);
    match list_item(&field.ty) {
        Some(item) if is_pair(item) => {
            field.attrs.push(syn::parse_quote!(#[serde(default, with = "crate::types::pairs")]));
            field.attrs.push(syn::parse_quote!(
                #[schemars(with = "std::collections::BTreeMap<String, String>")]
            ));
        }
        Some(item) if is_named(item, "u8") => bytes(field, "crate::types::bytes"),
        Some(_) => field.attrs.push(syn::parse_quote!(#[serde(default)])),
        None => {
            let inner = item_of(&field.ty, "Option").and_then(list_item);
            if inner.is_some_and(|item| is_named(item, "u8")) {
                bytes(field, "crate::types::bytes::optional");
            }
        }
    }
}

/// Bytes are text where they can be.
fn bytes(field: &mut Field, with: &str) {
    field.attrs.push(syn::parse_quote!(#[serde(default, with = #with)]));
    field.attrs.push(syn::parse_quote!(#[schemars(with = "String")]));
}

/// The `T` of a `Vec<T>`, wherever the `Vec` is named.
fn list_item(ty: &Type) -> Option<&Type> {
    item_of(ty, "Vec")
}

/// The `T` of a `NAME<T>`.
fn item_of<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(item) => Some(item),
        _ => None,
    })
}

fn is_pair(ty: &Type) -> bool {
    is_named(ty, "Pair")
}

fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

/// The word of the contract, as the bindings note it: `#[component(name = "error-deleting")]`.
fn contract_word(attributes: &[Attribute]) -> syn::Result<Option<String>> {
    let mut word = None;
    for attribute in attributes.iter().filter(|one| one.path().is_ident("component")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                word = Some(meta.value()?.parse::<LitStr>()?.value());
            }
            Ok(())
        })?;
    }
    Ok(word)
}

fn only_documentation(attributes: &mut Vec<Attribute>) {
    attributes.retain(|attribute| attribute.path().is_ident("doc"));
}
