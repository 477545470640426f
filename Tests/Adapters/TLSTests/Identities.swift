import Peers
import TLS

/// Keys and certificates that many tests use, made once.
enum Identities {
    /// Signed by a root through an intermediate, which is part of the PEM text.
    struct Chained: Sendable {
        var rootPEM: [UInt8]
        var chainPEM: [UInt8]
        var keyPEM: [UInt8]
    }

    static let chained = Result {
        let authority = try CertificateAuthority()
        let intermediate = try authority.issue("Test Intermediate", isAuthority: true)
        let leaf = try authority.issue("chained.test", by: intermediate)
        return Chained(
            rootPEM: authority.root.certificate,
            chainPEM: leaf.certificate + intermediate.certificate, keyPEM: leaf.key)
    }

    /// A certificate whose common name is `name`.
    static func certificate(_ name: String) throws -> TLSCertificate {
        let made = try pem(name)
        return try TLSCertificate(chainPEM: made.certificate, keyPEM: made.key)
    }

    static func pem(
        _ name: String, key: [String] = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    ) throws -> CertificateAuthority.Identity {
        let folder = try TemporaryFolder()
        return try CertificateAuthority.selfSigned(name, key: key, in: folder)
    }

    static func context(
        _ certificate: TLSCertificate, hosts: [(name: String, certificate: TLSCertificate)] = [],
        versions: [TLSContext.Version] = [.v12, .v13], tickets: TicketKeys? = nil
    ) throws -> TLSContext {
        try TLSContext(
            certificate: certificate, hosts: hosts, versions: versions,
            tickets: try tickets ?? TicketKeys())
    }

    static func context(versions: [TLSContext.Version] = [.v12, .v13]) throws -> TLSContext {
        try context(TLSCertificate(selfSignedFor: "localhost"), versions: versions)
    }
}
