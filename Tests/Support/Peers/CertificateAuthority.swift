/// A certificate authority of OpenSSL's command line: keys and certificates that are none of ours.
package final class CertificateAuthority {
    private let folder: TemporaryFolder
    package let root: Identity

    /// PEM text.
    package struct Identity: Sendable {
        package var certificate: [UInt8]
        package var key: [UInt8]
    }

    package init() throws {
        folder = try TemporaryFolder()
        root = try Self.selfSigned("Test Root", in: folder)
    }

    /// The root's certificate, for clients that verify.
    package var rootFile: String {
        get throws { try folder.write(root.certificate, to: "root.pem") }
    }

    package static func selfSigned(
        _ name: String, key: [String] = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        in folder: TemporaryFolder
    ) throws -> Identity {
        try ChildProcess.run(
            ["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=\(name)"]
                + ["-newkey"] + key
                + ["-keyout", folder.path("made.key"), "-out", folder.path("made.pem")])
        return Identity(
            certificate: try folder.read("made.pem"), key: try folder.read("made.key"))
    }

    /// A certificate for `name`, signed by the root, or by `issuer`.
    ///
    /// - Parameters:
    ///   - subjects: instead of `name`: `DNS:localhost,IP:127.0.0.1`.
    ///   - days: until it expires, from now; below 0 for one that has.
    package func issue(
        _ name: String, isAuthority: Bool = false, by issuer: Identity? = nil,
        subjects: String? = nil, days: Int = 2
    ) throws -> Identity {
        let issuer = issuer ?? root
        try ChildProcess.run(
            ["openssl", "req", "-new", "-nodes", "-subj", "/CN=\(name)", "-newkey", "ec"]
                + ["-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", folder.path("new.key")]
                + ["-out", folder.path("new.csr")])
        let names = subjects ?? "DNS:\(name)"
        let rules =
            isAuthority ? "basicConstraints=critical,CA:TRUE" : "subjectAltName=\(names)"
        try ChildProcess.run(
            ["openssl", "x509", "-req", "-days", "\(days)", "-in", folder.path("new.csr")]
                + ["-CA", try folder.write(issuer.certificate, to: "issuer.pem")]
                + ["-CAkey", try folder.write(issuer.key, to: "issuer.key"), "-CAcreateserial"]
                + ["-extfile", try folder.write(Array(rules.utf8), to: "rules")]
                + ["-out", folder.path("new.pem")])
        return Identity(certificate: try folder.read("new.pem"), key: try folder.read("new.key"))
    }
}
