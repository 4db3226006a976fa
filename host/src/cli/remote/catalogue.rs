//! `lanewright plugin catalogue|offer`: plugins that a service offers to all tenants, each with its score card.

use std::path::Path;

use anyhow::bail;
use serde_json::Value as Json;

use super::{Exit, Remote, items, show, trust, word};
use crate::fetch::Method;
use crate::oci::bundle;
use crate::trust::PluginName;

/// All plugins, or the cards of one.
pub(super) fn look(plugin: Option<&PluginName>, remote: &Remote) -> anyhow::Result<Exit> {
    match plugin {
        None => list(&remote.get("catalogue")?),
        Some(plugin) => {
            items(&remote.get(&format!("catalogue/{plugin}"))?).for_each(card);
            Ok(Exit::Done)
        }
    }
}

/// Puts a release there.
pub(super) fn offer(release: &Path, remote: &Remote) -> anyhow::Result<Exit> {
    let Some(package) = trust::described(release)? else {
        bail!("no plugin.toml lies beside {}; what is offered says what it is", release.display());
    };
    let bytes = bundle::write(&package, Vec::new())?;
    super::tell_release(&remote.ask(Method::Post(&bytes), "catalogue", "application/x-tar")?)
}

fn list(answer: &Json) -> anyhow::Result<Exit> {
    let row = |item: &Json| {
        let (release, card) = (&item["release"], &item["card"]);
        let mut row = ["plugin", "version", "interface", "bytes"].map(|field| word(&release[field])).to_vec();
        row.push(cases(&release["cases"]));
        row.extend([&card["calls"], &card["failed"], &card["fuel"]["p50"], &card["fuel"]["p99"]].map(word));
        row.push(word(&release["manifest"]["description"]));
        row
    };
    let header = [
        "plugin",
        "version",
        "interface",
        "bytes",
        "cases",
        "calls",
        "failed",
        "fuel p50",
        "fuel p99",
        "what it does",
    ];
    show(&header, items(answer).map(row), 3..9)
}

/// Passed of all.
fn cases(cases: &Json) -> String {
    match cases.is_null() {
        true => "-".to_owned(),
        false => format!("{}/{}", cases["passed"], cases["total"]),
    }
}

fn card(item: &Json) {
    let (release, manifest, card) = (&item["release"], &item["release"]["manifest"], &item["card"]);
    let words = |list: &Json| match list.as_array().map_or(&[][..], Vec::as_slice) {
        [] => "-".to_owned(),
        list => list.iter().map(word).collect::<Vec<_>>().join(", "),
    };
    println!("{} {}", word(&release["plugin"]), word(&release["version"]));
    println!("  {}", word(&manifest["description"]));
    println!("  digest     {}", word(&release["digest"]));
    println!("  size       {} bytes", release["bytes"]);
    println!("  interface  {}", word(&release["interface"]));
    println!("  roles      {}", words(&manifest["roles"]));
    println!("  asks       {}", words(&manifest["asks"]["origins"]));
    println!("  reads      {}", words(&manifest["asks"]["fields"]));
    println!("  sends      {}", words(&manifest["asks"]["secrets"]));
    println!("  licence    {}", word(&manifest["licence"]));
    let tried = &release["cases"];
    match tried.is_null() {
        true => println!("  cases      -"),
        false => println!(
            "  cases      {} passed, fuel p50 {} p99 {}, memory {} bytes",
            cases(tried),
            tried["fuel"]["p50"],
            tried["fuel"]["p99"],
            tried["memory"]
        ),
    }
    match card.is_null() {
        true => println!("  runs       -"),
        false => println!(
            "  runs       {} calls, {} failed, fuel p50 {} p99 {}, µs p50 {} p99 {}, memory p99 {} KiB",
            card["calls"],
            card["failed"],
            card["fuel"]["p50"],
            card["fuel"]["p99"],
            card["micros"]["p50"],
            card["micros"]["p99"],
            card["memory"]["p99"]
        ),
    }
}
