//! Dump for exploration.
#![expect(missing_docs)]
mod data;
#[path = "../../host/src/text.rs"]
mod text;
use lanewright_classifier::{features, lexicon};
use std::io::Write;
use std::path::Path;
fn main() -> anyhow::Result<()> {
    let src = std::fs::read_to_string("plugins/classifier/pack/lexicon.txt")?;
    let bytes = lexicon::compile(&src).map_err(anyhow::Error::msg)?;
    eprintln!("lexicon {} bytes", bytes.len());
    let lex = lexicon::Lexicon::open(&bytes).unwrap();
    let model = text::TextModel::embedded();
    let anchors: Vec<_> = std::fs::read_to_string("plugins/classifier/pack/anchors.txt")?.lines().filter(|l| !l.starts_with('#')).map(|l| model.embed(l.split_once(':').unwrap().1)).collect();
    let names: Vec<String> = (0..lex.groups()).map(|g| format!("{:?}:{}:{}", lex.scope(g as u16), lex.name(g as u16).0, lex.name(g as u16).1)).collect();
    std::fs::write("/tmp/h1/names.txt", names.join("\n"))?;
    let mut out = std::io::BufWriter::new(std::fs::File::create("/tmp/h1/x.f32")?);
    let mut lab = std::io::BufWriter::new(std::fs::File::create("/tmp/h1/y.tsv")?);
    let dir = Path::new("data/inquiries");
    let mut n = 0;
    let t = std::time::Instant::now();
    for (k, f) in ["train/finance.jsonl","train/industry.jsonl","train/public.jsonl","train/retail.jsonl","train/tech.jsonl","inquiries.jsonl"].iter().enumerate() {
        for q in data::inquiries(&dir.join(f))? {
            let r = features::Reading::of(&q.lead, &lex);
            let e: Vec<_> = r.texts().iter().map(|t| model.embed(t)).collect();
            let mut row: Vec<f32> = features::plain(&r, &lex).to_vec();
            row.extend(features::spoken(&r, &lex));
            row.extend(e[0]); row.extend(e[1]); row.extend(e[2]);
            for a in &anchors { row.push(e[3..].iter().map(|c| text::dot(a, c)).fold(-1.0, f32::max)); }
            for a in &anchors { row.push(text::dot(a, &e[0])); }
            row.extend(features::hashed(&r));
            n = row.len();
            for v in row { out.write_all(&v.to_le_bytes())?; }
            writeln!(lab, "{k}\t{}\t{}", q.lane.as_deref().unwrap_or("none"), q.intent)?;
        }
    }
    eprintln!("{n} columns: plain {} groups {} vec 256 title 256 industry 256 anchors {}x2 hashed {} in {:?}", features::PLAIN, lex.groups(), anchors.len(), features::BUCKETS, t.elapsed());
    Ok(())
}
