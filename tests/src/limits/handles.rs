//! Handles of a driver's own resources. The contract has none, so the driver is made by hand.

use abaca::{Blame, Error, Limit, Limits};
use wasm_encoder::Encode;
use wasmparser::{Parser, Payload};

use crate::support::{component, runtime};

/// A driver that makes handles of a resource of its own when it is instantiated.
fn with_handles(count: usize) -> Vec<u8> {
    let mut bytes = std::fs::read(component("abaca-guest-minimal")).unwrap();
    let (mut depth, mut components) = (0, 0_u32);
    for payload in Parser::new(0).parse_all(&bytes) {
        match payload.unwrap() {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentSection { .. } if depth == 1 => components += 1,
            _ => {}
        }
    }
    let maker = format!(
        r#"(component
            (type $r (resource (rep i32)))
            (core func $new (canon resource.new $r))
            (core module $m
                (import "" "new" (func $new (param i32) (result i32)))
                (func $start (local i32)
                    (loop
                        (drop (call $new (local.get 0)))
                        (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                        (br_if 0 (i32.lt_u (local.get 0) (i32.const {count})))))
                (start $start))
            (core instance (instantiate $m (with "" (instance (export "new" (func $new)))))))"#
    );
    let maker = wat::parse_str(maker).unwrap();
    // A section with the component, and one that instantiates it without arguments.
    bytes.push(4);
    maker.encode(&mut bytes);
    let mut instance = vec![1, 0];
    components.encode(&mut instance);
    instance.push(0);
    bytes.push(5);
    instance.encode(&mut bytes);
    bytes
}

#[tokio::test]
async fn component_handles() {
    let mut limits = Limits::default();
    limits.component_handles = 10;
    let runtime = runtime(limits);
    let error = runtime.load_bytes("greedy", with_handles(11)).await.unwrap_err();
    assert!(matches!(error, Error::Limit { limit: Limit::Handles, .. }), "{error:?}");
    assert_eq!(error.blame(), Blame::Driver);
    assert!(error.to_string().contains("10 are allowed"), "{error}");
    runtime.load_bytes("modest", with_handles(10)).await.unwrap();
}
