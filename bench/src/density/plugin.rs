//! Small plugins, no two alike: a classifier each, below 10 KB.

use std::fmt::Write as _;

use anyhow::{Result, anyhow};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, UnresolvedPackageGroup};

/// Makes them; reading the interface once.
pub(super) struct Maker {
    resolve: Resolve,
    world: wit_parser::WorldId,
}

/// Functions of a plugin, so that there is something to compile.
const FUNCTIONS: u64 = 48;

/// Takes any settings, prepares nothing, and answers with the lane `sales` where what it works out of the first bytes
/// of the lead's text is what it always is: something.
const FRAME: &str = r#"(module
  (memory (export "memory") 2 256)
  (global $next (mut i32) (i32.const 8192))
  (func (export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and
      (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (block $fits
      (loop $more
        (br_if $fits (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
        (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))
        (unreachable)))
    (local.get $at))
  (data (i32.const 0x10) "\40\00\00\00\02\00\00\00")
  (data (i32.const 0x40) "{}")
  (func (export "lanewright:plugin/setup@0.2.0#schema") (result i32) (i32.const 0x10))
  (func (export "lanewright:plugin/setup@0.2.0#check") (param i32 i32 i32 i32) (result i32) (i32.const 0x20))
  (func (export "lanewright:plugin/setup@0.2.0#prepare") (param i32 i32 i32 i32) (result i32) (i32.const 0x30))
  (data (i32.const 0x100)
    "\00\00\00\00" ;; ok
    "\01\00\00\00" "\48\01\00\00" "\05\00\00\00" ;; lane: some
    "\01\00\00\00" ;; confidence: medium
    "\38\01\00\00" "\01\00\00\00" ;; ranking: one
    "\00\00\48\42" ;; intent: 50
    "\00\00\00\00" "\00\00\00\00" ;; signals: none
    "\00\00\00\00" "\00\00\00\00" ;; complexity: none
    "\4d\01\00\00" "\08\00\00\00" ;; reason
    "\48\01\00\00" "\05\00\00\00" "\00\00\40\3f" "\00\00\00\00" ;; the ranked lane, 0.75
    "sales" "so be it")
  FUNCTIONS
  (func (export "lanewright:plugin/classifier@0.2.0#classify") (param $lead i32) (result i32)
    (if (i64.eqz (i64.or (call $f0 (i64.load (local.get $lead))) (i64.const 1))) (then unreachable))
    (i32.const 0x100))
)"#;

impl Maker {
    pub(super) fn new() -> Result<Self> {
        let mut resolve = Resolve::default();
        let group = UnresolvedPackageGroup::parse("plugin.wit", include_str!("../../../wit/0.2/plugin.wit"))
            .map_err(|error| anyhow!("{error:?}"))?;
        let package = resolve.push_group(group).map_err(|error| anyhow!("{error:?}"))?;
        let world = resolve.select_world(&[package], Some("classifier-plugin"))?;
        Ok(Self { resolve, world })
    }

    /// The component of this number.
    pub(super) fn component(&self, number: u64) -> Result<Vec<u8>> {
        let mut functions = String::new();
        for place in 0..FUNCTIONS {
            // Multipliers of a generator of random numbers, so that no two plugins have a function in common.
            let own = (number * FUNCTIONS + place).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let (turn, shift) = (own >> 58, (own >> 52 & 31) + 1);
            let then = match place + 1 {
                FUNCTIONS => "(local.get $x)".to_owned(),
                next => format!("(call $f{next} (local.get $x))"),
            };
            write!(
                functions,
                "(func $f{place} (param $x i64) (result i64) (local $i i32)
                   (loop $again
                     (local.set $x (i64.mul (i64.rotl (local.get $x) (i64.const {turn})) (i64.const {})))
                     (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const {shift}))))
                     (if (i64.lt_u (local.get $x) (i64.const {}))
                       (then (local.set $x (i64.add (local.get $x) (i64.const {place})))))
                     (local.set $i (i32.add (local.get $i) (i32.const 1)))
                     (br_if $again (i32.lt_u (local.get $i) (i32.const 4))))
                   {then})\n",
                own as i64,
                own.rotate_left(17) as i64,
            )?;
        }
        let mut module = wat::parse_str(FRAME.replace("FUNCTIONS", &functions))?;
        embed_component_metadata(&mut module, &self.resolve, self.world, StringEncoding::UTF8)?;
        ComponentEncoder::default().module(&module)?.encode()
    }
}
