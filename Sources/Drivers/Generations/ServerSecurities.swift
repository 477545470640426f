internal import Settings
internal import TLS

/// How the servers of each group are spoken to that has `tls`.
struct ServerSecurities {
    /// By the name of the group.
    private(set) var byGroup: [String: TLSClientContext] = [:]

    /// - Throws: `BuildError` naming the file that cannot be used.
    init(
        _ settings: Settings, _ certificates: inout CertificateCache
    ) throws(Generation.BuildError) {
        for backend in settings.backends {
            guard let tls = backend.tls else { continue }
            byGroup[backend.name] = try certificates.clientContext(for: tls)
        }
    }
}
