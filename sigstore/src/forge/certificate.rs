//! Certificates as Fulcio makes them: short-lived, for signing code, with issuer and subject of whoever signs, and
//! the word of a log of certificates inside.

use std::time::Duration;

use der::asn1::{BitString, Ia5String, OctetString, UtcTime, Utf8StringRef};
use der::{Decode as _, Encode as _};
use x509_cert::certificate::{CertificateInner, TbsCertificateInner, Version};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName};
use x509_cert::ext::{AsExtension, Extension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, ObjectIdentifier, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};

use super::{Forge, Key, LOGGED, MINUTES, Wish};

const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
/// Fulcio's: the issuer, and the repository that a workflow ran for.
const ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");
const REPOSITORY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.12");
/// RFC 6962: words of logs of certificates.
const LOGGED_IN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");

/// The authority's own certificate.
pub(super) fn authority(key: &Key) -> Vec<u8> {
    let name = name("CN=forge");
    let constraints = BasicConstraints { ca: true, path_len_constraint: Some(0) };
    let usage = KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
    let extensions = vec![extension(&constraints, &name), extension(&usage, &name)];
    let year = Duration::from_secs(365 * 86_400).as_secs() as i64;
    signed(tbs(key, name, (LOGGED - year, LOGGED + year), extensions), key)
}

/// The certificate of whoever signs.
pub(super) fn leaf(forge: &Forge, wish: &Wish) -> Vec<u8> {
    let nobody = Name::default();
    let text = Ia5String::new(&wish.subject).expect("ASCII");
    let subject = match wish.subject.contains("://") {
        true => GeneralName::UniformResourceIdentifier(text),
        false => GeneralName::Rfc822Name(text),
    };
    let mut extensions = vec![
        extension(&KeyUsage(KeyUsages::DigitalSignature.into()), &nobody),
        extension(&ExtendedKeyUsage(vec![CODE_SIGNING]), &nobody),
        extension(&SubjectAltName(vec![subject]), &nobody),
        said(ISSUER, &wish.issuer),
    ];
    extensions.extend(wish.repository.as_ref().map(|repository| said(REPOSITORY, repository)));
    let validity = (wish.from, wish.from + MINUTES);
    let mut tbs = tbs(&forge.signer, nobody, validity, extensions);
    let word = word(forge, &tbs.to_der().expect("DER"), wish.from);
    let word = OctetString::new(word).and_then(|word| word.to_der()).expect("short");
    let word =
        Extension { extn_id: LOGGED_IN, critical: false, extn_value: OctetString::new(word).expect("short") };
    tbs.extensions.get_or_insert_default().push(word);
    signed(tbs, &forge.authority)
}

fn tbs(of: &Key, subject: Name, (from, to): (i64, i64), extensions: Vec<Extension>) -> TbsCertificateInner {
    let time = |second: i64| {
        let since = Duration::from_secs(u64::try_from(second).expect("after 1970"));
        Time::UtcTime(UtcTime::from_unix_duration(since).expect("before 2050"))
    };
    TbsCertificateInner {
        version: Version::V3,
        serial_number: SerialNumber::new(&[1]).expect("a number"),
        signature: algorithm(),
        issuer: name("CN=forge"),
        validity: Validity { not_before: time(from), not_after: time(to) },
        subject,
        subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(&of.spki()).expect("a key"),
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions),
    }
}

fn signed(tbs: TbsCertificateInner, by: &Key) -> Vec<u8> {
    let signature = by.sign(&tbs.to_der().expect("DER"));
    let certificate = CertificateInner {
        tbs_certificate: tbs,
        signature_algorithm: algorithm(),
        signature: BitString::from_bytes(&signature).expect("short"),
    };
    certificate.to_der().expect("DER")
}

/// What a log of certificates says of one that is about to be: it has seen it then. RFC 6962, sections 3.2 and 3.3.
fn word(forge: &Forge, tbs: &[u8], at: i64) -> Vec<u8> {
    let at = (u64::try_from(at).expect("after 1970") * 1000).to_be_bytes();
    let long = u32::try_from(tbs.len()).expect("short").to_be_bytes();
    let (version_and_kind, entry, nothing) = ([0, 0], [0, 1], [0, 0]);
    let to_sign =
        [&version_and_kind[..], &at, &entry, &forge.authority.id(), &long[1..], tbs, &nothing].concat();
    let signature = forge.certificates.sign(&to_sign);
    let sha256_ecdsa = [4, 3];
    let word =
        [&[0], &forge.certificates.id()[..], &at, &nothing, &sha256_ecdsa, &counted(&signature)].concat();
    counted(&counted(&word))
}

/// Behind its length in two bytes.
fn counted(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).expect("short").to_be_bytes(), bytes].concat()
}

fn said(what: ObjectIdentifier, text: &str) -> Extension {
    let text = Utf8StringRef::new(text).and_then(|text| text.to_der()).expect("short");
    Extension { extn_id: what, critical: false, extn_value: OctetString::new(text).expect("short") }
}

fn extension(what: &impl AsExtension, subject: &Name) -> Extension {
    what.to_extension(subject, &[]).expect("DER")
}

fn algorithm() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ECDSA_SHA256, parameters: None }
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}
