//! Taking an export away from a component, for tools that leave one which no host asks for.

use wasmparser::{ComponentExternalKind, Parser, Payload, Validator};

use super::plan::Plan;

/// An instance made of nothing: a section of component instances, with one of no exports.
const EMPTY_INSTANCE: [u8; 5] = [5, 3, 1, 1, 0];
/// The number of the section of component exports.
const EXPORTS: u8 = 11;

/// The component without the instance it exports under this name; as it is where it exports no such one.
///
/// An export is also a new place in the numbering of instances, so one of nothing takes the place.
pub fn without_export(component: &[u8], name: &str) -> Result<Vec<u8>, String> {
    let most = Plan::DEFAULT.large().component_bytes;
    if component.len() > most {
        return Err(format!("{} bytes; at most {most}", component.len()));
    }
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(|error| error.to_string())? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentExportSection(section) if depth == 1 => {
                let count = section.count();
                for export in section.clone() {
                    let export = export.map_err(|error| error.to_string())?;
                    if export.name.name != name || export.kind != ComponentExternalKind::Instance {
                        continue;
                    }
                    if count != 1 {
                        return Err(format!(
                            "the export {name} shares its section with {} others",
                            count - 1
                        ));
                    }
                    return replaced(component, section.range());
                }
            }
            _ => {}
        }
    }
    Ok(component.to_vec())
}

/// The component with [`EMPTY_INSTANCE`] instead of the section of exports whose content is `range`.
fn replaced(component: &[u8], range: std::ops::Range<usize>) -> Result<Vec<u8>, String> {
    // Before a section's content stand its number and its size in LEB128.
    let size = leb128(range.len());
    let start = range.start.checked_sub(size.len() + 1).ok_or("a section without a head")?;
    if component[start] != EXPORTS || component[start + 1..range.start] != size {
        return Err("the head of the section of exports is written in an unusual way".to_owned());
    }
    let out = [&component[..start], &EMPTY_INSTANCE, &component[range.end..]].concat();
    Validator::new().validate_all(&out).map_err(|error| error.to_string())?;
    Ok(out)
}

fn leb128(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_export_goes_and_the_others_stay_what_they_are() {
        let check = |text: &str, name: &str, expect: &[&str]| {
            let component = wat::parse_str(text).expect("a component");
            let pruned = without_export(&component, name).expect("it can be pruned");
            let mut names = Vec::new();
            for payload in Parser::new(0).parse_all(&pruned) {
                if let Payload::ComponentExportSection(section) = payload.expect("parsed") {
                    names.extend(section.into_iter().map(|e| e.expect("an export").name.name.to_owned()));
                }
            }
            assert_eq!(names, expect, "{name}");
        };
        // The second export is of an instance that is numbered behind the first export.
        let text = r#"(component
            (component $made)
            (instance $a (instantiate $made))
            (export "init" (instance $a))
            (instance $b (instantiate $made))
            (export "ours" (instance $b)))"#;
        check(text, "init", &["ours"]);
        check(text, "ours", &["init"]);
        check(text, "other", &["init", "ours"]);
        assert!(without_export(b"\0asm\x0d\0\x01\0\x0b", "init").is_err(), "cut off");
    }
}
