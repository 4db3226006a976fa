//! What `wit-bindgen` makes of the interface: one world for the imports and the shared types, and one
//! for each export, so that a plugin exports exactly what it registers and nothing else.

#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    reason = "generated from wit/, where everything is documented"
)]
#![allow(clippy::allow_attributes_without_reason, reason = "generated")]

/// Everything a plugin can import, and the types all worlds share.
pub mod imports {
    wit_bindgen::generate!({
        path: "../../wit/0.2",
        world: "lanewright:plugin/imports",
        generate_all,
        additional_derives: [PartialEq],
    });
}

/// The export `setup`.
pub mod setup {
    wit_bindgen::generate!({
        path: "../../wit/0.2",
        inline: "package lanewright:sdk-setup; world setup { export lanewright:plugin/setup@0.2.0; }",
        world: "lanewright:sdk-setup/setup",
        with: { "lanewright:plugin/types@0.2.0": crate::bindings::imports::lanewright::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_setup",
        default_bindings_module: "lanewright_sdk::bindings::setup",
    });
}

/// The export `classifier`.
pub mod classifier {
    wit_bindgen::generate!({
        path: "../../wit/0.2",
        inline: "package lanewright:sdk-classifier; world classifier { export lanewright:plugin/classifier@0.2.0; }",
        world: "lanewright:sdk-classifier/classifier",
        with: { "lanewright:plugin/types@0.2.0": crate::bindings::imports::lanewright::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_classifier",
        default_bindings_module: "lanewright_sdk::bindings::classifier",
    });
}

/// The export `scorer`.
pub mod scorer {
    wit_bindgen::generate!({
        path: "../../wit/0.2",
        inline: "package lanewright:sdk-scorer; world scorer { export lanewright:plugin/scorer@0.2.0; }",
        world: "lanewright:sdk-scorer/scorer",
        with: { "lanewright:plugin/types@0.2.0": crate::bindings::imports::lanewright::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_scorer",
        default_bindings_module: "lanewright_sdk::bindings::scorer",
    });
}

/// The export `fallback`.
pub mod fallback {
    wit_bindgen::generate!({
        path: "../../wit/0.2",
        inline: "package lanewright:sdk-fallback; world fallback { export lanewright:plugin/fallback@0.2.0; }",
        world: "lanewright:sdk-fallback/fallback",
        with: { "lanewright:plugin/types@0.2.0": crate::bindings::imports::lanewright::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_fallback",
        default_bindings_module: "lanewright_sdk::bindings::fallback",
    });
}

/// The export `enricher`.
pub mod enricher {
    wit_bindgen::generate!({
        path: "../../wit/0.2",
        inline: "package lanewright:sdk-enricher; world enricher { export lanewright:plugin/enricher@0.2.0; }",
        world: "lanewright:sdk-enricher/enricher",
        with: { "lanewright:plugin/types@0.2.0": crate::bindings::imports::lanewright::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_enricher",
        default_bindings_module: "lanewright_sdk::bindings::enricher",
    });
}
