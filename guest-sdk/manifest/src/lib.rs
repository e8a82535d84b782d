//! Checks a driver's manifest while the driver is built, and puts it into the component.
//!
//! It runs in the compiler: the policy's own parser is used here, and nothing of it gets into the
//! guest. Drivers reach it as `abaca_sdk::manifest!`.

use std::path::Path;

use abaca_policy::{MANIFEST_SECTION, Manifest};
use proc_macro2::TokenStream;
use quote::quote;
use syn::LitStr;

/// Embeds the manifest of this driver: `abaca_sdk::manifest!("manifest.toml")`.
///
/// The path begins at the crate's own directory. The build fails where the file cannot be read
/// or is no manifest, with the line and what would be right. Written once in a crate: two
/// manifests in one component are refused when it is loaded.
#[proc_macro]
pub fn manifest(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let file = syn::parse_macro_input!(input as LitStr);
    embed(&file)
        .unwrap_or_else(|reason| syn::Error::new(file.span(), reason).to_compile_error())
        .into()
}

fn embed(file: &LitStr) -> Result<TokenStream, String> {
    let directory = std::env::var("CARGO_MANIFEST_DIR")
        .map_err(|_| "a manifest is found beside Cargo.toml: build with cargo".to_owned())?;
    let name = file.value();
    let path = Path::new(&directory).join(&name);
    #[expect(clippy::disallowed_methods, reason = "the driver's author named this file")]
    let bytes =
        std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    // No manifest is empty.
    Manifest::from_bytes(&bytes, &name).map_err(|error| error.to_string())?;
    let length = bytes.len();
    let path = path.to_str().ok_or("the path of this crate is no UTF-8")?;
    Ok(quote! {
        const _: () = {
            // For wasm this is a section of its own and no data, unless something keeps it alive.
            #[allow(unsafe_code)]
            #[cfg_attr(target_arch = "wasm32", unsafe(link_section = #MANIFEST_SECTION))]
            static MANIFEST: [u8; #length] = *include_bytes!(#path);

            // Without any use it would not be compiled at all; this use is computed away.
            fn first() -> u8 {
                MANIFEST[0]
            }
            #[used]
            static FIRST: fn() -> u8 = first;
        };
    })
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;
    use syn::LitStr;

    use super::embed;

    #[test]
    fn the_build_fails_unless_the_file_is_a_manifest() {
        let embed = |name: &str| embed(&LitStr::new(name, Span::call_site()));
        let embedded = embed("../../drivers/directory/manifest.toml").unwrap().to_string();
        assert!(embedded.contains("abaca:manifest"), "{embedded}");
        let error = embed("Cargo.toml").unwrap_err();
        assert!(error.starts_with("Cargo.toml:1:2: "), "{error}");
        let error = embed("absent.toml").unwrap_err();
        assert!(error.contains("absent.toml: No such file"), "{error}");
        // A policy has paths, and a manifest must not.
        let error = embed("../../drivers/directory/policy.toml").unwrap_err();
        assert!(error.contains("policy.toml:") && error.contains("allowed: purpose"), "{error}");
    }
}
