package import Identity
package import TLS

/// Why keys could not be had. Nothing of what was received is in it.
package enum FetchFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was being done when the time was over.
    package enum Phase: String, Sendable, Hashable {
        case lookup = "the DNS lookup"
        case connect = "connecting"
        case handshake = "the TLS handshake"
        case answer = "the answer"
    }

    /// The certificates of `ca` cannot be used.
    case authority(String)
    case name(String)
    case connection(String)
    case tls
    case certificate(CertificateFault)
    case timeout(Phase)
    /// The answer is no HTTP, or ended early.
    case answer(String)
    /// Anything but 200 and redirects.
    case status(Int)
    /// Too many, or to a URL that is not https.
    case redirect(String)
    /// Octets.
    case tooLarge(limit: Int)
    case file(String)
    case document(KeySetDocument.Problem)

    package var description: String {
        switch self {
        case .authority(let reason): "the certificates of 'ca' cannot be used: \(reason)"
        case .name(let reason): "the host name cannot be looked up: \(reason)"
        case .connection(let reason): "no connection: \(reason)"
        case .tls: "the TLS handshake failed"
        case .certificate(let fault): fault.description
        case .timeout(let phase): "\(phase.rawValue) took too long"
        case .answer(let reason): "the answer is malformed: \(reason)"
        case .status(let status): "the answer has status \(status)"
        case .redirect(let reason): "redirected \(reason)"
        case .tooLarge(let limit): "the answer is larger than \(limit) octets"
        case .file(let reason): reason
        case .document(let problem): problem.description
        }
    }
}
