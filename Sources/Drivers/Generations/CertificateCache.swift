internal import Settings
internal import TLS

/// Loads every certificate once, however many listeners use it, and says at the words that name it
/// what is wrong with it.
struct CertificateCache {
    private struct Loaded {
        var certificate: TLSCertificate
        var remarks: [String]
    }

    private var loaded: [TLSSettings.Certificate: Loaded] = [:]
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

    private mutating func load(
        _ certificate: TLSSettings.Certificate, _ words: TLSSettings.Words
    ) throws(Generation.BuildError) -> TLSCertificate {
        if let known = loaded[certificate] {
            warn(known.remarks, at: words)
            return known.certificate
        }
        let made = try make(certificate, words)
        let remarks = made.validity.compactMap(\.remark)
        loaded[certificate] = Loaded(certificate: made, remarks: remarks)
        warn(remarks, at: words)
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
    fileprivate var remark: String? {
        let name = number == 1 ? "this certificate" : "certificate \(number) of this chain"
        return switch state {
        case .valid: nil
        case .expired(let days):
            "\(name) has expired \(Self.text(days, "ago")): clients refuse it (get a new one)"
        case .notYet(let days):
            "\(name) is not valid before \(Self.text(days, "from now")): clients refuse it until"
                + " then (is the clock of this machine right?)"
        }
    }

    private static func text(_ days: Int, _ direction: String) -> String {
        if days == 0 { return direction == "ago" ? "today" : "the end of a day \(direction)" }
        return "\(days) day\(days == 1 ? "" : "s") \(direction)"
    }
}
