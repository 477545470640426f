package import Clock
internal import Settings
internal import TLS
internal import Transport

/// A certificate of a listener, for operators.
package struct CertificateFacts: Sendable, Hashable {
    /// The name that clients ask for; nil for the one of all other names.
    package var host: String?
    /// The path of its file; nil for one that was made up at start.
    package var file: String?
    package var expires: WallTime?
}

/// Loads every certificate once, however many listeners use it, and says at the words that name it
/// what is wrong with it.
struct CertificateCache {
    private var loaded: [TLSSettings.Certificate: TLSCertificate] = [:]
    private let readFile: (String) -> [UInt8]?
    /// What there is to say of certificates that are out of date.
    private(set) var warnings: [Generation.BuildError] = []

    init(readFile: @escaping (String) -> [UInt8]?) { self.readFile = readFile }

    mutating func context(
        for tls: TLSSettings, at position: SourcePosition, tickets: TicketKeys
    ) throws(Generation.BuildError) -> TLSContext {
        let certificate = try load(tls.certificate, tls.words)
        var hosts: [(name: String, certificate: TLSCertificate)] = []
        for host in tls.hosts {
            hosts.append((host.name, try load(host.certificate, host.words)))
        }
        do throws(TLSError) {
            return try TLSContext(
                certificate: certificate, hosts: hosts,
                versions: tls.versions.map { $0 == .v12 ? .v12 : .v13 }, tickets: tickets)
        } catch {
            throw Generation.BuildError(position: position, message: error.message)
        }
    }

    /// What operators are told of the certificates that `context` has loaded.
    func facts(of tls: TLSSettings) -> [CertificateFacts] {
        [facts(nil, tls.certificate)] + tls.hosts.map { facts($0.name, $0.certificate) }
    }

    private func facts(_ host: String?, _ source: TLSSettings.Certificate) -> CertificateFacts {
        let file: String? = if case .files(let chain, _) = source { chain } else { nil }
        let left = loaded[source]?.timeLeft
        return CertificateFacts(
            host: host, file: file,
            expires: left.map { SystemClock.wallTime().advanced(by: $0) })
    }

    /// What servers are spoken to with. Files are read anew: their contexts are made once a
    /// generation.
    mutating func clientContext(
        for tls: ServerTLSSettings
    ) throws(Generation.BuildError) -> TLSClientContext {
        var own: TLSCertificate?
        if let files = tls.certificate {
            own = try load(
                .files(chain: files.chain, key: files.key), files.words, refusedBy: "servers")
        }
        let authority = try tls.authorityPath.map { path throws(Generation.BuildError) in
            try read(path, "certificates", at: tls.authorityPosition)
        }
        do throws(TLSError) {
            return try TLSClientContext(
                authority: authority, verifies: tls.verifies, certificate: own, resumes: true)
        } catch {
            let file = tls.authorityPath.map { "'\($0)': " } ?? ""
            throw Generation.BuildError(
                position: tls.authorityPath == nil ? tls.position : tls.authorityPosition,
                message: file + error.message)
        }
    }

    private mutating func load(
        _ certificate: TLSSettings.Certificate, _ words: TLSSettings.Words,
        refusedBy others: String = "clients"
    ) throws(Generation.BuildError) -> TLSCertificate {
        let made: TLSCertificate
        if let known = loaded[certificate] {
            made = known
        } else {
            made = try make(certificate, words)
        }
        loaded[certificate] = made
        warn(made.validity.compactMap { $0.remark(refusedBy: others) }, at: words)
        return made
    }

    private func make(
        _ certificate: TLSSettings.Certificate, _ words: TLSSettings.Words
    ) throws(Generation.BuildError) -> TLSCertificate {
        guard case .files(let chain, let key) = certificate else {
            do throws(TLSError) {
                return try TLSCertificate(selfSignedFor: "localhost")
            } catch {
                throw Generation.BuildError(position: words.certificate, message: error.message)
            }
        }
        let chainPEM = try read(chain, "certificate", at: words.certificate)
        let keyPEM = try read(key, "key", at: words.key)
        do throws(CertificateMistake) {
            return try TLSCertificate(chainPEM: chainPEM, keyPEM: keyPEM)
        } catch {
            throw Self.complaint(error, chain: chain, key: key, words)
        }
    }

    private func read(
        _ path: String, _ title: String, at position: SourcePosition
    ) throws(Generation.BuildError) -> [UInt8] {
        guard let octets = readFile(path) else {
            throw Generation.BuildError(
                position: position,
                message: "cannot read the \(title) '\(path)' (is it a file that this user may"
                    + " read?)")
        }
        return octets
    }

    private static func complaint(
        _ mistake: CertificateMistake, chain: String, key: String, _ words: TLSSettings.Words
    ) -> Generation.BuildError {
        switch mistake {
        case .swapped:
            Generation.BuildError(
                position: words.certificate,
                message: "'\(chain)' holds a private key, and '\(key)' the certificate: they are"
                    + " swapped (write 'certificate \(key)' and 'key \(chain)')",
                notes: [
                    Generation.BuildError(
                        position: words.key, message: "here the private key belongs",
                        severity: .note)
                ])
        case .certificate(let text):
            Generation.BuildError(position: words.certificate, message: "'\(chain)' \(text)")
        case .key(let text):
            Generation.BuildError(position: words.key, message: "'\(key)' \(text)")
        case .mismatch:
            Generation.BuildError(
                position: words.key,
                message: "the private key in '\(key)' does not belong to the certificate in"
                    + " '\(chain)' (name the key that the certificate was asked for with)")
        case .order(let number):
            Generation.BuildError(
                position: words.certificate,
                message: "'\(chain)' begins with the wrong certificate: the one of the key is"
                    + " number \(number) in it, and has to come first")
        }
    }

    private mutating func warn(_ remarks: [String], at words: TLSSettings.Words) {
        for remark in remarks {
            warnings.append(
                Generation.BuildError(
                    position: words.certificate, message: remark, severity: .warning))
        }
    }
}

extension TLSCertificate.Validity {
    /// Nil while there is nothing to say.
    ///
    /// - Parameter others: who is shown the certificate.
    fileprivate func remark(refusedBy others: String) -> String? {
        let name = number == 1 ? "this certificate" : "certificate \(number) of this chain"
        return switch state {
        case .valid: nil
        case .expired(let days):
            "\(name) has expired \(Self.text(days, "ago")): \(others) refuse it (get a new one)"
        case .notYet(let days):
            "\(name) is not valid before \(Self.text(days, "from now")): \(others) refuse it until"
                + " then (is the clock of this machine right?)"
        }
    }

    private static func text(_ days: Int, _ direction: String) -> String {
        if days == 0 { return direction == "ago" ? "today" : "the end of a day \(direction)" }
        return "\(days) day\(days == 1 ? "" : "s") \(direction)"
    }
}
