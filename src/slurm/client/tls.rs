//! Whom a server over TLS has to be known by: the certificates of the system, or those of a file
//! that the user names.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use crate::error::{Context, Error, Result};

use super::server::Server;

/// Whose certificates are trusted: those of a file, or else those of the system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust(Option<PathBuf>);

impl Trust {
    /// Returns trust in the certificates of this file alone; without one in those of the system.
    pub fn of(file: Option<&Path>) -> Trust {
        Trust(file.map(Path::to_owned))
    }

    /// Returns how TLS is spoken with servers that are known by these certificates.
    pub(super) fn config(&self) -> Result<ClientConfig> {
        let certificates = match &self.0 {
            Some(file) => of_file(file)?,
            None => of_system()?,
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.iter().cloned());
        let provider = Arc::new(aws_lc_rs::default_provider());
        let made = || "cannot make use of the trusted certificates".to_owned();
        let usual =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .doing(made)?;
        let verifier = Verifier {
            usual,
            certificates,
        };
        Ok(ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .doing(made)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth())
    }
}

fn of_file(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let shown = file.display();
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let certificates: Vec<_> = read.map_err(|error| {
        Error::usage(format!("cannot read certificates from `{shown}`"))
            .because(error)
            .hint("a file in PEM, as curl --cacert takes it: -----BEGIN CERTIFICATE-----")
    })?;
    if certificates.is_empty() {
        return Err(Error::usage(format!("`{shown}` holds no certificate"))
            .hint("a file in PEM, as curl --cacert takes it: -----BEGIN CERTIFICATE-----"));
    }
    Ok(certificates)
}

fn of_system() -> Result<Vec<CertificateDer<'static>>> {
    let loaded = rustls_native_certs::load_native_certs();
    if !loaded.certs.is_empty() {
        return Ok(loaded.certs);
    }
    let error = Error::usage("there are no CA certificates to know a server by");
    let error = match loaded.errors.into_iter().next() {
        Some(cause) => error.because(cause.to_string()),
        None => error,
    };
    Err(error.hint("name them: --cacert FILE, SSL_CERT_FILE or SSL_CERT_DIR"))
}

/// Trusts what is issued under the certificates, and the certificates themselves: one that signed
/// itself may be no CA's by the rules, but whoever names it means it, as with `curl --cacert`.
#[derive(Debug)]
struct Verifier {
    usual: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let usual = self.usual.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        let is_named = || self.certificates.iter().any(|own| own == end_entity);
        match usual {
            // Both are found out after its times were looked at, and before its names are.
            Err(rustls::Error::InvalidCertificate(why))
                if is_without_issuer(&why) && is_named() =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            usual => usual,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.usual
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.usual
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

/// Returns whether nothing is wrong with a certificate but who issued it.
fn is_without_issuer(why: &CertificateError) -> bool {
    match why {
        CertificateError::UnknownIssuer => true,
        CertificateError::Other(other) => other.0.to_string() == "CaUsedAsEndEntity",
        _ => false,
    }
}

/// Returns what TLS had against a connection, if it was TLS that failed.
pub(super) fn objection<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // What an I/O error wraps is not its source, but itself.
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if let Some(found) = wrapped.and_then(|wrapped| objection(wrapped)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Returns the error for a server that TLS has this against.
pub(super) fn refused(server: &Server, objection: &rustls::Error) -> Error {
    let is_not =
        |what: fmt::Arguments<'_>| Error::failed(format!("the certificate of {server} {what}"));
    let error = match objection {
        rustls::Error::InvalidCertificate(why) => match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                is_not(format_args!("has expired"))
                    .hint("its administrator has to renew it; or this machine's clock is wrong: date")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                is_not(format_args!("is not valid yet")).hint("this machine's clock may be wrong: date")
            }
            CertificateError::NotValidForName
            | CertificateError::NotValidForNameContext { .. } => {
                is_not(format_args!("is for other names"))
                    .hint("ask the server by a name that its certificate has")
            }
            _ => is_not(format_args!("is not trusted")).hint(
                "name the CA that issued it, or the certificate itself: --cacert FILE, or: export SSL_CERT_FILE=FILE",
            ),
        },
        rustls::Error::InvalidMessage(_) => unspoken(server),
        _ => Error::failed(format!("TLS with {server} failed"))
            .hint("see what it offers: curl -v"),
    };
    error.because(objection.to_string())
}

/// Returns the error for a server that does not begin with TLS.
pub(super) fn unspoken(server: &Server) -> Error {
    Error::failed(format!("{server} does not speak TLS")).hint("is it http:// instead?")
}
