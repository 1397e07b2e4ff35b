//! What wit-bindgen makes of the world `exporter`.

wit_bindgen::generate!({
    path: "../../wit",
    world: "exporter",
    pub_export_macro: true,
    export_macro_name: "__export_exporter_impl",
});
