//! The shared classifier as an Extism plugin: bytes in, bytes out, in either encoding its users choose.

use extism_pdk::{plugin_fn, FnResult, Json, Msgpack};
use lanewright_bench_logic::lead::Lead;
use lanewright_bench_logic::{classify, Verdict};

/// JSON, the usual choice.
#[plugin_fn]
pub fn classify_json(Json(lead): Json<Lead>) -> FnResult<Json<Verdict>> {
    Ok(Json(classify(&lead.inquiry())))
}

/// MessagePack, the quicker one.
#[plugin_fn]
pub fn classify_msgpack(Msgpack(lead): Msgpack<Lead>) -> FnResult<Msgpack<Verdict>> {
    Ok(Msgpack(classify(&lead.inquiry())))
}
