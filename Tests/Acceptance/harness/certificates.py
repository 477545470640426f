"""Certificates as PEM files, signed by themselves or by an authority of ours; and a client that
trusts all."""

import datetime
import ipaddress
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def trusting_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


#: One for all clients: making a context costs more than a handshake.
CONTEXT = trusting_context()


def make_certificate(folder, name, *others):
    """Writes `<name>.pem`, for this and other names, and `<name>.key`, and answers their paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, [name, *others], key, _subject(name))
    certificate = builder.sign(key, hashes.SHA256())
    return _write(folder, name, certificate, key)


class Authority:
    """Signs certificates of servers; `path` is its own, which those who trust it are given."""

    def __init__(self, folder, name="authority"):
        self.folder, self.name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _subject(name)
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        certificate = (
            _builder(name, [], self._key, self._subject)
            .add_extension(constraints, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.path, _ = _write(folder, name, certificate, self._key)

    def issue(self, file_name, names=("localhost", "127.0.0.1"), days=30):
        """Paths of a certificate for these names and of its key; negative `days`: it expired so
        many days ago."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(names[0], names, key, self._subject, days)
        certificate = builder.sign(self._key, hashes.SHA256())
        return _write(self.folder, file_name, certificate, key)


def _subject(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(name, alternatives, key, issuer, days=30):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_subject(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=60))
        .not_valid_after(now + datetime.timedelta(days=days))
    )
    if not alternatives:
        return builder
    names = x509.SubjectAlternativeName([_alternative(name) for name in alternatives])
    return builder.add_extension(names, critical=False)


def _alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(folder, name, certificate, key):
    chain_path, key_path = folder / f"{name}.pem", folder / f"{name}.key"
    chain_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain_path, key_path


def common_name(der):
    """The common name of a certificate as a TLS client received it."""
    subject = x509.load_der_x509_certificate(der).subject
    return subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
