//! Certificates of the tests' own authorities.

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::symm::Cipher;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name};
use std::time::{SystemTime, UNIX_EPOCH};

const DAY: i64 = 24 * 60 * 60;

/// A certificate with its private key.
pub struct Identity {
    certificate: X509,
    key: PKey<Private>,
}

impl Identity {
    /// Signs for others.
    pub fn authority(name: &str) -> Identity {
        Identity::new(name, None, DAY, None)
    }

    /// Valid for a day. `host` is the name or address of a server.
    pub fn issue(&self, name: &str, host: Option<&str>) -> Identity {
        Identity::new(name, host, DAY, Some(self))
    }

    /// Was valid until a minute ago.
    pub fn issue_expired(&self, name: &str, host: &str) -> Identity {
        Identity::new(name, Some(host), -60, Some(self))
    }

    /// `expires` is in seconds from now; without an issuer it signs itself and others.
    fn new(name: &str, host: Option<&str>, expires: i64, issuer: Option<&Identity>) -> Identity {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap();
        let mut subject = X509Name::builder().unwrap();
        subject.append_entry_by_text("CN", name).unwrap();
        let subject = subject.build();
        let mut serial = BigNum::new().unwrap();
        serial.rand(128, MsbOption::MAYBE_ZERO, false).unwrap();
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();

        let mut certificate = X509::builder().unwrap();
        certificate.set_version(2).unwrap();
        certificate
            .set_serial_number(&serial.to_asn1_integer().unwrap())
            .unwrap();
        certificate.set_subject_name(&subject).unwrap();
        certificate.set_pubkey(&key).unwrap();
        certificate
            .set_not_before(&Asn1Time::from_unix(now - DAY).unwrap())
            .unwrap();
        certificate
            .set_not_after(&Asn1Time::from_unix(now + expires).unwrap())
            .unwrap();
        if let Some(host) = host {
            let mut names = SubjectAlternativeName::new();
            match host.parse::<std::net::IpAddr>() {
                Ok(_) => names.ip(host),
                Err(_) => names.dns(host),
            };
            let names = names.build(&certificate.x509v3_context(None, None)).unwrap();
            certificate.append_extension(names).unwrap();
        }
        let (issuer_name, issuer_key) = match issuer {
            Some(issuer) => (issuer.certificate.subject_name(), &issuer.key),
            None => {
                let signs = BasicConstraints::new().critical().ca().build().unwrap();
                certificate.append_extension(signs).unwrap();
                (&*subject, &key)
            }
        };
        certificate.set_issuer_name(issuer_name).unwrap();
        certificate.sign(issuer_key, MessageDigest::sha256()).unwrap();
        Identity {
            certificate: certificate.build(),
            key,
        }
    }

    pub fn certificate(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    /// The key as Kafka takes it, in PKCS#8.
    pub fn key(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().unwrap()
    }

    pub fn encrypted_key(&self, password: &str) -> Vec<u8> {
        let cipher = Cipher::aes_256_cbc();
        self.key
            .private_key_to_pem_pkcs8_passphrase(cipher, password.as_bytes())
            .unwrap()
    }
}
