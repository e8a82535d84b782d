;; A part that makes handles of a resource of its own without end, when it is instantiated.
;; `build.rs` puts it behind a driver that does nothing.
(component
  (type $resource (resource (rep i32)))
  (core func $new (canon resource.new $resource))
  (core module $maker
    (import "" "new" (func $new (param i32) (result i32)))
    (func $start
      (loop $more (drop (call $new (i32.const 0))) (br $more)))
    (start $start))
  (core instance
    (instantiate $maker (with "" (instance (export "new" (func $new)))))))
