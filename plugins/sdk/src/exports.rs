//! From the interface's exports to the traits: what [`register!`](crate::register) hangs up.
//!
//! The generic adapters below implement the generated export traits for any plugin type; the macro only
//! names the type and the exports. The C symbols exist in WebAssembly builds alone, so a plugin's crate
//! compiles natively for its tests.

use std::marker::PhantomData;

use crate::bindings::{classifier, enricher, fallback, scorer, setup};
use crate::host::Sandbox;
use crate::*;

/// Adapts a plugin to the generated export traits.
pub struct Export<P>(PhantomData<P>);

impl<P: Plugin> setup::exports::lanewright::plugin::setup::Guest for Export<P> {
    fn schema() -> String {
        P::schema()
    }

    fn check(settings: String, lanes: Vec<Lane>) -> Vec<Issue> {
        tell_panics();
        match serde_json::from_str(&settings) {
            Ok(settings) => P::check(&settings, &lanes),
            Err(error) => vec![Issue::new("", error.to_string())],
        }
    }

    fn prepare(settings: String, lanes: Vec<Lane>) -> Result<Vec<u8>, Failure> {
        tell_panics();
        let settings =
            serde_json::from_str(&settings).map_err(|error| Failure::Settings(error.to_string()))?;
        P::prepare(&Sandbox, &settings, &lanes)
    }
}

impl<P: Classifier> classifier::exports::lanewright::plugin::classifier::Guest for Export<P> {
    fn classify(lead: Lead, policy: Policy) -> Result<Verdict, Failure> {
        tell_panics();
        P::classify(&Sandbox, &lead, policy)
    }
}

impl<P: Scorer> scorer::exports::lanewright::plugin::scorer::Guest for Export<P> {
    fn score(
        lead: Lead,
        verdict: Verdict,
        context: Context,
        candidates: Vec<Candidate>,
    ) -> Result<Scores, Failure> {
        tell_panics();
        P::score(&Sandbox, &lead, &verdict, &context, &candidates)
    }
}

impl<P: Fallback> fallback::exports::lanewright::plugin::fallback::Guest for Export<P> {
    fn resolve(lead: Lead, verdict: Option<Verdict>, situation: Situation) -> Result<Vec<Action>, Failure> {
        tell_panics();
        P::resolve(&Sandbox, &lead, verdict.as_ref(), &situation)
    }
}

impl<P: Enricher> enricher::exports::lanewright::plugin::enricher::Guest for Export<P> {
    fn plan(lead: Lead) -> Result<Vec<Request>, Failure> {
        tell_panics();
        P::plan(&Sandbox, &lead)
    }

    fn interpret(lead: Lead, responses: Vec<Response>) -> Result<Vec<Field>, Failure> {
        tell_panics();
        P::interpret(&Sandbox, &lead, &responses)
    }
}

/// A panic ends the call as a trap, which has no words; this puts its message into the trace first.
fn tell_panics() {
    #[cfg(target_arch = "wasm32")]
    std::panic::set_hook(Box::new(|info| Sandbox.log(Level::Error, &info.to_string())));
}

/// Exports a plugin type: its name, a colon, and what it answers, any of `classifier`, `scorer`,
/// `fallback` and `enricher`.
///
/// ```ignore
/// lanewright_sdk::register!(Mine: classifier, fallback);
/// ```
#[macro_export]
macro_rules! register {
    ($plugin:ty : $($export:ident),+ $(,)?) => {
        #[cfg(target_arch = "wasm32")]
        #[expect(unsafe_code, reason = "the symbols of the component's exports")]
        const _: () = {
            type Registered = $crate::exports::Export<$plugin>;
            $crate::bindings::setup::export_setup!(Registered with_types_in $crate::bindings::setup);
            $( $crate::__register_one!(Registered, $export); )+
        };
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            $( $crate::__check_one!($plugin, $export); )+
        };
    };
}

/// One export; an unknown word is a clear error instead of a missing macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __register_one {
    ($t:ident, classifier) => {
        $crate::bindings::classifier::export_classifier!($t with_types_in $crate::bindings::classifier);
    };
    ($t:ident, scorer) => {
        $crate::bindings::scorer::export_scorer!($t with_types_in $crate::bindings::scorer);
    };
    ($t:ident, fallback) => {
        $crate::bindings::fallback::export_fallback!($t with_types_in $crate::bindings::fallback);
    };
    ($t:ident, enricher) => {
        $crate::bindings::enricher::export_enricher!($t with_types_in $crate::bindings::enricher);
    };
    ($t:ident, $other:ident) => {
        compile_error!(concat!("`", stringify!($other), "` is not an export: use classifier, scorer, fallback or enricher"));
    };
}

/// Native builds export nothing, but say at once where a trait is missing.
#[doc(hidden)]
#[macro_export]
macro_rules! __check_one {
    ($t:ty, classifier) => {
        const _: fn() = || {
            fn implements<P: $crate::Classifier>() {}
            implements::<$t>();
        };
    };
    ($t:ty, scorer) => {
        const _: fn() = || {
            fn implements<P: $crate::Scorer>() {}
            implements::<$t>();
        };
    };
    ($t:ty, fallback) => {
        const _: fn() = || {
            fn implements<P: $crate::Fallback>() {}
            implements::<$t>();
        };
    };
    ($t:ty, enricher) => {
        const _: fn() = || {
            fn implements<P: $crate::Enricher>() {}
            implements::<$t>();
        };
    };
    ($t:ty, $other:ident) => {
        compile_error!(concat!(
            "`",
            stringify!($other),
            "` is not an export: use classifier, scorer, fallback or enricher"
        ));
    };
}
